"""Wishes: commands that people leave for the running daemon."""

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.domain.ledger import Wish
from daemon.store.records import as_record, as_values, columns_of
from daemon.store.scope import THIS, Scope
from daemon.store.tables import UNDONE, wishes

_COLUMNS = columns_of(wishes, Wish)
_UNDONE = select(*_COLUMNS).where(wishes.c.workspace == THIS, UNDONE).order_by(wishes.c.number)
_MAKE = insert(wishes).returning(wishes.c.number)
_ANSWER = (
    update(wishes)
    .where(wishes.c.workspace == THIS, wishes.c.number == bindparam("wish"))
    .values(done_at=bindparam("at"), outcome=bindparam("said"))
)
_NOTE = update(wishes).where(wishes.c.workspace == THIS, wishes.c.number == bindparam("wish")).values(progress=bindparam("new"))
_UNDONE_OF_ALL: Select[Any] = select(*_COLUMNS, wishes.c.workspace).where(UNDONE).order_by(wishes.c.number)
_ONE: Select[Any] = select(*_COLUMNS).where(wishes.c.number == bindparam("wish"))
_OUTCOME: Select[Any] = select(wishes.c.outcome).where(wishes.c.number == bindparam("wish"))


async def undone(scope: Scope) -> list[Wish]:
    return [as_record(Wish, row) for row in await scope.rows(_UNDONE)]


async def answer(scope: Scope, number: int, *, outcome: str, at: datetime) -> None:
    await scope.change(_ANSWER, wish=number, said=outcome, at=at)


async def note_progress(scope: Scope, number: int, progress: str) -> None:
    await scope.change(_NOTE, wish=number, new=progress)


async def undone_of_all(connection: AsyncConnection) -> dict[str, list[Wish]]:
    """By workspace."""
    found: dict[str, list[Wish]] = defaultdict(list)
    for row in await connection.execute(_UNDONE_OF_ALL):
        found[row.workspace].append(as_record(Wish, row))
    return found


async def one(connection: AsyncConnection, number: int) -> Wish:
    return as_record(Wish, (await connection.execute(_ONE, {"wish": number})).one())


async def make(scope: Scope, wish: Wish) -> int:
    """Returns the number that the wish gets; breaks the foreign key of a workspace that the database does not know."""
    values = {name: value for name, value in as_values(wish).items() if name != "number"}
    return int((await scope.connection.execute(_MAKE, {**values, "workspace": scope.workspace})).scalar_one())


async def outcome(connection: AsyncConnection, number: int) -> str | None:
    said: str | None = await connection.scalar(_OUTCOME, {"wish": number})
    return said
