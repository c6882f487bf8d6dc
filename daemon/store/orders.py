"""Orders: the level that is steered, one row each, never deleted (A10)."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, compress
from operator import attrgetter, is_not
from typing import Any

from sqlalchemy import Column, ColumnElement, Executable, Update, and_, bindparam, case, exists, null, or_, select, update

from daemon.domain.state import OrderState, Situation
from daemon.store.columns import Reason, Words
from daemon.store.recall import Seen
from daemon.store.records import as_columns, as_record, columns_of, upsert
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import ACKABLE, KEPT, WATCHED, orders, revisions

#: A moment further ahead than this was stored under a clock that jumped: it counts as come (A9).
AHEAD = timedelta(days=1)
#: Due before everything else, by whatever clock: for statements that are told no time.
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)

_COLUMNS = columns_of(orders, OrderState)
_OURS = select(*_COLUMNS).where(orders.c.workspace == THIS)
_BY_ID = _OURS.where(orders.c.id.in_(WANTED))
_OUR_IDS = select(orders.c.id).where(orders.c.workspace == THIS)
_SAVE = upsert(orders)
_FIELDS = tuple(column.name for column in _COLUMNS)
_WORDS = {column.name: column.type for column in _COLUMNS if isinstance(column.type, Words)}
_REASONS = {name for name, kind in _WORDS.items() if isinstance(kind, Reason)}
#: Said by the state itself, and stored for its index.
_WATCHED = "watched"


def _come(column: Column[Any]) -> Executable:
    return _OUR_IDS.where(column <= bindparam("now")).order_by(column).limit(bindparam("limit"))


def _too_far(column: Column[Any]) -> Executable:
    return _OUR_IDS.where(column > bindparam("far")).order_by(column).limit(bindparam("limit"))


_DUE = (_come(orders.c.due_at), _too_far(orders.c.due_at))
_ACKABLE = _OUR_IDS.where(ACKABLE, orders.c.id > bindparam("after")).order_by(orders.c.id).limit(bindparam("limit"))
_WATCHED_SLICES = (
    select(orders.c.slice_from, orders.c.slice_to)
    .where(orders.c.workspace == THIS, WATCHED, orders.c.slice_from < bindparam("before"))
    .distinct()
    .order_by(orders.c.slice_from, orders.c.slice_to)
)
_IN_SLICE = select(orders.c.id).where(
    orders.c.workspace == THIS, orders.c.slice_from == bindparam("start"), orders.c.slice_to == bindparam("end")
)

_HOLDERS = select(orders.c.id).where(orders.c.workspace == THIS, orders.c.erp_record == bindparam("record")).order_by(orders.c.id)

#: Held with a record that was cancelled in the ERP: whether it still is must be asked, too, before Consentio follows.
_REOPENED = or_(
    orders.c.situation.in_([Situation.SETTLED, Situation.WAITING]),
    and_(orders.c.situation == Situation.HELD, orders.c.erp_cancelled),
)
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
    """Whether some row's moment has come, or lies too far ahead to be true: a condition that binds `now` and `far`."""
    ours = exists().where(column.table.c.workspace == THIS)
    return or_(ours.where(column <= bindparam("now")), ours.where(column > bindparam("far")))


async def load(scope: Scope, seen: Seen, ids: Iterable[str]) -> dict[str, OrderState]:
    """By id, in the order of the ids; only those that nobody recalls are read."""
    wanted = dict.fromkeys(ids)
    read = [as_record(OrderState, row) for row in await scope.rows_among(_BY_ID, (each for each in wanted if not seen.get(each)))]
    seen.add(read)
    return {order_id: state for order_id in wanted if (state := seen.get(order_id))}


