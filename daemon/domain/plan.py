"""What an order needs next: the difference between what is wanted and what the ERP is known to have. No events, only levels."""

from datetime import datetime
from enum import StrEnum

from daemon.domain.brakes import Brake
from daemon.domain.order import DELIVERABLE
from daemon.domain.state import OLDER_THAN_WALL, OrderState, Situation

#: A parked order stays parked for these reasons even when its content changes: only a person releases it.
ALREADY_REFERENCED = "already has a reference"
#: Begins the reason of an order that several records of the ERP may be: a person chooses one, or removes the others.
AMBIGUOUS = "ambiguous: "
#: Begins the reason of an order that has two live records, as the ERP said when it refused to cancel the older one.
BOTH_LIVE = "two records: "
#: Nobody can ask the ERP how its last call ended: only a person's word does.
OUTCOME_UNKNOWN = "outcome unknown"
#: The order needs an effect whose content this database no longer keeps or can no longer read: the next reading brings it.
CONTENT_GONE = "its content is no longer kept here"
OTHER_IDENTITY = "the order's id came back with another hash or creation moment"
_STICKY = frozenset({OLDER_THAN_WALL, ALREADY_REFERENCED, OTHER_IDENTITY})

#: Situations that only a person leaves, and those in which an open ledger row has the word.
_AT_REST = frozenset({Situation.PARKED, Situation.BASELINE, Situation.DISMISSED})
IN_FLIGHT = frozenset({Situation.DELIVERING, Situation.IN_DOUBT})


class Plan(StrEnum):
    """What the ERP side of an order needs next."""

    HOLD = "hold"  # it was never accepted or canceled; or the ERP cancelled it, and Consentio or a person has the word
    SETTLE = "settle"  # the ERP has it
    AGREE = "agree"  # canceled, and the ERP had cancelled its record before
    ASK = "ask"  # canceled, and no record is known: find out before it is settled (A6)
    CREATE = "create"
    UPDATE = "update"
    CANCEL = "cancel"


def plan(state: OrderState) -> Plan:
    """The next step of one order, from its levels alone."""
    if not state.wanted:
        return Plan.HOLD
    if state.erp_cancelled:
        return Plan.AGREE if state.is_canceled else Plan.HOLD
    if state.is_canceled:
        return _plan_cancel(state)
    if state.erp_record is None:
        return Plan.CREATE
    if state.erp_revision is None or state.erp_digest != state.wanted_digest:
        return Plan.UPDATE
    return Plan.SETTLE


def _plan_cancel(state: OrderState) -> Plan:
    if state.erp_record is not None:
        return Plan.CANCEL
    # No record, yet a known revision: the cancel itself is what the ERP has.
    return Plan.SETTLE if state.erp_revision else Plan.ASK


_BRAKES = {Plan.CANCEL: Brake.CANCELS, Plan.UPDATE: Brake.UPDATES}


def brake_of(state: OrderState) -> Brake | None:
    """Which brake may hold what the order needs next; None where none may, or a person released this revision."""
    return None if state.wanted == state.released else _BRAKES.get(plan(state))


def is_counted(state: OrderState) -> bool:
    """Whether a brake counts what the order needs next: an update over an unknown revision is a recovery."""
    brake = brake_of(state)
    return brake is Brake.CANCELS or (brake is Brake.UPDATES and state.erp_revision is not None)


def braked(state: OrderState, reason: str) -> OrderState:
    """A brake holds it until a person has looked, or its content changes."""
    return state.evolve(situation=Situation.BRAKED, reason=reason, due_at=None)


def steer(state: OrderState, now: datetime) -> OrderState:
    """Bring situation and due date in line with the plan, where neither a person nor an open ledger row has the word."""
    if state.situation in _AT_REST or state.situation in IN_FLIGHT:
        return state
    step = plan(state)
    if step is Plan.HOLD and not (state.verify and state.wanted):
        return state.evolve(situation=Situation.HELD, due_at=None)
    if step is Plan.SETTLE and not state.verify:
        return settled(state)
    if step is Plan.AGREE and not state.verify:
        return settled(without_record(state))
    if state.situation is Situation.RETRYING and state.due_at is not None:
        return state
    return state.evolve(situation=Situation.WAITING, due_at=now)


