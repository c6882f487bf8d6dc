"""The environment as a source of settings: pydantic-settings reads it, and this fits what it read to the file.

A variable may add to a list of tables by number, spells an ERP's name in capitals, and is never ignored.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

from daemon.config.sources import PREFIX, Source

_DELIMITER = "__"


class Variables(EnvSettingsSource):
    """What the variables of a `Source` say, under the names and numbers that its file uses."""

    def __init__(self, settings: type[BaseSettings], source: Source) -> None:
        super().__init__(settings, case_sensitive=False, env_prefix=PREFIX, env_nested_delimiter=_DELIMITER)
        self.env_vars = {name.lower(): value for name, value in source.variables.items()}
        self._tree = source.tree

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:  # noqa: ARG002  # the library's signature
        """A list is written as JSON; all else is text, so that a password of digits stays one."""
        if value.startswith("["):
            with suppress(ValueError):
                return json.loads(value)
        return value

    def __call__(self) -> dict[str, Any]:
        fitted: dict[str, Any] = _fitted(super().__call__(), self._tree)
        return {**self._unknown(), **fitted}

    def _unknown(self) -> Mapping[str, Any]:
        """Tables that no model knows, which the library would pass over: the models refuse them."""
        first_parts = (name[len(self.env_prefix) :].split(_DELIMITER)[0] for name in self.env_vars)
        return {part: {} for part in first_parts if part not in self.settings_cls.model_fields}


def _fitted(read: Any, there: Any) -> Any:
    if not isinstance(read, dict):
        return read
    if isinstance(there, list):
        return _entries(read, there)
    spelt = {name.lower(): name for name in there} if isinstance(there, dict) else {}
    names = {part: spelt.get(part, part) for part in read}
    return {name: _fitted(read[part], there[name] if part in spelt else None) for part, name in names.items()}


def _entries(read: Mapping[str, Any], there: list[Any]) -> Any:
    """The file's entries with the variables' values in them, and those that variables add; unfitted, if a number is none."""
    entries = dict(enumerate(there))
    for part, values in read.items():
        number = int(part) if part.isdecimal() else -1
        entries[number] = {**entries.get(number, {}), **values} if isinstance(values, dict) else values
    return [entries[number] for number in sorted(entries)] if sorted(entries) == list(range(len(entries))) else dict(read)
