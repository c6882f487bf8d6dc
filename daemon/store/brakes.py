"""Brakes: how much of a workspace was, or is about to be, cancelled or changed in the ERP, and what a brake holds."""

from datetime import datetime

from sqlalchemy import ColumnElement, Executable, bindparam, func, or_, select, union

from daemon.domain.brakes import Brake
from daemon.domain.ledger import Kind, Outcome
from daemon.domain.state import OrderState, Situation
from daemon.store.records import as_record, columns_of
from daemon.store.scope import THIS, Scope
from daemon.store.tables import COUNTED, WATCHED, ledger, orders

_KINDS = {Brake.CANCELS: Kind.CANCEL, Brake.UPDATES: Kind.UPDATE}
#: What `daemon.domain.plan` says of one order, said of all at once; a test holds the two together.
_NEEDS: dict[Brake, tuple[ColumnElement[bool], ...]] = {
    Brake.CANCELS: (orders.c.wanted_status == "canceled",),
    Brake.UPDATES: (
        orders.c.wanted_status != "canceled",
        orders.c.erp_revision.is_not(None),
        or_(orders.c.erp_digest.is_(None), orders.c.erp_digest != orders.c.wanted_digest),
    ),
}
_MAY_HAVE_HAPPENED = or_(ledger.c.outcome.is_(None), ledger.c.outcome.in_([Outcome.DONE, Outcome.FOUND, Outcome.UNKNOWN]))


def _counted(brake: Brake) -> Executable:
    done = select(ledger.c.order_id).where(
        ledger.c.workspace == THIS,
        COUNTED,
        ledger.c.started_at >= bindparam("since"),
        ledger.c.kind == _KINDS[brake],
        _MAY_HAVE_HAPPENED,
    )
    due = select(orders.c.id).where(
        orders.c.workspace == THIS,
        orders.c.due_at.is_not(None),
        or_(orders.c.situation != Situation.PARKED, orders.c.due_at <= bindparam("now")),
        orders.c.erp_record.is_not(None),
        orders.c.wanted > 0,
        orders.c.wanted != orders.c.released,
        *_NEEDS[brake],
    )
    return select(func.count().label("many")).select_from(union(done, due).subquery())


_COUNTED = {brake: _counted(brake) for brake in Brake}
_LISTED = select(func.count().label("many")).where(
    orders.c.workspace == THIS, orders.c.slice_from >= bindparam("since"), orders.c.situation != Situation.BASELINE
)
_HELD = (
    select(*columns_of(orders, OrderState))
    .where(orders.c.workspace == THIS, WATCHED, orders.c.situation == Situation.BRAKED)
    .order_by(orders.c.id)
    .limit(bindparam("limit"))
)
_HELD_BY = {
    Brake.CANCELS: _HELD.where(orders.c.wanted_status == "canceled"),
    Brake.UPDATES: _HELD.where(orders.c.wanted_status != "canceled"),
}


async def count(scope: Scope, brake: Brake, *, since: datetime, now: datetime) -> int:
    return int((await scope.rows(_COUNTED[brake], since=since, now=now))[0].many)


async def count_listed(scope: Scope, since: datetime) -> int:
    return int((await scope.rows(_LISTED, since=since))[0].many)


async def held(scope: Scope, brake: Brake, limit: int) -> list[OrderState]:
    return [as_record(OrderState, row) for row in await scope.rows(_HELD_BY[brake], limit=limit)]
