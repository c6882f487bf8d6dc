"""Many rows at once: SQLAlchemy writes the statement; the values go past it, for it spends more on a row than the database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Insert


@dataclass(frozen=True, slots=True)
class Bulk:
    """One statement in a driver's own words, and how each of its values is said to that driver."""

    sql: str
    names: tuple[str, ...]
    processors: tuple[Callable[[Any], Any] | None, ...]

    def values(self, rows: Sequence[Mapping[str, object]]) -> list[tuple[Any, ...]]:
        """The rows as the driver takes them; column by column, which is half the work."""
        columns = ([row[name] for row in rows] for name in self.names)
        said = (map(say, column) if say else column for say, column in zip(self.processors, columns, strict=True))
        return list(zip(*said, strict=True))


@cache
def bulk(statement: Insert, kind: Any, columns: tuple[str, ...]) -> Bulk:
    """The statement for these columns and this class of dialect."""
    dialect = kind(paramstyle="qmark" if kind.name == "sqlite" else "format")
    compiled: Any = statement.compile(dialect=dialect, column_keys=columns)
    names = tuple(compiled.positiontup)
    types = (statement.table.c[name].type for name in names)
    return Bulk(str(compiled), names, tuple(each.dialect_impl(dialect).bind_processor(dialect) for each in types))
