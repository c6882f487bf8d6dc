"""Errands: what Consentio shall be asked to do for an order, once."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select

from daemon.domain.ledger import Errand, Kind
from daemon.store.orders import AHEAD
from daemon.store.records import as_columns, as_record, columns_of, upsert
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import errands

_OURS = select(*columns_of(errands, Errand)).where(errands.c.workspace == THIS)
_OF_ORDERS = _OURS.where(errands.c.order_id.in_(WANTED))
#: A moment too far ahead was stored under a clock that jumped, and counts as come (A9).
_DUE = (
    _OURS.where(or_(errands.c.due_at <= bindparam("now"), errands.c.due_at > bindparam("far")))
    .order_by(errands.c.due_at, errands.c.order_id, errands.c.kind)
    .limit(bindparam("limit"))
)
_MADE = select(func.count().label("many")).where(
    errands.c.workspace == THIS,
    errands.c.kind == bindparam("kind"),
    errands.c.who == bindparam("maker"),
    errands.c.made_at >= bindparam("since"),
)
_SAVE = upsert(errands)


async def of_orders(scope: Scope, ids: Iterable[str]) -> list[Errand]:
    return [as_record(Errand, row) for row in await scope.rows_among(_OF_ORDERS, ids)]


async def due(scope: Scope, now: datetime, limit: int) -> list[Errand]:
    return [as_record(Errand, row) for row in await scope.rows(_DUE, now=now, far=now + AHEAD, limit=limit)]


async def count(scope: Scope, kind: Kind, who: str, *, since: datetime) -> int:
    return int((await scope.rows(_MADE, kind=kind, maker=who, since=since))[0].many)


async def save(scope: Scope, made: Iterable[Errand]) -> None:
    await scope.insert(_SAVE, as_columns(made))
