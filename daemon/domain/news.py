"""What news from the ERP mean for their order. Heard as they happened; what is older than what was heard changes no status."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.ledger import Kind, LedgerRow, News, NewsKind
from daemon.domain.plan import BOTH_LIVE, IN_FLIGHT, is_conflict, is_left_alone, park, wake, with_tell, without_record
from daemon.domain.state import OrderState, Situation

#: What happens to an order whose record somebody cancelled in the ERP, while Consentio lists it as accepted.
TO_BE_CANCELED = "cancelled in the ERP; Consentio is asked to cancel it, too"
TO_BE_DECIDED = (
    "cancelled in the ERP, but not on Consentio: cancel it there as well (consentio-sync cancel ORDER), or have it written "
    "into the ERP again (consentio-sync retry ORDER)"
)

#: Further ahead than this no clock may be: news from there are no bound for what is told later (A9).
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Heeded:
    """The order after its news, and what became of them, in words."""

    state: OrderState
    said: str


def hear(state: OrderState, news: News, now: datetime, *, cancels: bool) -> Heeded:
    """One thing that the ERP tells of the order's present record. With `cancels`, Consentio follows a cancel.

    What Consentio refused to be told was given up as it was: another number or status is told.
    """
    heeded = _hear(state, news, now, cancels=cancels)
    after = heeded.state
    if after.tell_due_at or (after.erp_number, after.erp_status) == (state.erp_number, state.erp_status):
        return heeded
    return Heeded(with_tell(after.evolve(tell_reason="", tell_attempts=0), now), heeded.said)


def _hear(state: OrderState, news: News, now: datetime, *, cancels: bool) -> Heeded:
    is_newest = state.erp_news_at is None or news.at >= state.erp_news_at or state.erp_news_at > now + _AHEAD
    if news.number is not None and (is_newest or state.erp_number is None):
        state = state.evolve(erp_number=news.number)
    if not is_newest:
        return Heeded(with_tell(state, now), "newer news were heard before")
    state = state.evolve(erp_news_at=news.at, erp_status=news.status or state.erp_status)
    if news.kind is NewsKind.CANCELLED:
        return _cancelled(state, now, cancels=cancels)
    if news.kind is NewsKind.STATUS and state.erp_cancelled:
        return Heeded(_asked(state, now), "it may be live again, so the ERP is asked")
    return Heeded(with_tell(state, now), "noted")


def _cancelled(state: OrderState, now: datetime, *, cancels: bool) -> Heeded:
    if state.erp_cancelled and state.reason in (TO_BE_CANCELED, TO_BE_DECIDED):
        return Heeded(with_tell(state, now), "known")
    state = state.evolve(erp_cancelled=True)
    if not state.is_canceled:
        said = "the order is left alone" if is_left_alone(state) else "Consentio is asked to cancel it" if cancels else "parked"
        return Heeded(with_tell(withdrawn(state, cancels=cancels), now), said)
    agreed = state if is_left_alone(state) else wake(state, now)
    return Heeded(with_tell(agreed, now), "Consentio says so as well")


def withdrawn(state: OrderState, *, cancels: bool) -> OrderState:
    """Its record was cancelled in the ERP: Consentio follows, or a person decides."""
    if is_left_alone(state):
        return state
    if not cancels:
        return park(state, TO_BE_DECIDED)
    return state.evolve(situation=Situation.HELD, reason=TO_BE_CANCELED, missing=(), attempts=0, due_at=None)


def _asked(state: OrderState, now: datetime) -> OrderState:
    """Which of its records is live is asked first of all, as after a restore."""
    return state if is_left_alone(state) else state.evolve(situation=Situation.WAITING, verify=True, due_at=now)


def written_again(state: OrderState, now: datetime, *, asks: bool) -> OrderState:
    """A person wants the order back in the ERP, where its record was cancelled.

    An ERP that can be asked (`asks`) is asked first: should the record be live again, it is adopted.
    """
    if not asks:
        return wake(without_record(state).evolve(erp_revision=0, erp_digest=None), now)
    return wake(state.evolve(erp_cancelled=False, erp_revision=None, erp_digest=None, verify=True), now)


def refuse(state: OrderState, row: LedgerRow, news: News, *, number: str | None, now: datetime) -> Heeded:
    """The ERP did not take over what it was handed: the effect of this row left nothing behind."""
    heeded = _REFUSALS[row.kind](state, row, news, number, now)
    return heeded if heeded.state is state else Heeded(heeded.state.evolve(erp_news_at=news.at), heeded.said)


def _refuse_create(state: OrderState, row: LedgerRow, news: News, _number: str | None, now: datetime) -> Heeded:
    """Nothing is in the ERP; what comes next is a create under another key."""
    if (state.erp_record, state.incarnation) != (row.record, row.incarnation):
        return Heeded(state, "the order has another record now")
    state = without_record(state).evolve(erp_revision=0, erp_digest=None)
    return _parked(state, row, news, now)


def _refuse_update(state: OrderState, row: LedgerRow, news: News, _number: str | None, now: datetime) -> Heeded:
    """The ERP keeps what it had, whatever that is."""
    if state.erp_record != row.record or state.erp_revision not in (row.revision, None):
        return Heeded(state, "a newer content was sent since")
    return _parked(state.evolve(erp_revision=None, erp_digest=None), row, news, now)


def _refuse_cancel(state: OrderState, row: LedgerRow, news: News, number: str | None, now: datetime) -> Heeded:
    """The record is live still, and ours again; unless the order was created anew meanwhile."""
    if state.incarnation != row.incarnation + 1:
        return Heeded(state, "the order has another record now")
    if state.erp_record is not None:
        both = f"{BOTH_LIVE}the ERP refused to cancel record {row.record}, and holds {state.erp_record} for the order as well"
        return Heeded(park(state, f"{both}: cancel one of them there, then `consentio-sync retry` it"), "both records are live")
    held = state.evolve(
        erp_record=row.record,
        erp_number=number,
        incarnation=row.incarnation,
        erp_revision=None,
        erp_digest=None,
    )
    return _parked(held, row, news, now)


_REFUSALS = {Kind.CREATE: _refuse_create, Kind.UPDATE: _refuse_update, Kind.CANCEL: _refuse_cancel}


def _parked(state: OrderState, row: LedgerRow, news: News, now: datetime) -> Heeded:
    """A person is needed, unless a newer content came meanwhile and may do better."""
    assert state.situation not in IN_FLIGHT  # noqa: S101 - news are held while a row is open
    if is_left_alone(state):
        return Heeded(state, "the order is left alone")
    if state.wanted == row.revision:
        return Heeded(park(state, f"the ERP refused the {row.kind}: {news.reason or 'no reason given'}", news.missing), "parked")
    return Heeded(wake(state, now), "a newer content is sent")


def may_be_prepared(state: OrderState) -> bool:
    """Whether the goods that the ERP calls ready are what Consentio shows: its latest content, accepted, and live there."""
    return (
        state.situation is Situation.SETTLED
        and state.latest_status == "accepted"
        and state.latest == state.wanted == state.erp_revision
        and not is_conflict(state)
    )
