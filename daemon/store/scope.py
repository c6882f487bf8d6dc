"""One workspace inside one open transaction, and the few ways in which the statements of this room are run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, CursorResult, Executable, Insert, Row, Update, bindparam
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.errors import PoisonRow, StoreUnavailable
from daemon.store.bulk import bulk
from daemon.store.records import Upsert

T = TypeVar("T")

#: The workspace, in every statement that is not an insert.
THIS: BindParameter[str] = bindparam("this_workspace")
#: The names that are asked for, in statements for `rows_among`.
WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
#: Databases bound the number of values in one statement.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Scope:
    """One workspace inside one open transaction."""

    connection: AsyncConnection
    workspace: str

    async def rows(self, statement: Executable, **values: object) -> Sequence[Row[Any]]:
        """Every row of an answer."""
        return (await self._execute(statement, {"this_workspace": self.workspace, **values})).all()

    async def rows_among(self, statement: Executable, wanted: Iterable[Any]) -> list[Row[Any]]:
        """The rows whose names are WANTED, by as many statements as that takes."""
        return [row for chunk in chunks(wanted) for row in await self.rows(statement, wanted=chunk)]

    async def change(self, statement: Executable, **values: object) -> int:
        """Returns how many rows were changed."""
        return (await self._execute(statement, {"this_workspace": self.workspace, **values})).rowcount

    async def insert(self, statement: Insert | Upsert, columns: Mapping[str, Sequence[object]]) -> None:
        """New rows of this workspace, column by column; none where there is no column."""
        count = len(next(iter(columns.values()), ()))
        if count:
            chosen = statement if isinstance(statement, Insert) else statement[self.connection.dialect.name]
            whole = {**columns, "workspace": [self.workspace] * count}
            await self._run_many(chosen, whole, tuple(whole))

    async def change_each(self, statement: Update, columns: Mapping[str, Sequence[object]]) -> None:
        """One change for each row, its values by their names, column by column; every row must be there."""
        count = len(next(iter(columns.values())))
        changed = await self._run_many(statement, {**columns, "this_workspace": [self.workspace] * count}, None)
        if changed != count:
            raise StoreUnavailable(f"{count - changed} of {count} rows of workspace {self.workspace} are not in this database")

    async def _run_many(
        self, statement: Insert | Update, columns: Mapping[str, Sequence[object]], names: tuple[str, ...] | None
    ) -> int:
        kind: Any = type(self.connection.dialect)
        chosen = bulk(statement, kind, names)
        with _fitting():
            return (await self.connection.exec_driver_sql(chosen.sql, chosen.values(columns))).rowcount

    async def _execute(self, statement: Executable, values: Any) -> CursorResult[Any]:
        with _fitting():
            return await self.connection.execute(statement, values)


@contextmanager
def _fitting() -> Iterator[None]:
    try:
        yield
    except OverflowError:  # SQLite's driver, of a number over 64 bits, before it asks the database
        raise PoisonRow("A number is too large for the database") from None


def chunks(names: Iterable[T]) -> Iterator[list[T]]:
    """The names, each once, in lists as long as one statement may bind."""
    rest = iter(dict.fromkeys(names))
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
