"""What the ERP's news mean for their order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.ledger import Kind, LedgerRow, News, NewsKind
from daemon.domain.news import TO_BE_CANCELED, TO_BE_DECIDED, Heeded, hear, may_be_prepared, refuse, written_again
from daemon.domain.plan import Plan, changed, plan, settled
from daemon.domain.reading import first
from daemon.domain.state import OrderState, Situation
from daemon.domain.statuses import MAX_STATUS, Spelling
from tests.unit.domain.orders import NOW, WORKSPACE, reading

LATER = NOW + timedelta(minutes=1)


def delivered(**changes: object) -> OrderState:
    """An order that the ERP has as R1, and Consentio knows it."""
    state = first(reading(1), WORKSPACE, NOW).state
    names = {"erp_record": "R1", "erp_number": "R1", "erp_status": "open", "told_id": "R1", "told_status": "open"}
    return settled(state.evolve(**{**names, **changes}))


def canceled(state: OrderState) -> OrderState:
    """The same once Consentio lists it as canceled."""
    new = state.evolve(latest=2, latest_status="canceled", wanted=2, wanted_status="canceled", wanted_digest="c")
    return changed(new, NOW)


def told(state: OrderState, kind: NewsKind, *, cancels: bool = False, **fields: object) -> Heeded:
    """The order after one piece of news of R1."""
    news = replace(News(record="R1", kind=kind, at=NOW), **fields)  # type: ignore[arg-type]  # the record checks the names
    return hear(state, news, NOW, cancels=cancels)


def row(kind: Kind, *, revision: int = 1, incarnation: int = 1) -> LedgerRow:
    """An effect that was done."""
    return LedgerRow(
        key="k", kind=kind, order_id="5001", revision=revision, incarnation=incarnation, record="R1", owner="me", started_at=NOW
    )


def refused(state: OrderState, kind: Kind, **fields: int) -> OrderState:
    """The order after its effect was refused."""
    news = News(record="R1", kind=NewsKind.REFUSED, at=LATER, key="k", reason="no such customer")
    return refuse(state, row(kind, **fields), news, number="R1", now=LATER).state


def test_a_new_status_is_to_be_told_and_a_known_one_is_not() -> None:
    """What our own effect did comes back as news, and changes nothing."""
    assert told(delivered(), NewsKind.STATUS, status="shipped").state.tell_due_at == NOW
    assert told(delivered(), NewsKind.STATUS, status="open").state.tell_due_at is None


def test_only_the_newest_status_counts() -> None:
    """Heard late, an older one is no status any more; but a number is, if there was none."""
    new = told(delivered(erp_number=None), NewsKind.STATUS, status="shipped", at=LATER).state
    old = told(new, NewsKind.STATUS, status="packed", number="SO-1").state

    assert (old.erp_status, old.erp_number, old.erp_news_at) == ("shipped", "SO-1", LATER)


def test_cancelled_there_and_accepted_here_parks_or_is_followed() -> None:
    """Off: a person decides. On: held until Consentio says so, and watched."""
    parked = told(delivered(), NewsKind.CANCELLED).state
    held = told(delivered(), NewsKind.CANCELLED, cancels=True).state

    assert (parked.situation, parked.reason) == (Situation.PARKED, TO_BE_DECIDED)
    assert (held.situation, held.reason, held.is_watched) == (Situation.HELD, TO_BE_CANCELED, True)


@pytest.mark.parametrize("cancels", [True, False])
def test_consentio_says_canceled_after_all(cancels: bool) -> None:
    """Agreed: settled without a call, and the next create has another key."""
    agreed = canceled(told(delivered(), NewsKind.CANCELLED, cancels=cancels).state)

    assert (agreed.situation, agreed.erp_record, agreed.incarnation) == (Situation.SETTLED, None, 2)
    assert agreed.hint == "R1"


def test_of_a_record_that_is_gone_nothing_is_told_any_more() -> None:
    """A telling that still waits when both sides have cancelled would tell Consentio an empty reference."""
    waiting = delivered(told_id=None, told_status=None, tell_due_at=LATER, tell_attempts=2, tell_reason="HTTP 422")

    agreed = canceled(told(waiting, NewsKind.CANCELLED).state)

    assert (agreed.situation, agreed.erp_number) == (Situation.SETTLED, None)
    assert (agreed.tell_due_at, agreed.tell_attempts, agreed.tell_reason) == (None, 0, "")


def test_a_cancel_that_we_have_yet_to_send_is_done_there_already() -> None:
    """Canceled on Consentio, and cancelled in the ERP before our call: settled."""
    state = canceled(delivered())
    assert plan(state) is Plan.CANCEL

    assert told(state, NewsKind.CANCELLED).state.situation is Situation.SETTLED


@pytest.mark.parametrize("cancels", [True, False])
def test_an_edit_of_what_was_cancelled_there_is_not_sent(cancels: bool) -> None:
    """The record is cancelled: an update would only be refused."""
    state = told(delivered(), NewsKind.CANCELLED, cancels=cancels).state
    edited = changed(state.evolve(latest=2, wanted=2, wanted_digest="other"), NOW)

    assert (edited.situation, edited.reason, edited.due_at) == (state.situation, state.reason, None)


def test_a_status_after_a_cancel_makes_the_erp_be_asked() -> None:
    """It may be live again: asked, never guessed."""
    state = told(told(delivered(), NewsKind.CANCELLED).state, NewsKind.STATUS, at=LATER, status="open").state

    assert (state.verify, state.due_at, state.erp_cancelled) == (True, NOW, True)


def test_a_dismissed_order_is_left_alone() -> None:
    """Cancelled in the ERP: known, but neither parked nor followed."""
    dismissed = delivered().evolve(situation=Situation.DISMISSED, dismissed_revision=1)
    state = told(dismissed, NewsKind.CANCELLED, cancels=True).state

    assert (state.situation, state.erp_cancelled) == (Situation.DISMISSED, True)


def test_written_again_asks_first_where_it_can() -> None:
    """A person wants it back: an ERP that can be asked is asked for a record that lives again; else the next key is free."""
    conflict = told(delivered(), NewsKind.CANCELLED).state
    asked, blind = (written_again(conflict, NOW, asks=asks) for asks in (True, False))

    assert (asked.verify, asked.erp_revision) == (True, None)
    assert (plan(blind), blind.incarnation) == (Plan.CREATE, 2)


def test_a_refused_create_left_nothing() -> None:
    """Parked with the reason; the next create bears another key."""
    state = refused(delivered(), Kind.CREATE)

    assert (state.situation, state.reason) == (Situation.PARKED, "the ERP refused the create: no such customer")
    assert (state.erp_record, state.erp_revision, state.incarnation) == (None, 0, 2)


def test_a_refused_create_of_an_older_content_is_sent_anew() -> None:
    """A newer content may do better."""
    newer = delivered().evolve(latest=2, wanted=2, wanted_digest="other")
    state = refused(newer, Kind.CREATE)

    assert (state.situation, plan(state)) == (Situation.WAITING, Plan.CREATE)


def test_a_refused_create_of_a_record_that_is_not_the_present_one_is_no_news() -> None:
    """The order was cancelled and created anew since."""
    state = delivered(incarnation=2, erp_record="R2")

    assert refused(state, Kind.CREATE) == state


def test_a_refused_update_leaves_the_content_unknown() -> None:
    """Unless a newer one was sent since: updates say the whole content."""
    newer = delivered().evolve(erp_revision=2)

    assert refused(delivered(), Kind.UPDATE).erp_revision is None
    assert refused(newer, Kind.UPDATE) == newer


def test_a_refused_cancel_gives_the_record_back() -> None:
    """The order has its record again, of the incarnation it had, with its content unknown."""
    gone = canceled(delivered()).evolve(situation=Situation.SETTLED, erp_record=None, erp_number=None, incarnation=2)
    state = refused(gone, Kind.CANCEL, revision=2)

    assert (state.situation, state.erp_record, state.incarnation, state.erp_revision) == (Situation.PARKED, "R1", 1, None)


def test_a_refused_cancel_beside_a_new_record_is_for_a_person() -> None:
    """Both are live in the ERP."""
    anew = delivered(incarnation=2, erp_record="R2")
    state = refused(anew, Kind.CANCEL)

    assert state.situation is Situation.PARKED
    assert "R1" in state.reason
    assert "R2" in state.reason


@pytest.mark.parametrize(
    "changes",
    [
        {"latest": 2},
        {"erp_revision": None},
        {"situation": Situation.PARKED},
        {"erp_cancelled": True},
        {"latest_status": "canceled"},
    ],
)
def test_only_what_consentio_shows_is_called_prepared(changes: dict[str, object]) -> None:
    """The goods that are ready must be those of the latest content, accepted, and live in the ERP."""
    assert may_be_prepared(delivered())
    assert not may_be_prepared(delivered().evolve(**changes))


def test_how_statuses_are_spelt() -> None:
    """Ours where there is one; else passed on, cut to what Consentio takes, or held: the last one told stays."""
    passing, holding = Spelling({"shipped": "On its way"}), Spelling({"shipped": "On its way"}, holds_others=True)

    assert [passing.of(status, told="Confirmed") for status in ("shipped", "open", None)] == ["On its way", "open", None]
    assert [holding.of(status, told="Confirmed") for status in ("shipped", "open", None)] == ["On its way", "Confirmed", None]
    assert passing.of("x" * 99, told=None) == "x" * MAX_STATUS
