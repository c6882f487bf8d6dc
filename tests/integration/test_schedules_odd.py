"""Schedules in which two rare things meet, and odd answers that must stop nothing else; one named test each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from daemon.domain.backfill import BACKFILL, Span
from daemon.domain.brakes import Brake, Brakes
from daemon.domain.ledger import News, NewsKind
from daemon.domain.news import TO_BE_DECIDED
from daemon.domain.order import Status
from daemon.domain.state import OLDER_THAN_WALL, Situation
from daemon.errors import ErpUnavailable, OrderRejected, SliceUnreadable
from daemon.ports import Answer, Record, Reports
from daemon.store.questions import open_reader
from daemon.sync.restore import declare_restored
from daemon.sync.way import Rules
from daemon.testing import FakeErpSettings, Oddities
from daemon.testing.erp import FakeRecord
from tests.integration.test_schedules_found import edit, lose, spoil
from tests.support.desk import wish
from tests.support.world import World, world

TELLS = FakeErpSettings(reports=True)
FOLLOWS = Rules(cancel_on_consentio=True)


async def delivered(w: World) -> tuple[str, str]:
    """An order and its record."""
    order_id = w.market.place()
    await w.cycle()
    return order_id, w.erp.live(order_id)[0].id


def also_tell(w: World, odd: News) -> None:
    """From now on the ERP tells this as well, whenever it is asked."""
    read = w.erp.reports

    async def reports(since: str | None) -> Reports:
        told = await read(since)
        return replace(told, news=(odd, *told.news))

    w.erp.reports = reports  # type: ignore[method-assign]


@pytest.mark.parametrize("key", ["product:\x00", "product:\ud800", "product:" + "7" * 5000], ids=["nul", "surrogate", "long"])
async def test_a20_a_missing_key_that_no_database_keeps(database_url: str, key: str) -> None:
    """It is a gap like any other, told once: every cycle comes to its end."""
    async with world(database_url) as w:
        odd = w.market.place()

        def refuse(call: str) -> None:
            if call.startswith("before create") and odd in call:
                raise OrderRejected("unknown", missing=[key])

        w.use_hooks(erp=refuse)
        await w.live_on(3)

        assert (await w.state(odd)).situation is Situation.PARKED
        assert len(w.events("gap.found")) == 1
        async with w.way.store.transaction() as tx:
            assert await tx.waiting_for(key) == [odd]


@pytest.mark.parametrize(("record", "is_aware"), [("R\x00", True), ("R1", False)], ids=["nul", "without a zone"])
async def test_a20_news_that_no_database_keeps(database_url: str, record: str, is_aware: bool) -> None:
    """They are told and passed over; the news beside them are heard, and every cycle comes to its end."""
    async with world(database_url, erp=TELLS) as w:
        order_id, real = await delivered(w)
        at = w.clock.now() if is_aware else w.clock.now().replace(tzinfo=None)
        w.erp.clerk_ships(real)
        also_tell(w, News(record=record, kind=NewsKind.STATUS, at=at, status="x"))
        await w.cycle(3)

        assert w.market.order(order_id).external_status == "shipped"
        assert [fields["record"] for fields in w.events("news.discarded")] == [record]


@pytest.mark.parametrize("is_restored", [True, False], ids=["restored", "another reference"])
async def test_a_cancel_in_the_erp_and_a_record_that_must_be_verified(database_url: str, is_restored: bool) -> None:
    """Between the news and Consentio's answer its record comes into question: the ERP is asked, then Consentio follows."""
    async with world(database_url, erp=TELLS, rules=FOLLOWS) as w:
        order_id, record = await delivered(w)
        w.market.refuses[order_id] = "not now"
        w.erp.clerk_cancels(record)
        await w.cycle()
        assert (await w.state(order_id)).situation is Situation.HELD

        if is_restored:
            await declare_restored(w.way, "said")
        else:
            w.clock.advance(1)
            w.market.edit(order_id, external_id="SO-17")
            await w.cycle(2)
        w.market.refuses.clear()
        await w.live_on(2)

        assert w.market.order(order_id).status is Status.CANCELED
        await w.assert_promise(order_id)


