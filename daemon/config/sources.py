"""Where the settings stand: the file's text and the environment's variables, not yet checked. Imports next to nothing."""

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

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """The raw settings, and where each one stands."""

    file: Path
    text: str
    #: What the file says.
    tree: dict[str, Any]
    #: What the environment says beside it, by name, in capitals.
    variables: Mapping[str, str] = field(default_factory=dict)

    def where(self, key: Key) -> str:
        """`config.toml:12`, or the variable's name; the place of the nearest table for a key that is not there."""
        for length in range(len(key), 0, -1):
            if name := self.variable(key[:length]):
                return name
            if line := self._lines.get(key[:length]):
                return f"{self.file}:{line}"
        inside = f"{_name_of(key)}__"
        return next((name for name in self.variables if name.startswith(inside)), str(self.file))

    def variable(self, key: Key) -> str | None:
        """The variable that sets this very key, if one does."""
        name = _name_of(key)
        return name if name in self.variables else None

    @cached_property
    def _lines(self) -> Mapping[Key, int]:
        from daemon.config.positions import lines_of  # noqa: PLC0415  # tomlkit is slow to import, and only problems need it

        return lines_of(self.text)


def config_file(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file that is named, else CONSENTIO_SYNC_CONFIG's, else ./config.toml."""
    return path or Path(environ.get(FILE_VARIABLE) or DEFAULT_FILE)


def read_source(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Source:
    """Reads the config file and picks our variables."""
    file = config_file(path, environ)
    text = _text(file)
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file} is no TOML: {error}", remedy="Mend that line; https://toml.io shows the notation.") from None
    return Source(file, text, tree, _ours(environ))


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


def _ours(environ: Mapping[str, str]) -> Mapping[str, str]:
    ours = {name.upper(): value for name, value in sorted(environ.items()) if name.startswith(PREFIX)}
    problems = [f"{name}: {problem}" for name in ours if (problem := _problem(name, ours))]
    if problems:
        raise ConfigError("Environment variables name no setting", problems=problems, remedy="Correct or unset them.")
    return ours


def _problem(name: str, ours: Mapping[str, str]) -> str | None:
    """What no model could tell: a name without a place, and a table that is set as a whole and in part."""
    if not all(name.removeprefix(PREFIX).split("__")):
        return "name the setting as TABLE__KEY, and an entry of a list by its number: WORKSPACES__0__API_KEY_FILE"
    if any(other.startswith(f"{name}__") for other in ours):
        return "is set beside variables that set parts of it"
    return None


def _name_of(key: Key) -> str:
    return (PREFIX + "__".join(map(str, key))).upper()
