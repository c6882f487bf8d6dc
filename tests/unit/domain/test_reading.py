"""What a reading means for an order that is known, or met for the first time."""

from dataclasses import replace
from datetime import timedelta

from daemon.domain.ledger import Stream
from daemon.domain.order import Status
from daemon.domain.plan import OLDER_THAN_WALL, OTHER_IDENTITY, settled
from daemon.domain.reading import MAX_RETOLD, Reading, Taken, Verdict, first, take
from daemon.domain.state import OrderState, Situation
from tests.unit.domain.orders import NOW, WORKSPACE, order, reading

MINUTE = timedelta(minutes=1)


def met(**fields: object) -> OrderState:
    """An order that was just met."""
    return first(reading(1, **fields), WORKSPACE, NOW).state


def delivered(state: OrderState) -> OrderState:
    """The same, as if the ERP had its wanted content and Consentio its reference."""
    return settled(state.evolve(erp_record="R1", erp_number="R1", erp_status="open", told_id="R1", told_status="open"))


def retake(state: OrderState, again: Reading) -> Taken:
    """Another reading, with the usual sweep interval."""
    return take(state, again, NOW, sweep_interval=10 * MINUTE)


def test_an_accepted_order_is_wanted_at_once() -> None:
    """First met after the start wall, it waits for its create."""
    state = met()

    assert (state.situation, state.wanted, state.due_at) == (Situation.WAITING, 1, NOW)


def test_a_pending_order_is_held_until_it_is_accepted() -> None:
    """Pending is recorded and watched; acceptance makes it wanted."""
    held = met(status=Status.PENDING)
    taken = retake(held, reading(2, updated_at=NOW + MINUTE))

    assert (held.situation, held.wanted, held.is_watched) == (Situation.HELD, 0, True)
    assert (taken.verdict, taken.state.situation, taken.state.wanted) == (Verdict.CHANGED, Situation.WAITING, 2)


def test_what_the_inventory_finds_before_the_wall_is_baseline() -> None:
    """Accepted before going live: recorded, never created. Pending then: delivered once accepted."""
    early, inventory = NOW - timedelta(days=9), replace(WORKSPACE, inventory_at=None)
    baseline = first(reading(created_at=early), inventory, NOW).state
    pending = first(reading(created_at=early, status=Status.PENDING), inventory, NOW).state

    assert (baseline.situation, baseline.due_at) == (Situation.BASELINE, None)
    assert retake(pending, reading(2, created_at=early, updated_at=NOW + MINUTE)).state.situation is Situation.WAITING


def test_an_old_order_met_later_parks_and_stays_parked() -> None:
    """Older than the wall and first met after the inventory: a person decides, also after an edit."""
    early = NOW - timedelta(days=9)
    parked = first(reading(created_at=early), WORKSPACE, NOW).state
    edited = retake(parked, reading(2, created_at=early, updated_at=NOW + MINUTE, more_info="x")).state

    assert (parked.situation, parked.reason) == (Situation.PARKED, OLDER_THAN_WALL)
    assert (edited.situation, edited.latest) == (Situation.PARKED, 2)


def test_an_unchanged_reading_is_not_worth_a_write() -> None:
    """The very same state comes back, so nothing is saved."""
    state = delivered(met())

    assert retake(state, reading(2)).state is state


def test_an_edit_with_a_standing_stamp_is_found() -> None:
    """Content decides, not dates: a later request with the same stamp and other content is a change."""
    taken = retake(delivered(met()), reading(2, more_info="x"))

    assert (taken.verdict, taken.state.situation) == (Verdict.CHANGED, Situation.WAITING)


def test_an_older_looking_reading_is_kept_out_once_and_believed_when_said_again() -> None:
    """A8: a stamp that runs backwards delays the truth by one reading and no more."""
    state = delivered(met())
    older = {"updated_at": NOW - MINUTE, "more_info": "x"}
    once = retake(state, reading(2, **older))
    twice = retake(once.state, reading(3, **older))

    assert (once.verdict, once.state.latest, once.state.situation) == (Verdict.STALE, 1, Situation.SETTLED)
    assert (twice.verdict, twice.state.latest) == (Verdict.CHANGED, 2)


def test_the_same_request_cannot_say_it_again() -> None:
    """Only a request begun later counts as said again."""
    older = {"updated_at": NOW - MINUTE, "more_info": "x"}
    once = retake(delivered(met()), reading(2, **older))

    assert retake(once.state, reading(2, **older)).verdict is Verdict.STALE


