"""A stretch of the past that a person wants read, in the core, on both databases."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from daemon.domain.backfill import BACKFILL, CANCEL_BACKFILL, Progress, Span, in_words
from daemon.domain.content import digest
from daemon.domain.state import Situation
from daemon.errors import SliceUnreadable
from daemon.ports import Answer
from daemon.store.questions import open_reader
from daemon.sync.way import Rules
from daemon.testing import Oddities
from tests.integration.test_schedules import edit
from tests.support.desk import notes_of, wish
from tests.support.world import World, world

DAY = 86_400
BY_CREATION = Oddities(filter_by="created")
#: One piece a turn: the fake marketplace takes no time.
PATIENT = Rules(backfill_turn=timedelta(0))


async def ask(w: World, days: int, *, to_days: int = 0, create_older: bool = False) -> int:
    """Leaves the wish to read so many days back; returns its number."""
    now = w.clock.now()
    span = Span(start=now - timedelta(days=days), end=now - timedelta(days=to_days), create_older=create_older)
    async with open_reader(w.url) as reader:
        return await reader.leave_wish("123", BACKFILL, order_id=None, argument=span.written(), who="ana", reason="years ago")


async def answer(w: World, number: int) -> str | None:
    async with open_reader(w.url) as reader:
        return await reader.wish_outcome(number)


async def under_way(w: World) -> list[str]:
    """What `status` tells."""
    async with open_reader(w.url) as reader:
        (stand,) = await reader.overview()
    return [in_words(each) for each in stand.backfills]


def late(w: World, days: int) -> str:
    """An order that becomes visible long after its day, where no sweep looks any more."""
    return w.market.place(created_at=w.clock.now() - timedelta(days=days))


def break_at(w: World, moment: datetime) -> None:
    """Whatever is listed over this moment cannot be read."""
    readable = w.market.list_orders

    async def list_orders(start: datetime, end: datetime, status: str) -> Answer:
        if start <= moment <= end:
            raise SliceUnreadable
        return await readable(start, end, status)

    w.market.list_orders = list_orders


async def live_for(w: World, days: int) -> None:
    """So many days later."""
    w.clock.advance(days * DAY)
    await w.cycle(3)


async def test_an_order_beyond_every_sweep_is_found_and_delivered(database_url):
    """However long ago: it is in the ERP, once, with its latest content."""
    async with world(database_url, oddities=BY_CREATION) as w:
        await live_for(w, 100)
        orders = [late(w, days) for days in (30, 60, 90)]
        await w.cycle(3)
        missed = [order for order in orders if not w.erp.live(order)]
        number = await ask(w, 95)
        await w.cycle(3)

        assert missed == orders
        assert (await answer(w, number) or "").endswith("3 orders read, 3 new, 0 changed")
        await w.assert_promise(*orders)


async def test_it_is_read_a_little_in_each_cycle_and_goes_on_after_a_restart(database_url):
    """The cycle's own work comes first; a process that is killed goes on where it was, and doubles nothing."""
    async with world(database_url, oddities=BY_CREATION, rules=PATIENT) as w:
        await live_for(w, 30)
        old = late(w, 16)
        number = await ask(w, 20)
        await w.cycle(2)
        new = w.market.place()
        await w.cycle()
        told = (await under_way(w), await answer(w, number))
        moved = w.events("backfill.moved")
        await w.restart()
        await w.cycle(20)

        assert w.erp.live(new) != []
        assert [told[1], len(told[0])] == [None, 1], told
        assert "ana asked for it" in told[0][0]
        assert [line["position"] for line in moved] == sorted({line["position"] for line in moved})
        assert w.events("backfill.moved")[len(moved)]["position"] > moved[-1]["position"]
        assert await answer(w, number) is not None
        assert await under_way(w) == []
        await w.assert_promise(old, new)


async def test_what_is_read_again_never_replaces_what_is_newer(database_url):
    """An order that was edited between two pieces keeps its newer content, and a known one is no news."""
    async with world(database_url, oddities=BY_CREATION, rules=PATIENT) as w:
        order = w.market.place()
        await w.cycle()
        await ask(w, 3)
        await w.cycle(2)
        edit(w, order, "12")
        await w.cycle(10)

        await w.assert_promise(order)
        assert w.content_in_erp(order).lines[0].amount == Decimal(12)
        assert digest(w.content_in_erp(order)) == digest(w.market.order(order))
        assert len([call for call in w.erp.calls if call.startswith("create")]) == 1