async def save(scope: Scope, seen: Seen, states: Iterable[OrderState]) -> None:
    """An order that is new is inserted whole; of another one, only what changed is written."""
    latest = {state.id: state for state in states}
    new: list[OrderState] = []
    changes: dict[tuple[str, ...], list[OrderState]] = {}
    for order_id, state in latest.items():
        if (old := seen.get(order_id)) is None:
            new.append(state)
        elif names := _changed(old, state):
            changes.setdefault(names, []).append(state)
    new = _as_stored(new, _FIELDS)
    await scope.insert(_SAVE, {**as_columns(new), _WATCHED: [state.is_watched for state in new]})
    latest |= {state.id: state for state in new}
    for names, changed in changes.items():
        stored = _as_stored(changed, names)
        await scope.change_each(_change(names), _columns(names, stored))
        latest |= {state.id: state for state in stored}
    seen.add(latest.values())


def _as_stored(states: list[OrderState], names: tuple[str, ...]) -> list[OrderState]:
    """With these texts cleaned and masked, as the database will have them: what is recalled is what is stored.

    Almost all are well, which one look at all of them together shows.
    """
    words = [name for name in names if name in _WORDS]
    texts = {name: [*filter(None, map(attrgetter(name), states))] for name in words}
    together = "".join(chain.from_iterable(texts.values()))
    if together.isascii() and "\x00" not in together and not any(texts[name] for name in words if name in _REASONS):
        return states
    return [_cleaned(state, words) for state in states]


def _cleaned(state: OrderState, words: Iterable[str]) -> OrderState:
    values = state.__dict__
    cleaned = {name: said for name in words if (text := values[name]) and (said := _WORDS[name].say(text)) != text}
    return state.evolve(**cleaned) if cleaned else state


def _changed(old: OrderState, new: OrderState) -> tuple[str, ...]:
    before, after = old.__dict__, new.__dict__
    other = compress(after, map(is_not, before.values(), after.values()))  # few are, and only those are compared
    names = [name for name in other if before[name] != after[name]]
    return tuple(names if old.is_watched == new.is_watched else [*names, _WATCHED])


@cache
def _change(names: tuple[str, ...]) -> Update:
    values = {name: bindparam(f"new_{name}", type_=orders.c[name].type) for name in names}
    return update(orders).where(orders.c.workspace == THIS, orders.c.id == bindparam("this_id")).values(values)


def _read(column: str) -> Callable[[OrderState], object]:
    return attrgetter("is_watched" if column == _WATCHED else column)


def _columns(names: tuple[str, ...], states: list[OrderState]) -> dict[str, list[object]]:
    return {
        "this_id": [state.id for state in states],
        **{f"new_{name}": list(map(_read(name), states)) for name in names},
    }


async def due(scope: Scope, seen: Seen, now: datetime, limit: int) -> list[OrderState]:
    return await _first(scope, seen, _DUE, now=now, limit=limit)


async def _first(
    scope: Scope, seen: Seen, statements: tuple[Executable, Executable], *, now: datetime, limit: int
) -> list[OrderState]:
    come, too_far = statements
    ids = [row.id for row in await scope.rows(come, now=now, limit=limit)]
    if len(ids) < limit:
        ids += [row.id for row in await scope.rows(too_far, far=now + AHEAD, limit=limit - len(ids))]
    return [*(await load(scope, seen, ids)).values()]


async def ackable(scope: Scope, seen: Seen, limit: int, after: str) -> list[OrderState]:
    ids = [row.id for row in await scope.rows(_ACKABLE, limit=limit, after=after)]
    return [*(await load(scope, seen, ids)).values()]


async def watched_slices(scope: Scope, before: datetime) -> list[tuple[datetime, datetime]]:
    return [(row.slice_from, row.slice_to) for row in await scope.rows(_WATCHED_SLICES, before=before)]


async def ids_in_slice(scope: Scope, start: datetime, end: datetime) -> list[str]:
    return sorted([row.id for row in await scope.rows(_IN_SLICE, start=start, end=end)])


async def holders(scope: Scope, record: str) -> list[str]:
    return [row.id for row in await scope.rows(_HOLDERS, record=record)]


async def forget(scope: Scope, seen: Seen) -> int:
    seen.forget()
    return await scope.change(_FORGET)
