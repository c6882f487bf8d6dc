"""The line of each key of a TOML text."""

from collections.abc import Mapping

import tomlkit
from tomlkit.container import Container
from tomlkit.items import AoT, Item, Key, Table

_Path = tuple[str | int, ...]


def lines_of(text: str) -> Mapping[_Path, int]:
    """The line, counted from 1, on which each key and table of a valid TOML text begins."""
    found: dict[_Path, int] = {}
    _walk(tomlkit.parse(text), (), 1, found)
    return found


def _walk(container: Container, path: _Path, line: int, found: dict[_Path, int]) -> int:
    for key, item in container.body:
        line = _enter(key, item, path, line, found)
    return line


def _enter(key: Key | None, item: Item, path: _Path, line: int, found: dict[_Path, int]) -> int:
    if key is None:
        return line + item.as_string().count("\n")
    here = (*path, key.key)
    if isinstance(item, AoT):
        for number, table in enumerate(item.body):
            line = _table(table, (*here, number), line, found, headed=True)
        return line
    if isinstance(item, Table):
        return _table(item, here, line, found, headed=not (key.is_dotted() or item.is_super_table()))
    line += item.trivia.indent.count("\n")
    found.setdefault(here, line)
    return line + (item.as_string() + item.trivia.trail).count("\n")


def _table(table: Table, path: _Path, line: int, found: dict[_Path, int], *, headed: bool) -> int:
    line += table.trivia.indent.count("\n")
    found.setdefault(path, line)
    return _walk(table.value, path, line + headed, found)
