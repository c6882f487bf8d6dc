"""From the sources to checked settings; every problem at once, each with its place and key, none with a value."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import InitSettingsSource

from daemon.config.ends import Database
from daemon.config.settings import Settings
from daemon.config.sources import Key, Source, read_source
from daemon.config.variables import Variables
from daemon.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Loaded:
    """Checked settings, and where each stands."""

    settings: Settings
    source: Source

    def warnings(self) -> Iterator[str]:
        """What is allowed, but should not stay so."""
        for number, workspace in enumerate(self.settings.workspaces):
            key = ("workspaces", number, "api_key")
            if workspace.api_key is not None and not self.source.variable(key):
                yield f"{self.source.where(key)}: {key_text(key)}: whoever reads the file has the key; use api_key_file"


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Reads and checks the settings, variables over the file; ConfigError says all that is wrong with them."""
    return checked(read_source(path, environ))


def database_url(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Where the database is, by a config whose other keys may be wrong. ConfigError where even that cannot be read."""
    source = read_source(path, environ)
    table = source.tree.get("database")
    said = (table if isinstance(table, dict) else {}) | Variables(Settings, source)().get("database", {})
    try:
        return Database(**{key: value for key, value in said.items() if key == "url"}).url.get_secret_value()
    except ValidationError as error:
        raise refusal(
            source, [_problem({**detail, "loc": ("database", *detail["loc"])}, source) for detail in error.errors()]
        ) from None


def checked(source: Source) -> Loaded:
    """The settings of a source; ConfigError says all that is wrong with them."""
    sources = (Variables(Settings, source), InitSettingsSource(Settings, source.tree))
    try:
        return Loaded(Settings(_build_sources=(sources, {})), source)
    except ValidationError as error:
        problems = [_problem(detail, source) for detail in error.errors(include_url=False, include_input=False)]
        raise refusal(source, problems) from None


def erp_tables(source: Source) -> Mapping[str, Any]:
    """The [erp.NAME] tables of a source as they are, checked by nobody, variables included."""
    there, set_beside = source.tree.get("erp"), Variables(Settings, source)().get("erp")
    both = [tables for tables in (there, set_beside) if isinstance(tables, dict)]
    names = dict.fromkeys(name for tables in both for name in tables)
    return {name: _joined([tables.get(name) for tables in both]) for name in names}


def _joined(tables: list[Any]) -> dict[str, Any]:
    return {key: value for table in tables if isinstance(table, dict) for key, value in table.items()}


def refusal(source: Source, problems: list[str]) -> ConfigError:
    """The error that carries these problems."""
    return ConfigError(
        f"{source.file} cannot be used: {_count(len(problems), 'problem')}",
        problems=problems,
        remedy="Correct them and try `consentio-sync config check`.",
    )


def key_text(key: Key) -> str:
    """`workspaces[0].api_key`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).removeprefix(".")


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def _problem(detail: ErrorDetails, source: Source) -> str:
    key = detail["loc"]
    return f"{source.where(key)}: {key_text(key)}: {_message(detail)}"


def _message(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return "there is no such key" + _suggestion(detail["loc"])
        case "missing":
            return "is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _:
            return detail["msg"].removeprefix("Input ").removeprefix("Value ")


def _suggestion(key: Key) -> str:
    close = difflib.get_close_matches(str(key[-1]), _known_keys(key[:-1]), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _known_keys(table: Key) -> list[str]:
    """The keys that a table may have, following the models' annotations down to it."""
    kind: Any = Settings
    for part in table:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(part)].annotation
        else:
            kind = next(arg for arg in get_args(kind) if arg not in {str, ...})
    return list(kind.model_fields)
