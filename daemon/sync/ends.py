"""ENDS: what the end of one effect means for its order, its ledger row and the log."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from daemon.domain import outcome
from daemon.domain.ledger import Kind, LedgerRow, Note, Outcome
from daemon.domain.news import TO_BE_DECIDED
from daemon.domain.plan import ALREADY_REFERENCED, AMBIGUOUS, park
from daemon.domain.reading import is_before_wall
from daemon.domain.state import OLDER_THAN_WALL, OrderState, Situation, WorkspaceState
from daemon.errors import Ambiguous, Conflict, ErpUnavailable, OrderRejected
from daemon.ports import Record
from daemon.sync.amounts import WRONG_AMOUNTS, compared
from daemon.sync.calls import Late
from daemon.sync.intents import End, Found, Intent, NotOurs
from daemon.sync.way import Way

#: An effect that was not even begun is tried again after this.
_POSTPONED = timedelta(seconds=5)


class Naming(TypedDict):
    """A record as the domain takes it."""

    record: str
    number: str | None
    status: str | None


_VERDICTS = {OrderRejected: Outcome.REJECTED, Conflict: Outcome.CONFLICT, Ambiguous: Outcome.AMBIGUOUS}

_EVENTS = {Kind.CREATE: "order.created", Kind.UPDATE: "order.updated", Kind.CANCEL: "order.canceled"}
_COUNTS = {kind: event.removeprefix("order.") for kind, event in _EVENTS.items()}


def end_of(
    way: Way, workspace: WorkspaceState, state: OrderState, intent: Intent, end: End, *, now: datetime
) -> tuple[OrderState, Outcome | None]:
    """The order's new state and how its ledger row closes; None leaves the row open: a doubt."""
    if isinstance(end, Record):
        return _done(way, workspace, state, intent, end, now=now)
    if isinstance(end, Found):
        return _met(way, state, end.record, now), Outcome.FOUND
    if isinstance(end, NotOurs):
        return _not_ours(workspace, state), Outcome.WITHDRAWN
    if isinstance(end, OrderRejected | Conflict | Ambiguous):
        return _refused(way, state, intent.row, end, now), _VERDICTS[type(end)]
    if isinstance(end, Late):
        return outcome.postponed(state, now, _POSTPONED, str(end)), Outcome.WITHDRAWN
    if isinstance(end, ErpUnavailable):
        return outcome.postponed(state, now, timedelta(0)), Outcome.UNAVAILABLE
    return outcome.doubted(state), None


def _done(
    way: Way, workspace: WorkspaceState, state: OrderState, intent: Intent, record: Record, *, now: datetime
) -> tuple[OrderState, Outcome]:
    row = intent.row
    if row.kind is Kind.CANCEL:
        return outcome.canceled(state, row, digest=intent.digest, now=now), Outcome.DONE
    if not record.live and row.kind is Kind.UPDATE:
        return park(state.evolve(erp_cancelled=True), TO_BE_DECIDED), Outcome.CONFLICT
    if not record.live:  # an ERP that refuses a second key answered with the record of the first
        return outcome.met_cancelled(state, now), Outcome.FOUND
    if row.kind is Kind.CREATE and _may_be_earlier(way, workspace, state, intent):
        return outcome.adopted(state, **naming(way, state, record), now=now), Outcome.DONE
    done = outcome.written(state, row, **naming(way, state, record), digest=intent.digest, now=now)
    return compared(way, state, done, intent.effect.order, total=record.total, lines=record.lines), Outcome.DONE


def naming(way: Way, state: OrderState, record: Record) -> Naming:
    """What the record is called from now on. Its own id serves as its number, unless the ERP gives it one later."""
    known = state.erp_number if state.erp_record == record.id else None
    by_id = None if way.erp.capabilities.numbers_later else record.id
    return {"record": record.id, "number": record.number or known or by_id, "status": record.status}