async def test_an_update_in_doubt_of_a_record_that_both_sides_cancelled(database_url: str) -> None:
    """By the time that the ERP can be asked, Consentio has canceled, too: they agree, and nobody is asked to decide."""
    async with world(database_url, erp=FakeErpSettings(find="every")) as w:
        order_id, record = await delivered(w)
        w.use_hooks(erp=lose("after update"))
        edit(w, order_id, 12)
        await w.cycle()
        w.erp.records[record].live = False
        w.clock.advance(1)
        w.market.cancel(order_id)
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a_conflict_that_could_not_be_read_for_a_while(database_url: str) -> None:
    """A person is still needed, and told for what."""
    async with world(database_url, erp=TELLS) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.cycle()
        mend = spoil(w, order_id)
        await w.cycle(12)
        mend()
        await w.live_on(1)

        state = await w.state(order_id)
        assert (state.situation, state.reason) == (Situation.PARKED, TO_BE_DECIDED)


@pytest.mark.parametrize("total", ["NaN", "-Infinity"])
async def test_a_total_that_is_no_number(database_url: str, total: str) -> None:
    """It is told as booked otherwise; the orders of its group are recorded like any others."""
    async with world(database_url, erp=FakeErpSettings(books=True)) as w:
        odd, other = w.market.place(), w.market.place()
        for order_id in (odd, other):
            w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], price_unit="box"),))
        book = w.erp._booked

        def booked(held: FakeRecord) -> Record:
            record = book(held)
            return replace(record, total=Decimal(total)) if held.order.id == odd else record

        w.erp._booked = booked  # type: ignore[method-assign]
        await w.cycle(2)

        await w.assert_promise(odd, other)
        assert [fields["order_id"] for fields in w.events("amount.mismatched")] == [odd]


async def test_what_was_booked_otherwise_is_over_with_the_record(database_url: str) -> None:
    """A cancelled order is no work item for what its record said."""
    async with world(database_url, erp=FakeErpSettings(books=True)) as w:
        order_id = w.market.place()
        w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], price_unit="box"),))
        w.erp.surcharge = Decimal(5)
        await w.cycle()
        assert (await w.state(order_id)).mismatch
        w.clock.advance(1)
        w.market.cancel(order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)
        assert not (await w.state(order_id)).mismatch


async def test_the_way_back_is_switched_off_while_errands_wait(database_url: str) -> None:
    """What Consentio was still to be asked for by itself is not: a person decides."""
    async with world(database_url, erp=TELLS, rules=FOLLOWS) as w:
        order_id, record = await delivered(w)
        w.market.refuses[order_id] = "not now"
        w.erp.clerk_cancels(record)
        await w.cycle()
        w.market.refuses.clear()
        w.way = replace(w.way, rules=Rules())
        await w.live_on(1)

        state = await w.state(order_id)
        assert w.market.order(order_id).status is Status.ACCEPTED
        assert (state.situation, state.reason) == (Situation.PARKED, TO_BE_DECIDED)


async def test_a09_news_from_the_future(database_url: str) -> None:
    """A moment that cannot be is no bound: what the ERP tells later, under a clock that was set right, is heard."""
    async with world(database_url, erp=TELLS) as w:
        order_id, record = await delivered(w)
        future = w.clock.now() + timedelta(days=365)
        also_tell(w, News(record=record, kind=NewsKind.STATUS, at=future, status="picked"))
        await w.cycle()
        w.erp.clerk_cancels(record)
        await w.cycle()

        assert (await w.state(order_id)).reason == TO_BE_DECIDED