def test_an_edit_back_to_what_the_erp_has_calls_nobody() -> None:
    """A to B and back to A before the ERP heard of B: settled at revision 3."""
    edited = retake(delivered(met()), reading(2, updated_at=NOW + MINUTE, more_info="x")).state
    back = retake(edited, reading(3, updated_at=NOW + 2 * MINUTE)).state

    assert (back.situation, back.latest, back.erp_revision) == (Situation.SETTLED, 3, 3)


def test_another_order_under_the_same_id_parks() -> None:
    """Sandbox and production, or a recycled id: never taken for the same order (A12)."""
    parked = retake(delivered(met()), reading(2, hash_id="zzz")).state

    assert (parked.situation, parked.reason) == (Situation.PARKED, OTHER_IDENTITY)


def test_being_on_the_edited_list_is_a_mark() -> None:
    """A16: it is set even by a reading that changes nothing, and not again right after a seen of that very content."""
    state = delivered(met())
    marked = retake(state, reading(2, stream=Stream.EDITED)).state
    seen = marked.evolve(edited=False, seen_revision=1, seen_at=NOW - MINUTE)

    assert marked.edited
    assert not retake(seen, reading(3, stream=Stream.EDITED)).state.edited
    assert retake(seen.evolve(seen_at=NOW - 11 * MINUTE), reading(3, stream=Stream.EDITED)).state.edited


def test_a_sweep_that_reads_another_reference_tells_ours_again_but_not_for_ever() -> None:
    """A24: a late push of an older reference is repaired; an API that spells ours differently makes no loop."""
    state = delivered(met())
    wrong = {"stream": Stream.NEAR, "external_id_seller": "R1 ", "external_status_seller": "open"}
    for ordinal in range(2, 2 + MAX_RETOLD):
        state = retake(state, reading(ordinal, **wrong)).state
        assert state.tell_due_at is not None
        state = state.evolve(told_id="R1", told_status="open", tell_due_at=None)

    assert retake(state, reading(99, **wrong)).state.tell_due_at is None


def test_a_sweep_that_reads_what_was_told_ends_the_count() -> None:
    """An order that lives for months may lose its reference now and then: it is told again each time, however often."""
    state = delivered(met())
    for ordinal in range(2, 2 + 4 * MAX_RETOLD, 2):
        state = retake(state, reading(ordinal, stream=Stream.NEAR)).state
        assert state.tell_due_at is not None
        state = state.evolve(told_id="R1", told_status="open", tell_due_at=None)
        ours = {"external_id_seller": "R1", "external_status_seller": "open"}
        state = retake(state, reading(ordinal + 1, stream=Stream.WIDE, **ours)).state
        assert (state.tell_due_at, state.retold) == (None, 0)


def test_a_reference_we_never_told_is_a_hint_that_this_database_forgot() -> None:
    """It is asked about in the ERP before anything else happens to the order (A6)."""
    state = retake(met(), reading(2, external_id_seller="R9")).state

    assert (state.verify, state.hint, state.situation) == (True, "R9", Situation.WAITING)


def test_an_order_first_met_after_a_restore_but_born_before_is_verified() -> None:
    """This database may have known it."""
    restored = replace(WORKSPACE, restored_at=NOW + MINUTE)

    assert first(reading(), restored, NOW).state.verify
    assert not first(reading(created_at=NOW + 2 * MINUTE), restored, NOW).state.verify


def test_a_new_revision_wakes_a_parked_order_and_parks_a_dismissed_one_again() -> None:
    """A26: a dismissal is of one revision."""
    edit = reading(2, updated_at=NOW + MINUTE, more_info="x")
    parked = met().evolve(situation=Situation.PARKED, reason="product unknown", due_at=None)
    dismissed = met().evolve(situation=Situation.DISMISSED, dismissed_revision=1, due_at=None)

    assert retake(parked, edit).state.situation is Situation.WAITING
    assert retake(dismissed, edit).state.situation is Situation.PARKED
    assert order().id == parked.id


def test_the_name_that_a_record_had_before_its_number_is_no_hint() -> None:
    """A reading from before the number was told shows the record's own name: nothing was forgotten, so nothing is asked."""
    state = delivered(met()).evolve(erp_number="SO-17", told_id="SO-17")
    taken = retake(state, reading(2, external_id_seller="R1"))

    assert (taken.state.hint, taken.state.verify) == (None, False)
