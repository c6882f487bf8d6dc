"""Orders: the level that is steered, one row each, never deleted (A10)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Executable, bindparam, case, exists, null, or_, select, update

from daemon.domain.state import OrderState, Situation
from daemon.store.records import as_record, as_values, columns_of, upsert
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import ACKABLE, KEPT, WATCHED, orders, revisions

#: A moment further ahead than this was stored under a clock that jumped: it counts as come (A9).
AHEAD = timedelta(days=1)
#: Due before everything else, by whatever clock: for statements that are told no time.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)

_COLUMNS = columns_of(orders, OrderState)
_OURS = select(*_COLUMNS).where(orders.c.workspace == THIS)
_BY_ID = _OURS.where(orders.c.id.in_(WANTED))
_SAVE = upsert(orders)


def _come(column: Column[Any]) -> Executable:
    return _OURS.where(column <= bindparam("now")).order_by(column).limit(bindparam("limit"))


def _too_far(column: Column[Any]) -> Executable:
    return _OURS.where(column > bindparam("far")).order_by(column).limit(bindparam("limit"))


_DUE = (_come(orders.c.due_at), _too_far(orders.c.due_at))
_TELLABLE = (_come(orders.c.tell_due_at), _too_far(orders.c.tell_due_at))
_ACKABLE = _OURS.where(ACKABLE, orders.c.id > bindparam("after")).order_by(orders.c.id).limit(bindparam("limit"))
_WATCHED_SLICES = (
    select(orders.c.slice_from, orders.c.slice_to)
    .where(orders.c.workspace == THIS, WATCHED, orders.c.slice_from < bindparam("before"))
    .distinct()
    .order_by(orders.c.slice_from, orders.c.slice_to)
)
_IN_SLICE = select(orders.c.id).where(
    orders.c.workspace == THIS, orders.c.slice_from == bindparam("start"), orders.c.slice_to == bindparam("end")
)

_REOPENED = orders.c.situation.in_([Situation.SETTLED, Situation.WAITING])
#: What could be sent again for a settled order; pruned once it has been at rest for long.
_HAS_CONTENT = exists().where(
    revisions.c.workspace == orders.c.workspace,
    revisions.c.order_id == orders.c.id,
    revisions.c.number == orders.c.wanted,
    KEPT,
)
_FORGET = (
    update(orders)
    .where(
        orders.c.workspace == THIS,
        orders.c.situation.not_in([Situation.BASELINE, Situation.DISMISSED]),
        or_(orders.c.situation != Situation.SETTLED, _HAS_CONTENT),
    )
    .values(
        erp_revision=null(),
        erp_digest=null(),
        verify=True,
        situation=case((_REOPENED, Situation.WAITING), else_=orders.c.situation),
        watched=case((_REOPENED, True), else_=orders.c.watched),
        due_at=case((_REOPENED, AT_ONCE), else_=orders.c.due_at),
        tell_due_at=null(),
    )
)


def is_due(column: Column[Any]) -> ColumnElement[bool]:
    """Whether an order's moment has come, or lies too far ahead to be true: a condition that binds `now` and `far`."""
    ours = exists().where(orders.c.workspace == THIS)
    return or_(ours.where(column <= bindparam("now")), ours.where(column > bindparam("far")))


async def load(scope: Scope, ids: Iterable[str]) -> dict[str, OrderState]:
    states = (as_record(OrderState, row) for row in await scope.rows_among(_BY_ID, ids))
    return {state.id: state for state in states}


async def save(scope: Scope, states: Iterable[OrderState]) -> None:
    await scope.insert(_SAVE, ({**as_values(state), "watched": state.is_watched} for state in states))


async def due(scope: Scope, now: datetime, limit: int) -> list[OrderState]:
    return await _first(scope, _DUE, now=now, limit=limit)


async def tellable(scope: Scope, now: datetime, limit: int) -> list[OrderState]:
    return await _first(scope, _TELLABLE, now=now, limit=limit)


async def _first(scope: Scope, statements: tuple[Executable, Executable], *, now: datetime, limit: int) -> list[OrderState]:
    come, too_far = statements
    rows = list(await scope.rows(come, now=now, limit=limit))
    if len(rows) < limit:
        rows += await scope.rows(too_far, far=now + AHEAD, limit=limit - len(rows))
    return [as_record(OrderState, row) for row in rows]


async def ackable(scope: Scope, limit: int, after: str) -> list[OrderState]:
    return [as_record(OrderState, row) for row in await scope.rows(_ACKABLE, limit=limit, after=after)]


async def watched_slices(scope: Scope, before: datetime) -> list[tuple[datetime, datetime]]:
    return [(row.slice_from, row.slice_to) for row in await scope.rows(_WATCHED_SLICES, before=before)]


async def ids_in_slice(scope: Scope, start: datetime, end: datetime) -> list[str]:
    return sorted([row.id for row in await scope.rows(_IN_SLICE, start=start, end=end)])


async def forget(scope: Scope) -> int:
    return await scope.change(_FORGET)