def without_record(state: OrderState) -> OrderState:
    """The record does not count any more; the next create is another incarnation, with another key (A2)."""
    return state.evolve(
        erp_record=None,
        erp_number=None,
        erp_status=None,
        erp_cancelled=False,
        mismatch="",
        incarnation=state.incarnation + 1,
        body_revision=0,
        told_id=None,
        told_status=None,
        hint=state.told_id or state.erp_number,  # Consentio goes on showing it, which is no news
        tell_due_at=None,  # else an empty reference would be told
        tell_attempts=0,
        tell_reason="",
    )


def settled(state: OrderState) -> OrderState:
    """The ERP has the wanted content."""
    return state.evolve(
        situation=Situation.SETTLED,
        erp_revision=state.wanted,
        erp_digest=state.wanted_digest,
        attempts=0,
        due_at=None,
        reason="",
        missing=(),
    )


def wake(state: OrderState, now: datetime) -> OrderState:
    """Whatever parked or dismissed it is over: look again now."""
    fresh = state.evolve(situation=Situation.WAITING, attempts=0, reason="", missing=(), due_at=now, dismissed_revision=0)
    return steer(fresh, now)


def park(state: OrderState, reason: str, missing: tuple[str, ...] = ()) -> OrderState:
    """A person is needed."""
    return state.evolve(situation=Situation.PARKED, reason=reason, missing=missing, due_at=None)


def dismissed(state: OrderState, why: str) -> OrderState:
    """A person says that nothing shall be sent, of this revision (A26)."""
    return park(state, why).evolve(situation=Situation.DISMISSED, dismissed_revision=state.latest, attempts=0)


def is_too_old(state: OrderState) -> bool:
    """Whether it is left alone for having been created before going live."""
    return state.situation is Situation.BASELINE or state.reason == OLDER_THAN_WALL


def is_left_alone(state: OrderState) -> bool:
    """Whether only a person may wake it: it predates going live, was dismissed, is somebody else's, or is in the ERP twice."""
    if state.situation is Situation.PARKED:
        return state.reason in _STICKY or state.reason.startswith(BOTH_LIVE) or state.dismissed_revision > 0
    return state.situation in _AT_REST


def is_conflict(state: OrderState) -> bool:
    """Cancelled in the ERP, and not on Consentio."""
    return state.erp_cancelled and not state.is_canceled


def changed(state: OrderState, now: datetime) -> OrderState:
    """A new revision was recorded: what does it wake?"""
    if state.situation is Situation.DISMISSED:
        return park(state, f"changed after revision {state.dismissed_revision} was dismissed")
    if state.situation is Situation.PARKED and not is_left_alone(state) and not is_conflict(state):
        return wake(state, now)
    if state.situation is Situation.RETRYING:
        return wake(state, now).evolve(attempts=state.attempts)
    return steer(state, now)


def with_tell(state: OrderState, now: datetime) -> OrderState:
    """Bring the Consentio side in line: something is to be told when the ERP's number or status is not what was told.

    How a status is spelt there is the way's business: what comes out equal after all is not told.
    """
    if state.erp_number is None or state.erp_revision is None or _is_told(state):
        return state.evolve(tell_due_at=None, tell_attempts=0, tell_reason="") if state.tell_due_at else state
    return state if state.tell_due_at or state.tell_reason else state.evolve(tell_due_at=now)


def _is_told(state: OrderState) -> bool:
    return (state.told_id, state.told_status) == (state.erp_number, state.erp_status)


def is_ackable(state: OrderState) -> bool:
    """Whether `seen` may be sent, as far as the order itself knows: its ERP copy is the latest revision and no row is open."""
    return (
        state.edited
        and not state.verify
        and state.situation is Situation.SETTLED
        and state.latest == state.wanted == state.erp_revision
        and state.latest_status in DELIVERABLE
    )
