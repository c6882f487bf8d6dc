"""Many rows at once: SQLAlchemy writes the statement; the values go past it, for it spends more on a row than the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import Boolean, Dialect, Insert, Update

from daemon.store.columns import each_once

#: Says all values of a column to a driver at once.
Sayer = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Bulk:
    """One statement in a driver's own words, and how each of its values is said to that driver."""

    sql: str
    names: tuple[str, ...]
    sayers: tuple[Sayer | None, ...]

    def values(self, columns: Mapping[str, Sequence[object]]) -> list[tuple[Any, ...]]:
        """The rows as the driver takes them, made column by column, which is half the work."""
        said = (say(columns[name]) if say else columns[name] for name, say in zip(self.names, self.sayers, strict=True))
        return list(zip(*said, strict=True))


@cache
def bulk(statement: Insert | Update, kind: Any, columns: tuple[str, ...] | None) -> Bulk:
    """The statement for this class of dialect; an insert, for these columns."""
    dialect = kind(paramstyle="qmark" if kind.name == "sqlite" else "format")
    compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
    names = tuple(compiled.positiontup)
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    return Bulk(str(compiled), names, tuple(_sayer(each, dialect) for each in types))


def _sayer(kind: Any, dialect: Dialect) -> Sayer | None:
    """A kind of column of ours knows a short way for many values; SQLAlchemy's say them one by one."""
    if hasattr(kind, "sayer"):
        sayer: Sayer = kind.sayer(dialect)
        return sayer
    say = kind.bind_processor(dialect)
    if say is None:
        return None
    return partial(each_once, say) if isinstance(kind, Boolean) else lambda values: [*map(say, values)]