def test_a09_a_release_from_the_future() -> None:
    """A brake that was released under a clock that jumped counts all of the last day."""
    now = datetime(2026, 11, 25, tzinfo=UTC)
    brakes = Brakes().released(Brake.CANCELS, now + timedelta(days=30))

    assert brakes.counts_since(Brake.CANCELS, now) == now - timedelta(days=1)


async def test_a_retry_whose_content_is_no_longer_kept(database_url: str) -> None:
    """Consentio is read again, and the order goes its way."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        born = w.clock.now() - timedelta(hours=36)
        await w.cycle(after=3600)
        order_id = w.market.place(created_at=born)
        await w.cycle(after=7 * 3600)
        assert (await w.state(order_id)).reason == OLDER_THAN_WALL
        w.clock.advance(100 * 86_400)
        await w.cycle(3)
        async with w.way.store.transaction() as tx:
            (content,) = (await tx.revisions([(order_id, 1)])).values()
        assert content.raw is None
        await w.restart()

        await wish(w, "retry", order_id)
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a_pause_amid_a_long_delivery_while_a_backfill_is_under_way(database_url: str) -> None:
    """Wishes that wait keep nobody from looking up: the pause is obeyed between two groups."""
    async with world(database_url, rules=Rules(backfill_turn=timedelta(0))) as w:
        span = Span(start=w.clock.now() - timedelta(days=50), end=w.clock.now())
        assert await wish(w, BACKFILL, argument=span.written()) is None
        for _ in range(60):
            w.market.place()

        async def slow(call: str) -> None:
            if call.startswith("before create"):
                w.clock.advance(2)
                if len(w.erp.effects) == 8:
                    async with open_reader(w.url) as reader:
                        await reader.leave_wish("123", "pause", order_id=None, argument="deliver", who="ana", reason="stop")

        w.erp.on_call = slow
        await w.cycle(2)

        assert len(w.erp.effects) < 40


@pytest.mark.parametrize(
    ("what", "argument"), [("pause", "sideways"), ("cancel_backfill", ""), ("backfill", "")], ids=["pause", "its end", "backfill"]
)
async def test_a_wish_that_cannot_be_understood(database_url: str, what: str, argument: str) -> None:
    """Left by a command of another version: it is refused, and every cycle comes to its end."""
    async with world(database_url) as w:
        if argument != "sideways":
            span = Span(start=w.clock.now() - timedelta(days=50), end=w.clock.now())
            async with open_reader(w.url) as reader:
                number = await reader.leave_wish("123", BACKFILL, order_id=None, argument=span.written(), who="ana", reason="")
            async with w.way.store.transaction() as tx:
                await tx.note_progress(number, '{"position": "half way"}')
        if what != BACKFILL:
            answer = await wish(w, what, argument=argument)
            assert answer is not None
            assert answer.startswith("refused: ")
        await w.cycle(2)

        async with w.way.store.transaction() as tx:
            assert await tx.wishes() == []


async def test_a_backfill_while_a_slice_cannot_be_read(database_url: str) -> None:
    """What cannot be read stops its own stream only."""
    async with world(database_url) as w:
        broken, readable = w.clock.now(), w.market.list_orders

        async def list_orders(start: datetime, end: datetime, status: str) -> Answer:
            if start <= broken <= end:
                raise SliceUnreadable
            return await readable(start, end, status)

        w.market.list_orders = list_orders  # type: ignore[method-assign]
        now = w.clock.now()
        span = Span(start=now - timedelta(days=50), end=now - timedelta(days=40))
        await wish(w, BACKFILL, argument=span.written())
        await w.cycle(3)

        async with w.way.store.transaction() as tx:
            assert await tx.wishes() == []


async def test_a_number_after_a_reference_that_consentio_refused(database_url: str) -> None:
    """Given up is what was refused: another number or status is told."""
    async with world(database_url, erp=TELLS) as w:
        order_id = w.market.place()
        w.market.refuses[order_id] = "not now"
        await w.live_on(3)
        assert (await w.state(order_id)).tell_due_at is None
        w.market.refuses.clear()
        w.erp.clerk_ships(w.erp.live(order_id)[0].id)
        await w.cycle(2)

        assert w.market.order(order_id).external_status == "shipped"


async def test_a_doubt_that_alone_finds_the_erp_away(database_url: str) -> None:
    """An ERP that is away for one record only delivers all others."""
    async with world(database_url) as w:
        odd = w.market.place()

        def hook(call: str) -> None:
            if call.startswith("after create") and odd in call:
                raise ConnectionResetError
            if call.startswith("before find") and odd in call and w.erp.effects:
                raise ErpUnavailable("the record is locked")

        w.use_hooks(erp=hook)
        await w.cycle(5)
        other = w.market.place()
        await w.cycle(5)

        await w.assert_promise(other)
        w.use_hooks()
        await w.live_on(1)
        await w.assert_promise(odd)


async def test_an_edit_while_two_records_are_live_after_a_restore(database_url: str) -> None:
    """Whatever wakes the order, the ERP is asked again: nothing is settled while there are two."""
    async with world(database_url) as w:
        order_id, record = await delivered(w)
        twin = w.erp.clerk_types(w.erp.records[record].order, key=f"c123-{order_id}-2")
        await declare_restored(w.way, "said")
        await w.live_on(1)
        edit(w, order_id, 12)
        await w.live_on(1)
        assert (await w.state(order_id)).reason.startswith("ambiguous: ")

        w.erp.clerk_cancels(record)
        await wish(w, "retry", order_id)
        await w.live_on(1)
        await w.assert_promise(order_id)
        assert w.erp.live(order_id) == [twin]


async def test_an_edit_while_a_refused_cancel_left_two_records(database_url: str) -> None:
    """Parked with both named, until a person has cancelled one of them."""
    async with world(database_url, erp=TELLS) as w:
        order_id, record = await delivered(w)
        w.clock.advance(1)
        w.market.cancel(order_id)
        await w.cycle()
        (key,) = w.erp.records[record].touched_by
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle()
        w.erp.importer_refuses(record, key, "it is being picked")
        await w.cycle()
        assert len(w.erp.live(order_id)) == 2
        edit(w, order_id, 12)
        await w.live_on(1)
        assert (await w.state(order_id)).situation is Situation.PARKED

        w.erp.clerk_cancels(record)
        await wish(w, "retry", order_id)
        await w.live_on(1)
        await w.assert_promise(order_id)


async def test_a_group_answer_that_names_other_keys(database_url: str) -> None:
    """What was not asked is no answer, and nothing is nothing, however an adapter says it."""
    async with world(database_url, erp=FakeErpSettings(group_size=10)) as w:
        find_many = w.erp.find_many

        async def loose(keys: Sequence[str]) -> Mapping[str, Record | Exception]:
            nothing: dict[str, Any] = dict.fromkeys(keys)
            return {**nothing, **await find_many(keys), "c123-9999": Record(id="R9")}

        w.erp.find_many = loose  # type: ignore[method-assign]
        orders = [w.market.place() for _ in range(3)]
        await w.cycle(2)

        await w.assert_promise(*orders)


async def test_a_record_to_be_verified_that_alone_finds_the_erp_away(database_url: str) -> None:
    """An ERP that is away for one record only delivers all others."""
    async with world(database_url) as w:
        odd, _ = await delivered(w)
        await declare_restored(w.way, "said")

        def hook(call: str) -> None:
            if call.startswith("before find") and odd in call:
                raise ErpUnavailable("the record is locked")

        w.use_hooks(erp=hook)
        await w.cycle(5)
        other = w.market.place()
        await w.cycle(5)
        await w.assert_promise(other)

        w.use_hooks()
        await w.live_on(1)
        await w.assert_promise(odd)
