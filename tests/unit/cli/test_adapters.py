"""What `adapters` tells of a model, and of a plug-in that is broken."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from daemon.cli.adapters import adapters, settings_of_model, type_words
from daemon.errors import AdapterError


class Inner(BaseModel):
    units: dict[str, str] = Field({}, description="ours = theirs")


class Model(BaseModel):
    url: str = Field(description="where it answers")
    password: SecretStr | None = SecretStr("canary")
    state: Literal["draft", "done"] = "draft"
    names: list[str] = []
    inner: Inner = Inner()


def test_each_key_is_described():
    """Key, type, default, meaning, whether it must be there and whether it is secret; a secret's default is never shown."""
    told = [(s.key, s.type, s.default, s.meaning, s.is_required, s.is_secret) for s in settings_of_model(Model)]

    assert told == [
        ("url", "text", "", "where it answers", True, False),
        ("password", "text", "", "", False, True),
        ("state", 'one of "draft", "done"', '"draft"', "", False, False),
        ("names", "list of text", "[]", "", False, False),
        ("inner.units", "table of text", "{}", "ours = theirs", False, False),
    ]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Path, "path"),
        (timedelta, "duration"),
        (int | None, "whole number"),
        (float | str, "number or text"),
        (bool, "true or false"),
    ],
)
def test_types_are_told_in_words(kind, words):
    """Nobody who writes a config must read Python."""
    assert type_words(kind) == words


def test_a_plug_in_that_cannot_be_imported_is_told(tmp_path, monkeypatch, capsys):
    """The others are listed all the same; named by itself it is an error."""
    described = tmp_path / "broken_erp-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-erp\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[daemon.erp]\nbroken = no_such_module:Adapter\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    adapters(as_json=True)

    told = {adapter["name"]: adapter for adapter in json.loads(capsys.readouterr().out)}
    assert "cannot be imported: ModuleNotFoundError" in told["broken"]["error"]
    assert told["broken"]["package"] == "broken-erp 1.0"
    assert told["files"]["settings"][0]["key"] == "folder"
    adapters()
    assert "broken (broken-erp 1.0)\n  cannot be used: " in capsys.readouterr().out
    with pytest.raises(AdapterError):
        adapters("broken")
