"""Wishes: commands that people leave for the running daemon."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.domain.ledger import Wish
from daemon.store.records import as_record, columns_of
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
_OUTCOME: Select[Any] = select(wishes.c.outcome).where(wishes.c.number == bindparam("wish"))


async def undone(scope: Scope) -> list[Wish]:
    return [as_record(Wish, row) for row in await scope.rows(_UNDONE)]


async def answer(scope: Scope, number: int, *, outcome: str, at: datetime) -> None:
    await scope.change(_ANSWER, wish=number, said=outcome, at=at)


async def make(scope: Scope, what: str, *, order_id: str | None, who: str, reason: str, made_at: datetime) -> int:
    """Returns the number of the new wish; breaks the workspace's foreign key if the database does not know it."""
    values = {"workspace": scope.workspace, "what": what, "order_id": order_id, "who": who, "reason": reason, "made_at": made_at}
    return int((await scope.connection.execute(_MAKE, values)).scalar_one())


async def outcome(connection: AsyncConnection, number: int) -> str | None:
    said: str | None = await connection.scalar(_OUTCOME, {"wish": number})
    return said
