"""What one reading of an order means: content decides, not dates (law 6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.domain.content import DIGEST_VERSION
from daemon.domain.ledger import Stream
from daemon.domain.order import DELIVERABLE, Order
from daemon.domain.plan import CONTENT_GONE, OTHER_IDENTITY, changed, is_too_old, park, steer, wake, with_tell
from daemon.domain.state import OLDER_THAN_WALL, OrderState, Situation, WorkspaceState
from daemon.domain.window import Slice

#: How often a reference is told again because sweeps read another one, and never ours (A24): an API that spells it otherwise must
#: make no loop.
MAX_RETOLD = 3

UNREADABLE = "cannot be read: "


class Verdict(StrEnum):
    """What a reading was; a run must balance over these and the unreadable ones."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One order as one answer showed it."""

    order: Order
    digest: str
    raw: bytes
    #: The ordinal of the request: a later request has a larger one, across restarts too.
    ordinal: int
    stream: Stream
    #: The grid's cell that was asked for; None for the edited list.
    cell: Slice | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a reading: the new state, and whether it brought a revision to record."""

    verdict: Verdict
    state: OrderState
    is_revision: bool = False


#: To begin with: filled field by field, a state costs five times as much.
_NOTHING_MET = OrderState(id="", hash_id=None, created_at=None)


def first(reading: Reading, workspace: WorkspaceState, now: datetime, *, edited: bool = False) -> Taken:
    """An order that this database meets for the first time; `edited` if an unreadable reading of it stood on the edited list."""
    order = reading.order
    met = _NOTHING_MET.evolve(
        id=order.id,
        hash_id=order.hash_id,
        created_at=order.created_at,
        edited=edited,
        met_with_reference=order.reference is not None,
        verify=_is_forgotten(order, workspace),
    )
    state = _revised(_listed(met, reading, now), reading)
    return Taken(Verdict.NEW, _going_live(state, workspace, now), is_revision=True)


def _is_forgotten(order: Order, workspace: WorkspaceState) -> bool:
    """First met after a restore, yet created before it: this database may have known it."""
    restored, born = workspace.restored_at, order.created_at or order.updated_at
    return restored is not None and born is not None and born <= restored


def _going_live(state: OrderState, workspace: WorkspaceState, now: datetime) -> OrderState:
    """What people typed in before the start wall must not be doubled."""
    if not is_before_wall(state, workspace):
        return steer(state, now)
    if state.verify or state.met_with_reference:  # the ERP is asked first; the reason tells what an answer of "none" means
        is_legacy = workspace.inventory_at is not None or (state.verify and state.latest_status in DELIVERABLE)
        return steer(state.evolve(reason=OLDER_THAN_WALL if is_legacy else ""), now)
    if workspace.inventory_at is None:
        return state.evolve(situation=Situation.BASELINE) if state.latest_status in DELIVERABLE else steer(state, now)
    return park(state, OLDER_THAN_WALL)


def is_before_wall(state: OrderState, workspace: WorkspaceState) -> bool:
    """Whether the order was created before this daemon went live."""
    wall, born = workspace.start_wall, state.created_at or state.updated_at
    return wall is not None and born is not None and born < wall


def take(state: OrderState, reading: Reading, now: datetime, *, sweep_interval: timedelta) -> Taken:
    """Another reading of a known order."""
    if _is_another(state, reading.order):
        return Taken(Verdict.STALE, park(state, OTHER_IDENTITY))
    listed = _hinted(_listed(state, reading, now, sweep_interval=sweep_interval), reading, now)
    if reading.digest == state.latest_digest and state.reason == CONTENT_GONE and state.latest == state.wanted:
        return Taken(Verdict.UNCHANGED, wake(_revised(listed, reading), now), is_revision=True)
    if reading.digest == state.latest_digest:
        return Taken(Verdict.UNCHANGED, _unchanged(state, listed, reading, now))
    if _looks_older(state, reading) and not _said_again(state, reading):
        return Taken(Verdict.STALE, listed.evolve(kept_digest=reading.digest, kept_ordinal=reading.ordinal))
    return Taken(Verdict.CHANGED, changed(_revised(listed, reading), now), is_revision=True)


def let_through(taken: Taken, reading: Reading, now: datetime) -> Taken:
    """A person vouches that an order older than the start wall was not typed in by hand: it goes its way like any other.

    Its content becomes a revision again: that of the first meeting may be forgotten. A reference that it bears by now is
    somebody's word that it was typed in after all, unless the ERP knows the order as ours.
    """
    if not is_too_old(taken.state):
        return taken
    state = taken.state if taken.is_revision else _revised(taken.state, reading)
    state = state.evolve(met_with_reference=state.met_with_reference or reading.order.reference is not None)
    return Taken(taken.verdict, wake(state, now), is_revision=True)


def _is_another(state: OrderState, order: Order) -> bool:
    """An id that comes back with another hash or creation moment is another order (A12)."""
    pairs = ((state.hash_id, order.hash_id), (state.created_at, order.created_at))
    return any(known is not None and read is not None and known != read for known, read in pairs)


def _listed(state: OrderState, reading: Reading, now: datetime, *, sweep_interval: timedelta = timedelta(0)) -> OrderState:
    """What any reading tells, older or not: where the order is listed, and whether it stands on the edited list."""
    if reading.cell is None:
        return state if state.edited or _is_seen_lately(state, reading, now, sweep_interval) else state.evolve(edited=True)
    start, end = reading.cell
    if state.just_seen and reading.ordinal > state.just_seen:
        state = state.evolve(just_seen=0)
    return state if (state.slice_from, state.slice_to) == (start, end) else state.evolve(slice_from=start, slice_to=end)


def _is_seen_lately(state: OrderState, reading: Reading, now: datetime, sweep_interval: timedelta) -> bool:
    """An API that keeps listing what was seen, or lists it because of the seen, must not make a loop (A16)."""
    if state.seen_at is None or state.seen_revision != state.latest or reading.digest != state.latest_digest:
        return False
    return timedelta(0) <= now - state.seen_at < sweep_interval


def _unchanged(old: OrderState, state: OrderState, reading: Reading, now: datetime) -> OrderState:
    stamps = [stamp for stamp in (state.updated_at, reading.order.updated_at) if stamp is not None]
    state = state.evolve(updated_at=max(stamps, default=None), kept_digest=None, kept_ordinal=0)
    if state.situation is Situation.PARKED and state.reason.startswith(UNREADABLE):
        state = wake(state, now)
    # The ordinal alone is not worth a write: readings are recorded in the order in which they began.
    return old if state == old else state.evolve(ordinal=max(state.ordinal, reading.ordinal))


def _looks_older(state: OrderState, reading: Reading) -> bool:
    held, read = state.updated_at, reading.order.updated_at
    if held is None or read is None or held == read:
        return reading.ordinal <= state.ordinal
    return read < held


def _said_again(state: OrderState, reading: Reading) -> bool:
    """An older-looking reading is kept out once; said again by a request begun later, it is the truth (A8)."""
    return state.kept_digest == reading.digest and reading.ordinal > max(state.kept_ordinal, state.ordinal)


def _hinted(state: OrderState, reading: Reading, now: datetime) -> OrderState:
    """References as read, compared with what was told (A24) and with what this database knows of (A6)."""
    reference = reading.order.reference
    ours = (state.told_id, state.erp_number, state.erp_record, state.hint)
    if reference is not None and reference not in ours and state.wanted:
        state = state.evolve(hint=reference, verify=state.situation is not Situation.BASELINE)
        state = steer(state, now) if state.situation is not Situation.SETTLED else state.evolve(due_at=now)
    if reading.stream not in (Stream.NEAR, Stream.WIDE) or state.told_id is None:
        return state
    if (reference, reading.order.reference_status) == (state.told_id, state.told_status):
        return state.evolve(retold=0) if state.retold else state
    if state.retold >= MAX_RETOLD:
        return state
    return with_tell(state.evolve(told_id=None, told_status=None, retold=state.retold + 1), now)


def _revised(state: OrderState, reading: Reading) -> OrderState:
    """The reading's content becomes the latest revision."""
    order, number = reading.order, state.latest + 1
    wanted: dict[str, object] = {}
    if order.status in DELIVERABLE:
        wanted = {"wanted": number, "wanted_status": order.status.value, "wanted_digest": reading.digest}
    return state.evolve(
        hash_id=state.hash_id or order.hash_id,
        created_at=state.created_at or order.created_at,
        customer=order.customer or state.customer,
        updated_at=order.updated_at,
        ordinal=reading.ordinal,
        kept_digest=None,
        kept_ordinal=0,
        latest=number,
        latest_status=order.status.value,
        latest_digest=reading.digest,
        latest_digest_version=DIGEST_VERSION,
        **wanted,
    )
