"""Wishes: commands that people leave for the running daemon."""

from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

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
_OUTCOME = select(wishes.c.outcome).where(wishes.c.workspace == THIS, wishes.c.number == bindparam("wish"))


async def undone(scope: Scope) -> list[Wish]:
    return [as_record(Wish, row) for row in await scope.rows(_UNDONE)]


async def answer(scope: Scope, number: int, *, outcome: str, at: datetime) -> None:
    await scope.change(_ANSWER, wish=number, said=outcome, at=at)
