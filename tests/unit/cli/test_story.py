"""What `explain` tells."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from daemon.cli.story import change_words, story_lines
from daemon.domain.content import difference
from daemon.domain.ledger import Attempt, Kind, LedgerRow, Note, Outcome, Revision
from daemon.domain.order import Line, Order, Status
from daemon.domain.pause import Direction, Pause
from daemon.domain.state import OrderState, Situation
from daemon.store.story import Story

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
TOMATOES = Line(id="7", display_name="Tomato Raf", amount=Decimal(10), unit="box")


def raw(amount: int) -> bytes:
    return b'{"id": 5001, "status": "accepted", "items": [{"id": 7, "display_name": "Tomato Raf", "amount": %d}]}' % amount


def revision(number: int, at: datetime, body: bytes | None) -> Revision:
    return Revision(
        order_id="5001",
        number=number,
        digest="d",
        digest_version=1,
        status="accepted",
        source_updated_at=None,
        found_in="accepted",
        recorded_at=at,
        raw=body,
    )


def row(**changes) -> LedgerRow:
    fixed = LedgerRow(
        key="c123-5001",
        kind=Kind.CREATE,
        order_id="5001",
        revision=1,
        incarnation=1,
        record=None,
        owner="me",
        started_at=NOON + timedelta(seconds=2),
    )
    return replace(fixed, **changes)


def a_story(**order) -> Story:
    state = OrderState(id="5001", hash_id="SECRET", created_at=NOON, latest_status="accepted", **order)
    return Story(workspace="123", order=state, revisions=[], ledger=[], attempts=[], notes=[])


def test_a_story_is_told_in_its_order():
    """Revisions, calls, answers and notes stand in one timeline, whatever list they come from."""
    tried = Attempt(
        key="c123-5001",
        order_id="5001",
        started_at=NOON + timedelta(seconds=2),
        finished_at=NOON + timedelta(seconds=3.5),
        outcome=Outcome.REJECTED,
        answer="no such customer",
    )
    note = Note(at=NOON + timedelta(minutes=2), who="ana", what="retried", reason="added", order_id="5001")
    story = replace(
        a_story(situation=Situation.PARKED, reason="no such customer", missing=("customer:C-17",)),
        revisions=[revision(1, NOON, raw(10)), revision(2, NOON + timedelta(minutes=1), raw(12))],
        ledger=[row(outcome=Outcome.REJECTED)],
        attempts=[tried],
        notes=[note],
    )

    assert list(story_lines(story)) == [
        "order 5001 of workspace 123: accepted, parked",
        "  reason: no such customer",
        "  missing: customer:C-17",
        "  next: make known in the ERP what is missing, then `consentio-sync retry 5001`; it is also tried again by itself",
        "",
        "What happened (moments are UTC):",
        "2026-11-02 12:00:00  revision 1: accepted, found among the latest orders",
        "                       1 line",
        "2026-11-02 12:00:02  create with revision 1 (key c123-5001), after 1.5 s: the ERP refused it",
        "                       no such customer",
        "2026-11-02 12:01:00  revision 2: accepted, found among the latest orders",
        "                       line 7, Tomato Raf: amount 10 → 12",
        "2026-11-02 12:02:00  retried by ana: added",
    ]


@pytest.mark.parametrize("situation", Situation)
def test_every_situation_says_what_comes_next(situation):
    """Nobody is left to guess, and a due moment is told, but for an order that is due at any cycle."""
    lines = list(story_lines(a_story(situation=situation, due_at=NOON)))

    assert lines[1].startswith("  next: ")
    assert lines[1].endswith(", at 2026-11-02 12:00:00 UTC") is (situation is not Situation.WAITING)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"situation": Situation.SETTLED, "wanted_status": "canceled"}, "nothing of it is left alive in the ERP"),
        ({"situation": Situation.PARKED, "reason": "cannot be read: items is no list"}, "ask Consentio about it"),
        ({"situation": Situation.PARKED, "reason": "already has a reference"}, "`consentio-sync dismiss 5001`, else"),
        ({"situation": Situation.PARKED, "erp_cancelled": True}, "`consentio-sync cancel 5001` cancels it on Consentio, too"),
        ({"situation": Situation.PARKED, "reason": "outcome unknown"}, "`consentio-sync settle 5001 --as ERP_ID`"),
    ],
)
def test_the_next_step_fits_the_reason(order, words):
    """A person is sent to the command that helps, and never told that the ERP has what it has not."""
    assert words in list(story_lines(a_story(**order)))[2 if "reason" in order else 1]


def test_an_order_that_waits_for_a_pause_says_so():
    """Nobody waits for a next cycle that sends nothing."""
    resting = Pause(direction=Direction.DELIVER, who="ana", since=NOON, reason="upgrade")

    lines = list(story_lines(replace(a_story(situation=Situation.WAITING), paused=(resting,))))

    assert lines[1] == "  next: it is sent to the ERP once somebody types `consentio-sync resume`"


def test_an_order_without_a_status_has_no_gap_in_its_words():
    """An order that never could be read has none."""
    story = a_story(situation=Situation.PARKED)

    lines = list(story_lines(replace(story, order=replace(story.order, latest_status=""))))

    assert lines[0] == "order 5001 of workspace 123: parked"


def test_an_open_call_is_told_as_such():
    """A doubt has no answer yet, and stands in the timeline all the same."""
    story = replace(a_story(situation=Situation.IN_DOUBT), ledger=[row()])

    assert list(story_lines(story))[-1].endswith("create with revision 1 (key c123-5001): no outcome yet")


def test_what_consentio_is_still_to_be_told_is_told():
    """The Consentio side has its own due moment and reason."""
    story = a_story(situation=Situation.SETTLED, erp_record="S1", erp_status="draft", tell_due_at=NOON, tell_reason="404")

    lines = list(story_lines(story))
    assert lines[0].endswith("settled, in the ERP as S1 (draft)")
    assert lines[2] == "  Consentio is still to be told, at 2026-11-02 12:00:00 UTC: 404"


def test_a_pruned_or_unreadable_payload_leaves_the_rest_of_the_story():
    """Without its payload a revision is told without differences."""
    bodies = [raw(10), None, b"[", raw(12)]
    story = replace(a_story(), revisions=[revision(n, NOON, body) for n, body in enumerate(bodies, start=1)])

    told = [line[21:] for line in story_lines(story) if line.startswith("2026")]
    assert told == [f"revision {n}: accepted, found among the latest orders" for n in range(1, 5)]


def test_differences_are_told_field_by_field():
    """Lines that came and went, and fields of the order itself."""
    before = Order(id="1", status=Status.ACCEPTED, lines=(TOMATOES,))
    after = Order(id="1", status=Status.CANCELED, more_info="ring", lines=(replace(TOMATOES, id="8"),))

    assert list(change_words(difference(before, after))) == [
        "more_info nothing → ring",
        "status accepted → canceled",
        "line 7, Tomato Raf: removed",
        "line 8, Tomato Raf: added, 10 box",
    ]
    assert list(change_words(difference(before, before))) == ["no difference in the business content"]


def test_a_create_that_is_sent_again_is_told_as_it_was():
    """The key's row says only the last revision, so an earlier try names none; who asked for it stands before it."""
    tries = [
        Attempt(key="c123-5001", order_id="5001", started_at=at, finished_at=at + took, outcome=outcome, answer=answer)
        for at, took, outcome, answer in (
            (NOON, timedelta(seconds=1), Outcome.REJECTED, "OrderRejected: no such customer"),
            (NOON + timedelta(hours=1), timedelta(minutes=2), Outcome.DONE, "record S1"),
        )
    ]
    note = Note(at=tries[1].started_at, who="ana", what="retried", reason="added", order_id="5001")
    story = replace(a_story(), ledger=[row(revision=2, outcome=Outcome.DONE)], attempts=tries, notes=[note])

    assert list(story_lines(story))[-5:] == [
        "2026-11-02 12:00:00  create (key c123-5001), after 1.0 s: the ERP refused it",
        "                       no such customer",
        "2026-11-02 13:00:00  retried by ana: added",
        "2026-11-02 13:00:00  create with revision 2 (key c123-5001), after 2 min: done",
        "                       record S1",
    ]
