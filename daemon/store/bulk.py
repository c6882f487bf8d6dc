"""Many rows at once: SQLAlchemy writes the statement; the values go past it, for it spends more on a row than the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Insert, Update

Processor = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Bulk:
    """One statement in a driver's own words, and how each of its values is said to that driver."""

    sql: str
    names: tuple[str, ...]
    processors: tuple[Processor | None, ...]

    def values(self, columns: Mapping[str, Sequence[object]]) -> list[tuple[Any, ...]]:
        """The rows as the driver takes them, made column by column, which is half the work."""
        said = (
            [*map(say, columns[name])] if say else columns[name] for name, say in zip(self.names, self.processors, strict=True)
        )
        return list(zip(*said, strict=True))


@cache
def bulk(statement: Insert | Update, kind: Any, columns: tuple[str, ...] | None) -> Bulk:
    """The statement for this class of dialect; an insert, for these columns."""
    dialect = kind(paramstyle="qmark" if kind.name == "sqlite" else "format")
    compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
    names = tuple(compiled.positiontup)
    types = [compiled.binds[name].type.dialect_impl(dialect) for name in names]
    return Bulk(str(compiled), names, tuple(each.bind_processor(dialect) for each in types))
