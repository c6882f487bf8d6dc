"""What the end of an effect means for its order. Every step is pure and ends in a steered state."""

from datetime import datetime, timedelta

from daemon.domain.backoff import backoff
from daemon.domain.ledger import Kind, LedgerRow
from daemon.domain.plan import park, steer, with_tell, without_record
from daemon.domain.state import OLDER_THAN_WALL, OrderState, Situation


def intended(state: OrderState, row: LedgerRow) -> OrderState:
    """The intent is committed: until its outcome is, the row has the word."""
    under_way: dict[str, object] = {"situation": Situation.DELIVERING, "due_at": None}
    if row.kind is not Kind.CREATE:
        return state.evolve(**under_way)
    # That an earlier cancel left nothing in the ERP counts no longer: were this create in doubt, its cancel must be sent, too.
    known = None if state.erp_revision is None else 0
    return state.evolve(**under_way, body_revision=row.revision, erp_revision=known, erp_digest=None)


def doubted(state: OrderState) -> OrderState:
    """Nobody knows whether the effect happened."""
    return state if state.situation is Situation.PARKED else state.evolve(situation=Situation.IN_DOUBT, due_at=None)


def freed(state: OrderState, **changes: object) -> OrderState:
    """The open row is settled; the order may be steered again. A parked order stays parked."""
    if state.situation is Situation.PARKED:
        return state.evolve(**changes)
    return state.evolve(situation=Situation.WAITING, due_at=None, reason="", **changes)


def written(
    state: OrderState, row: LedgerRow, *, record: str, number: str | None, status: str | None, digest: str, now: datetime
) -> OrderState:
    """A create or an update is done: the ERP has the revision that the intent carried, never the latest."""
    state = freed(
        state,
        erp_record=record,
        erp_number=number,
        erp_status=status if status is not None else state.erp_status,
        erp_cancelled=False,
        erp_revision=row.revision,
        erp_digest=digest,
        missing=(),
        attempts=0,
        tell_attempts=0,
        tell_reason="",
    )
    return with_tell(steer(state, now), now)


def canceled(state: OrderState, row: LedgerRow, *, digest: str, now: datetime) -> OrderState:
    """A cancel is done: the next create is another incarnation, with another key (A2)."""
    state = without_record(freed(state).evolve(incarnation=row.incarnation, attempts=0))
    state = state.evolve(erp_revision=row.revision, erp_digest=digest)
    return with_tell(steer(state, now), now)


def adopted(state: OrderState, *, record: str, number: str | None, status: str | None, now: datetime) -> OrderState:
    """A live record met by `find`: ours, but with what content is unknown (A3)."""
    state = freed(state).evolve(
        erp_record=record,
        erp_number=number,
        erp_status=status,
        erp_cancelled=False,
        erp_revision=None,
        erp_digest=None,
        verify=False,
        missing=(),
        attempts=0,
    )
    return with_tell(steer(state, now), now)


def met_cancelled(state: OrderState, now: datetime, *, further: int = 1) -> OrderState:
    """`find` met only cancelled records, the last of them `further` - 1 incarnations on: the next one's key is free (A2)."""
    state = freed(state).evolve(
        incarnation=state.incarnation + further,
        body_revision=0 if further else state.body_revision,
        erp_record=None,
        mismatch="",
        erp_number=None,
        erp_cancelled=False,
        erp_revision=None if state.erp_revision is None else 0,
        erp_digest=None,
        verify=False,
    )
    return with_tell(steer(state, now), now)


def met_nothing(state: OrderState, now: datetime) -> OrderState:
    """`find` met nothing under the create key of a canceled order without a record: there is nothing to cancel."""
    state = state.evolve(erp_revision=state.wanted, erp_digest=state.wanted_digest)
    return steer(state, now)


def unknown(state: OrderState, now: datetime) -> OrderState:
    """A doubtful update: what the ERP holds is unknown, so the whole content is sent again (A3)."""
    return steer(freed(state).evolve(erp_revision=None, erp_digest=None), now)


def postponed(state: OrderState, now: datetime, wait: timedelta, why: str = "") -> OrderState:
    """Nothing was sent: again soon, and it counts against no order. What was held against the order still is."""
    is_held = state.situation is Situation.PARKED or state.reason == OLDER_THAN_WALL
    return freed(state).evolve(due_at=now + wait, reason=state.reason if is_held else why)


def absent(
    state: OrderState, now: datetime, *, initial: timedelta, ceiling: timedelta, max_attempts: int, what: str
) -> OrderState:
    """A doubt settled as not done: one attempt more, with a wait, until a person is asked."""
    attempts = state.attempts + 1
    if state.situation is Situation.PARKED:
        return state
    if attempts >= max_attempts:
        return park(state.evolve(attempts=attempts), f"{what} did not reach the ERP in {attempts} attempts")
    due = now + backoff(attempts, initial=initial, ceiling=ceiling)
    return freed(state).evolve(situation=Situation.RETRYING, attempts=attempts, due_at=due)


def refused(state: OrderState, row: LedgerRow, *, reason: str, missing: tuple[str, ...], now: datetime) -> OrderState:
    """Rejected, Conflict or Ambiguous: parked at once, unless a newer content came meanwhile and may do better."""
    if row.kind is Kind.CREATE:
        state = state.evolve(body_revision=0)  # nothing was written, so the key may carry a newer body
    if state.wanted != row.revision:
        return steer(freed(state), now)
    return park(state, reason, missing)
