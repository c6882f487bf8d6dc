from importlib.metadata import EntryPoint, EntryPoints

import pytest
from pydantic import BaseModel, SecretStr

from daemon.erp import loader
from daemon.erp.files import FilesAdapter
from daemon.errors import AdapterError, ConfigError


class Good:
    contract = 1
    capabilities = None

    class Settings(BaseModel, extra="forbid"):
        address: str
        password: SecretStr
        port: int = 443


class OfTomorrow(Good):
    contract = 2


class WithoutSettings:
    contract = 1
    capabilities = None


@pytest.fixture
def plugged(monkeypatch):
    """Makes the classes of this module the installed adapters."""
    values = {
        "good": f"{__name__}:Good",
        "tomorrow": f"{__name__}:OfTomorrow",
        "bare": f"{__name__}:WithoutSettings",
        "broken": "no_such_module:Adapter",
    }
    points = [EntryPoint(name, value, loader.GROUP) for name, value in values.items()]
    points += [EntryPoint("twice", value, loader.GROUP) for value in ("one:A", "two:B")]
    monkeypatch.setattr(loader, "entry_points", lambda **params: EntryPoints(points).select(**params))
    monkeypatch.setattr(EntryPoint, "load", _load)


def _load(point):
    if point.value.startswith(__name__):
        return globals()[point.attr]
    raise ModuleNotFoundError(f"No module named '{point.module}'")


def test_the_built_in_adapter_is_installed():
    """The package itself registers the `files` adapter."""
    assert "files" in loader.installed()
    assert loader.adapter_class("files") is FilesAdapter


def test_an_unknown_name_lists_what_there_is(plugged):
    """A misspelt adapter is answered with the names that would work."""
    with pytest.raises(AdapterError, match="'sapp'") as refused:
        loader.adapter_class("sapp")
    assert "good" in refused.value.remedy


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("broken", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("tomorrow", "contract version 2"),
        ("bare", "Settings"),
        ("twice", "one:A, two:B"),
    ],
)
def test_what_cannot_be_used_says_why(plugged, name, said):
    """An adapter that fails to import, or is of another contract, is refused with its cause and a remedy."""
    with pytest.raises(AdapterError, match=said) as refused:
        loader.adapter_class(name)
    assert refused.value.remedy


def test_all_problems_of_a_table_at_once(plugged):
    """Every wrong key of the table is named with what to do, and no value is repeated."""
    with pytest.raises(ConfigError) as refused:
        loader.settings_of("good", {"adapter": "good", "port": "hunter2", "pasword": "hunter3"})

    told = "\n".join(refused.value.problems)
    assert "port: " in told
    assert "address: Field required" in told
    assert "pasword: unknown key; did you mean password?" in told
    assert "hunter" not in told + str(refused.value)


def test_settings_are_read(plugged):
    """A right table becomes the adapter's own settings."""
    settings = loader.settings_of("good", {"adapter": "good", "address": "erp", "password": "x"})
    assert (settings.address, settings.port) == ("erp", 443)