def _may_be_earlier(way: Way, workspace: WorkspaceState, state: OrderState, intent: Intent) -> bool:
    """Whether the answer may be the record of an earlier create, with an older content: nobody could ask before this one (A6)."""
    can = way.erp.capabilities
    if can.find != "nothing" or not can.refuses_second_key:
        return False
    born, known_since = state.created_at or state.updated_at, workspace.restored_at or workspace.inventory_at
    return not intent.is_first or known_since is None or born is None or born <= known_since


def _met(way: Way, state: OrderState, record: Record, now: datetime) -> OrderState:
    if not record.live:
        return outcome.met_cancelled(state, now)
    return outcome.adopted(state, **naming(way, state, record), now=now)


def _not_ours(workspace: WorkspaceState, state: OrderState) -> OrderState:
    """Somebody typed it in and told Consentio: baseline if the first inventory found it, else for a person to decide."""
    state = state.evolve(body_revision=0)  # nothing was sent: let through years later, its key carries what it says by then
    if state.reason == OLDER_THAN_WALL:
        return park(state, OLDER_THAN_WALL)
    if is_before_wall(state, workspace):
        return outcome.freed(state).evolve(situation=Situation.BASELINE)
    return park(state, ALREADY_REFERENCED)


def left_alone(way: Way, state: OrderState) -> Note:
    """For the story of an order that is baseline after all, though a person may have let it through."""
    return way.note("left alone", order_id=state.id, reason="Consentio shows a reference of it that is not ours")


def _refused(way: Way, state: OrderState, row: LedgerRow, end: OrderRejected | Conflict | Ambiguous, now: datetime) -> OrderState:
    missing = end.missing if isinstance(end, OrderRejected) else ()
    reason = f"{AMBIGUOUS}{end}" if isinstance(end, Ambiguous) else str(end)
    state = outcome.refused(state, row, reason=reason, missing=missing, now=now)
    if missing and state.situation is Situation.PARKED:
        return state.evolve(due_at=now + way.rules.missing_recheck)
    return state


def told(way: Way, row: LedgerRow, state: OrderState, verdict: Outcome | None, end: End) -> Mapping[str, int]:
    """One log line for what happened, and its counts, in the words of the tally."""
    fields: dict[str, object] = {"order_id": row.order_id, "key": row.key, "revision": row.revision}
    if verdict is None:
        way.say("order.in_doubt", kind=row.kind.value, error=answer_text(end), **fields)
        return {"in_doubt": 1}
    if verdict is Outcome.DONE:
        way.say(_EVENTS[row.kind], record=row.record or state.erp_record, **fields)
        if state.reason.startswith(WRONG_AMOUNTS):
            way.say("order.parked", order_id=row.order_id, reason=state.reason)
        is_parked, is_wrong = state.situation is Situation.PARKED, bool(state.mismatch) and row.kind is not Kind.CANCEL
        return {_COUNTS[row.kind]: 1, "parked": int(is_parked), "mismatched": int(is_wrong)}
    if verdict is Outcome.FOUND:
        way.say("order.adopted", record=state.erp_record, **fields)
        return {"adopted": 1}
    if state.situation is Situation.PARKED:
        tell_parked(way, state)
        return {"parked": 1}
    if state.situation is Situation.BASELINE:
        return {"baseline": 1}
    return {"retrying": 1}


def tell_parked(way: Way, state: OrderState) -> None:
    """What it misses is told once for each key, however many orders miss it (`gap.found`)."""
    if state.missing:
        way.say("gap.met", order_id=state.id, reason=state.reason, missing=list(state.missing))
    else:
        way.say("order.parked", order_id=state.id, reason=state.reason)


def not_asked(error: Exception) -> str:
    """Why an order waits whose key could not be asked for."""
    return f"the ERP could not be asked: {answer_text(error)}"


def answer_text(end: End) -> str:
    """What the ERP answered, for the timeline; cut, so that an ERP's novel does not fill the database."""
    if isinstance(end, Found):
        return f"found record {end.record.id}"
    if isinstance(end, Record):
        return f"record {end.id}"
    return f"{type(end).__name__}: {end}"[:500]
