"""Where the settings come from: the file first, then environment variables over it."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from daemon.errors import ConfigError

#: Two underscores: Kubernetes sets CONSENTIO_SYNC_PORT and the like by itself for a service of our name.
PREFIX = "CONSENTIO_SYNC__"
FILE_VARIABLE = "CONSENTIO_SYNC_CONFIG"
DEFAULT_FILE = Path("config.toml")

#: The tables that are lists, whose entries a variable names by number.
_LISTS = frozenset({"workspaces"})

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """The raw settings, and where each one stands."""

    file: Path
    text: str
    tree: dict[str, Any]
    variables: Mapping[Key, str] = field(default_factory=dict)

    def where(self, key: Key) -> str:
        """`config.toml:12`, or the variable's name; the place of the nearest table for a key that is not there."""
        for length in range(len(key), 0, -1):
            if name := self.variables.get(key[:length]):
                return name
            if line := self._lines.get(key[:length]):
                return f"{self.file}:{line}"
        return str(self.file)

    @cached_property
    def _lines(self) -> Mapping[Key, int]:
        from daemon.config.positions import lines_of  # noqa: PLC0415  # tomlkit is slow to import, and only problems need it

        return lines_of(self.text)


def read_source(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Source:
    """Reads the file (the one named, else CONSENTIO_SYNC_CONFIG's, else ./config.toml) and lays the variables over it."""
    file = path or Path(environ.get(FILE_VARIABLE) or DEFAULT_FILE)
    text = _text(file)
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file} is no TOML: {error}", remedy="Mend that line; https://toml.io shows the notation.") from None
    return _overridden(Source(file, text, tree), environ)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        message = f"There is no config file {file}"
        raise ConfigError(message, remedy="Write one with `consentio-sync config init`, or name yours with --config.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", remedy="Let this user read it.") from None


def _overridden(source: Source, environ: Mapping[str, str]) -> Source:
    variables: dict[Key, str] = {}
    problems = []
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        parts = name.removeprefix(PREFIX).lower().split("__")
        try:
            variables[_place(source.tree, parts, _value(environ[name]))] = name
        except LookupError as error:
            problems.append(f"{name}: {error.args[0]}")
    if problems:
        raise ConfigError("Environment variables name no setting", problems=problems, remedy="Correct or unset them.")
    return Source(source.file, source.text, source.tree, variables)


def _value(text: str) -> object:
    """A list is written as JSON; all else is text, which the models turn into numbers and truth values."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _place(tree: dict[str, Any], parts: list[str], value: object) -> Key:
    """Puts one value into the tree, making the tables on its way. Returns the key it got."""
    key: list[str | int] = []
    node: Any = tree
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        step = _step(node, part)
        key.append(step)
        if following is None:
            node[step] = value
        elif isinstance(node, dict):
            node = node.setdefault(step, [] if step in _LISTS else {})
        else:
            node = node[step]
    return tuple(key)


def _step(node: Any, part: str) -> str | int:
    if isinstance(node, dict) and part:
        return next((name for name in node if name.lower() == part), part)
    if isinstance(node, list) and part.isdecimal() and int(part) <= len(node):
        if int(part) == len(node):
            node.append({})
        return int(part)
    raise LookupError("name the setting as TABLE__KEY, and an entry of a list by its number: WORKSPACES__0__API_KEY_FILE")