async def test_older_than_going_live_parks_unless_a_person_vouches(database_url):
    """By default nothing is created that could have been typed in by hand; vouched for, it goes its way."""
    async with world(database_url, oddities=BY_CREATION) as w:
        born = w.clock.now() - timedelta(days=200)
        await live_for(w, 1)
        order = w.market.place(created_at=born)
        parked = await ask(w, 210)
        await w.cycle(3)
        before = await w.state(order)
        requests = len(w.market.calls)
        await w.live_on(1)
        requests = len(w.market.calls) - requests
        vouched = await ask(w, 210, create_older=True)
        await w.cycle(3)

        assert (before.situation, before.reason) == (Situation.PARKED, "older than the start wall")
        assert "1 older than the start wall, parked for a person" in (await answer(w, parked) or "")
        assert not before.is_watched
        assert requests < 12 * 40
        assert "1 older than the start wall, let through" in (await answer(w, vouched) or "")
        assert ("ana", "let through", "years ago") in await notes_of(w, order)
        await w.assert_promise(order)


async def test_a_baseline_is_let_through_even_when_its_content_is_forgotten(database_url):
    """What the first start found and left alone can be vouched for, years later."""
    w = World(database_url, oddities=BY_CREATION)
    order = w.market.place()
    w.clock.advance(DAY)
    await w.start()
    try:
        await w.cycle(2)
        baseline = await w.state(order)
        await live_for(w, 100)
        async with w.way.store.transaction() as tx:
            (content,) = (await tx.revisions([(order, 1)])).values()
        await ask(w, 110, create_older=True)
        await w.cycle(3)

        assert (baseline.situation, content.raw) == (Situation.BASELINE, None)
        await w.assert_promise(order)
    finally:
        await w.stop()


@pytest.mark.parametrize("met", ["by the backfill", "with its reference", "before its reference"])
async def test_a_reference_from_elsewhere_is_stronger_than_a_vouch(database_url, met):
    """Somebody told Consentio of a record that is not ours: it stays baseline, and the backfill and the order's story say so."""
    w = World(database_url, oddities=BY_CREATION)
    born = w.clock.now()
    order = w.market.place(external_id="SO-17" if met == "with its reference" else None) if met != "by the backfill" else ""
    w.clock.advance(DAY)
    await w.start()
    try:
        await w.cycle(2)
        await live_for(w, 100)
        order = order or w.market.place(created_at=born)
        w.market.edit(order, external_id="SO-17")
        vouched = await ask(w, 210, create_older=True)
        await w.cycle(3)

        assert (await w.state(order)).situation is Situation.BASELINE
        assert w.erp.live(order) == []
        said = await answer(w, vouched) or ""
        assert "1 older than the start wall, let through (1 of them bears a reference already: " in said
        assert ("daemon", "left alone", "Consentio shows a reference of it that is not ours") in await notes_of(w, order)
    finally:
        await w.stop()


async def test_it_can_be_cancelled_and_refused(database_url):
    """What was found so far stays; a wish that makes no sense is answered at once."""
    async with world(database_url, oddities=BY_CREATION, rules=PATIENT) as w:
        number = await ask(w, 90)
        await w.cycle(3)
        assert await wish(w, CANCEL_BACKFILL) == "1 ended; what was found stays"
        assert (await answer(w, number) or "").startswith("refused: cancelled by ana at ")
        assert await wish(w, CANCEL_BACKFILL) == "refused: no backfill is under way"
        assert await wish(w, BACKFILL, argument="nonsense") is not None
        assert await wish(w, "pause", argument="collect") is not None
        paused = await ask(w, 90)
        await w.cycle()
        assert (await answer(w, paused) or "").startswith("refused: collect is paused")


async def test_a_stretch_that_cannot_be_read_is_passed_over_and_named(database_url):
    """It stops nothing else, and the answer says where it lies."""
    async with world(database_url, oddities=BY_CREATION) as w:
        await live_for(w, 30)
        order, hidden = late(w, 17), late(w, 19)
        break_at(w, w.market.order(hidden).created_at)
        number = await ask(w, 20, to_days=15)
        await w.cycle(3)

        said = await answer(w, number) or ""
        assert "; parts that could not be read: 1, from " in said
        await w.assert_promise(order)
        assert w.erp.live(hidden) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"start": 1, "end": 2, "create_older": false}'])
def test_a_text_that_is_no_span_is_refused(text):
    """Whatever another version left behind."""
    with pytest.raises(ValueError, match=r".*"):
        Span.read(text)


def test_progress_that_an_older_version_wrote_is_understood():
    """A backfill goes on after an upgrade: what was not counted then is none."""
    progress = Progress.read('{"position": "2026-03-01T00:00:00+00:00", "fetched": 3}')

    assert (progress.fetched, progress.referenced) == (3, 0)
