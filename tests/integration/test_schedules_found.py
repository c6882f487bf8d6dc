"""Schedules that broke the daemon once, found by attacking it; one named test each, over the real store."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from daemon.config.tuning import Delivery
from daemon.domain.ledger import Stream
from daemon.domain.state import Situation
from daemon.errors import ErpUnavailable, MarketplaceUnavailable, SliceUnreadable
from daemon.ports import Answer, Record
from daemon.sync.restore import declare_restored
from daemon.sync.way import Rules
from daemon.testing import FakeErpSettings, Oddities
from tests.support.world import World, world

DAY = timedelta(days=1)
BLIND = FakeErpSettings(find="nothing", read=False)
STERN = FakeErpSettings(find="nothing", refuses_second_key=True)


def lose(what: str, error: type[Exception] = ConnectionResetError, times: int = 1) -> Any:
    """A hook that loses the first call, or answer, whose name starts so."""
    left = [times]

    def hook(call: str) -> None:
        if left[0] and call.startswith(what):
            left[0] -= 1
            raise error(f"lost {call}")

    return hook


def edit(w: World, order_id: str, amount: int) -> None:
    """The buyer changes the first line's amount."""
    w.clock.advance(1)
    w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], amount=Decimal(amount)),))


def spoil(w: World, order_id: str) -> Any:
    """The listings show the order in a way that cannot be read, until the returned function is called."""
    readable, edited = w.market.list_orders, w.market.list_edited

    def spoilt(answer: Answer) -> Answer:
        error = "unknown status 'teleported'"
        return Answer([replace(e, order=None, error=error) if e.id == order_id else e for e in answer.elements], answer.date)

    async def unreadable(start: datetime, end: datetime, status: str) -> Answer:
        return spoilt(await readable(start, end, status))

    async def unreadable_edit(since: datetime) -> Answer:
        return spoilt(await edited(since))

    w.market.list_orders, w.market.list_edited = unreadable, unreadable_edit  # type: ignore[method-assign]

    def mend() -> None:
        w.market.list_orders, w.market.list_edited = readable, edited  # type: ignore[method-assign]

    return mend


@pytest.mark.parametrize("erp", [BLIND, STERN], ids=["blind", "stern"])
async def test_an_order_with_a_reference_where_the_erp_cannot_be_asked(database_url: str, erp: FakeErpSettings) -> None:
    """Somebody typed it in before and told Consentio: it is not created a second time."""
    async with world(database_url, erp=erp) as w:
        order_id = w.market.place(external_id="SO-17")
        await w.cycle(3)

        assert (await w.state(order_id)).situation is Situation.PARKED
        assert not w.erp.effects


async def test_a_baseline_order_that_could_not_be_read_for_a_while(database_url: str) -> None:
    """It predates going live and is not created, whatever its readings looked like meanwhile."""
    w = World(database_url, oddities=Oddities(filter_by="created"))
    order_id = w.market.place()
    w.clock.advance(3600)
    await w.start()
    try:
        await w.cycle()
        assert (await w.state(order_id)).situation is Situation.BASELINE
        mend = spoil(w, order_id)
        await w.cycle(12)
        mend()
        await w.cycle(12)

        assert not w.erp.effects
    finally:
        await w.stop()


async def test_a_cancel_after_a_create_whose_answer_was_lost_where_only_a_second_key_is_refused(database_url: str) -> None:
    """Nobody can be asked, so nobody may take the create for not done: what it left behind is cancelled, or a person is told."""
    async with world(database_url, erp=STERN) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.cycle()
        w.clock.advance(1)
        w.market.cancel(order_id)
        await w.live_on(1)

        state = await w.state(order_id)
        assert w.content_in_erp(order_id) is None or state.situation is Situation.PARKED


async def test_a_dismissed_order_that_is_edited_twice(database_url: str) -> None:
    """A dismissal is of one revision; newer ones wait for a person, however many there are."""
    async with world(database_url) as w:
        w.erp.products = set()
        order_id = w.market.place()
        await w.cycle()
        w.erp.products = None
        async with w.way.store.transaction() as tx:
            state = (await tx.orders([order_id]))[order_id]
            await tx.save_orders([state.evolve(situation=Situation.DISMISSED, due_at=None, dismissed_revision=state.latest)])
        for amount in (11, 12, 13):
            edit(w, order_id, amount)
            await w.cycle()

        assert (await w.state(order_id)).situation is Situation.PARKED
        assert not w.erp.effects


@pytest.mark.parametrize("filter_by", ["created", "updated"])
async def test_one_minute_that_cannot_be_read_stops_no_other_minute(database_url: str, filter_by: Any) -> None:
    """The cursor stays before it, and what comes after it is collected, cancels and swallowed edits included."""
    async with world(database_url, oddities=Oddities(filter_by=filter_by, edited_lists_cancels=False)) as w:
        w.clock.advance(600)
        broken, readable = w.clock.now(), w.market.list_orders

        async def list_orders(start: datetime, end: datetime, status: str) -> Answer:
            if start <= broken <= end and status == "accepted":
                raise SliceUnreadable
            return await readable(start, end, status)

        w.market.list_orders = list_orders  # type: ignore[method-assign]
        w.clock.advance(600)
        order_id = w.market.place()
        report = await w.cycle(2)
        assert report.troubles
        await w.assert_promise(order_id)
        w.market.cancel(order_id)
        await w.cycle(15)
        await w.assert_promise(order_id)

        w.market.list_orders = readable  # type: ignore[method-assign]
        assert not (await w.cycle()).troubles
        assert (await w.way.store.glance(w.clock.now())).cursors[Stream.ACCEPTED] == w.clock.now()


async def test_a_long_recheck_of_missing_keys_is_waited_for(database_url: str) -> None:
    """The longest one that the config allows is waited for, and not taken for a clock that jumped: else it would never end."""
    with pytest.raises(ValidationError):
        Delivery.model_validate({"missing_recheck": "2d"})
    async with world(database_url, rules=Rules(missing_recheck=DAY)) as w:
        w.erp.products = set()
        calls = [0]

        def count(call: str) -> None:
            calls[0] += call.startswith("before create")
            assert calls[0] < 10

        w.use_hooks(erp=count)
        w.market.place()
        await w.cycle(5)

        assert calls[0] == 1


async def test_a_read_that_hangs(database_url: str) -> None:
    """A question about a doubtful cancel has a deadline like any other call."""
    async with world(database_url, rules=Rules(call_timeout=timedelta(milliseconds=50))) as w:
        order_id = w.market.place()
        await w.cycle()

        async def hang(call: str) -> None:
            if call.startswith("before cancel"):
                raise ConnectionResetError
            if call.startswith("before read"):
                await asyncio.Event().wait()

        w.market.cancel(order_id)
        w.erp.on_call = hang
        async with asyncio.timeout(10):
            await w.cycle(5)


async def test_an_erp_that_answers_slowly(database_url: str) -> None:
    """Questions that use up the lease of a group are asked of fewer orders at once, until something gets done."""
    async with world(database_url) as w:
        slow = [0]

        async def slowly(call: str) -> None:
            if call.startswith("before find"):
                slow[0] += 1
                assert slow[0] < 500, "the same questions for ever"
                w.clock.advance(9 / 4)  # four at a time, nine seconds each

        w.erp.on_call = slowly
        ids = [w.market.place() for _ in range(40)]
        await w.cycle(3)

        await w.assert_promise(*ids, told=False)


async def test_a_question_that_always_fails(database_url: str) -> None:
    """An order whose key the ERP cannot be asked for says so: it does not wait in silence."""
    async with world(database_url) as w:

        def broken(call: str) -> None:
            if call.startswith("before find c123-5001"):
                raise RuntimeError("500 Internal Server Error")

        w.use_hooks(erp=broken)
        bad, good = w.market.place(), w.market.place()
        await w.live_on(2)

        await w.assert_promise(good)
        assert "500 Internal Server Error" in (await w.state(bad)).reason


async def test_a_repeated_create_whose_body_was_refused_meanwhile(database_url: str) -> None:
    """The ERP answers a second create with the first record, whose content is not what was sent last."""
    async with world(database_url, erp=STERN) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.cycle()
        w.erp.products = set()
        await w.live_on(0.5)
        assert (await w.state(order_id)).situation is Situation.PARKED
        w.erp.products = None
        edit(w, order_id, 12)
        await w.live_on(0.5)

        await w.assert_promise(order_id)


async def test_a_database_that_was_lost_before_an_erp_that_only_refuses_a_second_key(database_url: str, tmp_path: Any) -> None:
    """What the ERP answers to a repeated create may hold an older content: it is made equal."""
    async with world(database_url, erp=STERN) as w:
        w.use_hooks(market=lose("before references", times=99))
        order_id = w.market.place()
        with pytest.raises(ConnectionResetError):
            await w.cycle()
        w.use_hooks()
        await w.stop()
        w.url = f"sqlite:///{tmp_path}/another.db"
        w.rules = Rules(initial_lookback=timedelta(days=2))
        await w.start()
        edit(w, order_id, 12)
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a_doubt_settled_as_absent_frees_no_parked_order(database_url: str) -> None:
    """What parked the order meanwhile still holds: its newest content cannot be read."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        w.use_hooks(erp=lose("before create"))
        order_id = w.market.place()
        await w.cycle()
        spoil(w, order_id)
        await w.cycle(1)
        assert (await w.state(order_id)).situation is Situation.PARKED
        await w.cycle(5)

        assert (await w.state(order_id)).situation is Situation.PARKED
        assert not w.erp.effects


async def test_an_outage_does_not_turn_an_old_order_into_baseline(database_url: str) -> None:
    """Older than the start wall and first met after the inventory: it parks, though the ERP was away when it was asked first."""
    async with world(database_url) as w:
        await w.cycle(2)
        w.use_hooks(erp=lose("before find", RuntimeError))
        order_id = w.market.place(created_at=w.clock.now() - timedelta(days=30), external_id="SO-17")
        await w.cycle(5)

        assert (await w.state(order_id)).situation is Situation.PARKED


async def test_an_old_order_with_a_reference_from_elsewhere_counts_as_baseline(database_url: str) -> None:
    """The ERP knows nothing of it under our key: nothing is tried again, and the cycle's numbers say so."""
    w = World(database_url, oddities=Oddities(filter_by="created"))
    w.market.place(external_id="SO-17")
    w.clock.advance(3600)
    await w.start()
    try:
        tally = (await w.cycle()).tally

        assert (tally.baseline, tally.retrying) == (1, 0)
    finally:
        await w.stop()


async def test_retry_of_an_order_that_could_never_be_read(database_url: str) -> None:
    """There is no content to deliver: it stays with its reason."""
    async with world(database_url) as w:
        order_id = w.market.place()
        spoil(w, order_id)
        await w.cycle()
        await _retry(w, order_id)
        await w.cycle(20)

        assert (await w.state(order_id)).situation is Situation.PARKED


async def _retry(w: World, order_id: str) -> None:
    from daemon.domain.ledger import Wish
    from daemon.sync.wishes import _fulfil

    await _fulfil(w.way, Wish(number=1, what="retry", order_id=order_id, who="me", reason="", made_at=w.clock.now()))


async def test_nothing_is_told_of_an_order_that_is_not_verified_after_a_restore(database_url: str) -> None:
    """The copy may name a record that is long cancelled: its reference waits until the ERP was asked."""
    async with world(database_url) as w:
        w.use_hooks(market=lose("before references", MarketplaceUnavailable))
        order_id = w.market.place()
        await w.cycle()
        await declare_restored(w.way, "a test")
        await w.cycle()
        assert w.market.order(order_id).external_id is None

        await w.live_on(1)
        await w.assert_promise(order_id)


@pytest.mark.parametrize("deletes", [True, False], ids=["deletes", "cancels"])
async def test_a_clerk_who_replaces_our_record_and_tells_consentio(database_url: str, deletes: bool) -> None:
    """A reference that is not ours, and our record gone: no second order is made of it; a person decides."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        ours = w.erp.live(order_id)[0].id
        (w.erp.clerk_deletes if deletes else w.erp.clerk_cancels)(ours)
        w.market.edit(order_id, external_id=w.erp.clerk_types(w.market.order(order_id)).id)
        await w.live_on(1)

        assert len(w.erp.live(order_id)) == 1
        assert (await w.state(order_id)).situation is Situation.PARKED


async def test_an_edit_and_back_right_after_a_seen(database_url: str) -> None:
    """It is told as seen, too, though the near sweep comes more rarely than the overlap reaches back."""
    async with world(database_url, rules=Rules(near_interval=timedelta(hours=1))) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 12)
        await w.cycle()
        edit(w, order_id, 13)
        edit(w, order_id, 12)
        assert w.market.unseen(order_id)
        await w.live_on(2)

        assert not w.market.unseen(order_id)


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "known"])
async def test_an_edit_that_could_not_be_read_for_a_while(database_url: str, is_new: bool) -> None:
    """Once it can be read it is delivered and told as seen, however long that took."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        order_id = w.market.place()
        await w.cycle(0 if is_new else 1)
        edit(w, order_id, 12)
        mend = spoil(w, order_id)
        await w.cycle(30)
        mend()
        await w.live_on(7)

        await w.assert_promise(order_id)
        assert not w.market.unseen(order_id)


async def test_an_update_of_a_record_that_turns_out_to_be_cancelled(database_url: str) -> None:
    """Somebody at the ERP cancelled it: a conflict, and no reason to create it anew."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        ours = w.erp.live(order_id)[0]
        w.erp.clerk_cancels(ours.id)

        async def update(*_: object) -> object:
            return ours.seen_from_outside()

        w.erp.update = update  # type: ignore[assignment,method-assign]
        edit(w, order_id, 12)
        await w.live_on(1)

        assert (await w.state(order_id)).situation is Situation.PARKED
        assert not w.erp.live(order_id)


async def test_a_cancel_does_not_settle_an_order_whose_row_is_open(database_url: str) -> None:
    """An ERP that cannot be asked: after a restart, too, the open row comes before the question whether there is a record."""
    async with world(database_url, erp=BLIND) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.live_on(0.5)
        await w.restart()
        w.clock.advance(1)
        w.market.cancel(order_id)
        await w.cycle(after=5)

        assert (await w.state(order_id)).situation is not Situation.SETTLED


async def test_an_order_older_than_the_wall_that_is_met_between_a_lost_database_and_the_inventory(
    database_url: str, tmp_path: Any
) -> None:
    """Typed in by hand while nobody listened, and unknown to the ERP under our key: it is not created."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        w.market.place()
        await w.cycle()
        await w.stop()
        w.clock.advance(86_400)
        order_id = w.market.place()
        w.erp.clerk_types(w.market.order(order_id))
        w.clock.advance(86_400)
        breaks, listed = 2, w.market.list_orders

        async def list_orders(start: datetime, end: datetime, status: str) -> Answer:
            nonlocal breaks
            if start <= w.market.order(order_id).created_at <= end and breaks:  # type: ignore[operator]
                breaks -= 1
                raise MarketplaceUnavailable
            return await listed(start, end, status)

        w.market.list_orders = list_orders  # type: ignore[method-assign]
        w.url = f"sqlite:///{tmp_path}/another.db"
        await w.start()
        await w.live_on(1)

        assert w.events("database.restored")
        assert len(w.erp.live(order_id)) == 1


@pytest.mark.parametrize("read", [True, False], ids=["readable", "unreadable"])
async def test_a_cancel_in_doubt_that_deleted_its_own_key_and_an_order_accepted_again(database_url: str, read: bool) -> None:
    """The key of the cancel is in no record because the record is gone: the order is created again, or a person is told."""
    async with world(database_url, erp=FakeErpSettings(find="every", read=read, cancel_deletes=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=lose("after cancel"))
        w.market.cancel(order_id)
        await w.cycle()
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.live_on(1)

        if read:
            await w.assert_promise(order_id)
        assert (await w.state(order_id)).situation is (Situation.SETTLED if read else Situation.PARKED)


@pytest.mark.parametrize("frozen_s", [31, 7_200])
async def test_a_process_that_freezes_while_its_intents_are_committed(database_url: str, frozen_s: int) -> None:
    """The lease runs from before the commit: whoever took over meanwhile may have asked, and been told that there is nothing."""
    async with world(database_url) as w:
        order_id, transaction, freezes = w.market.place(), w.way.store.transaction, [frozen_s]

        @asynccontextmanager
        async def slow_commit() -> Any:
            async with transaction() as tx:
                yield tx
                has_intents = bool(await tx.open_rows())
            if has_intents and freezes:
                w.clock.advance(freezes.pop())

        w.way.store.transaction = slow_commit  # type: ignore[method-assign]
        await w.cycle()
        assert not freezes
        assert not w.erp.effects

        await w.live_on(1)
        await w.assert_promise(order_id)


async def test_an_adapter_that_answers_twice_and_for_what_nobody_asked(database_url: str) -> None:
    """The first answer for each effect counts, and the others spoil nothing."""
    async with world(database_url, erp=FakeErpSettings(find="every", group_size=5)) as w:
        proper = w.erp.apply

        async def apply(effects: Any) -> Any:
            async for key, result in proper(effects):
                yield key, result
                yield key, RuntimeError("once more")
            yield "nobody's", Record(id="R99")

        w.erp.apply = apply  # type: ignore[method-assign]
        ids = [w.market.place() for _ in range(4)]
        await w.cycle(2)

        await w.assert_promise(*ids)


async def test_a_cancel_of_an_order_that_certainly_never_reached_an_erp_that_cannot_be_asked(database_url: str) -> None:
    """The ERP was away whenever its create was due: there is nothing to cancel, and nothing for a person to do."""
    async with world(database_url, erp=STERN) as w:
        w.use_hooks(erp=lose("before create", ErpUnavailable))
        order_id = w.market.place()
        await w.cycle()
        w.clock.advance(1)
        w.market.cancel(order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)


async def test_an_outage_does_not_unsay_that_an_earlier_create_may_have_arrived(database_url: str) -> None:
    """Its answer was lost, then the ERP was away; canceled then, where nobody can be asked: a person decides."""
    async with world(database_url, erp=STERN) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=lose("before create", ErpUnavailable, times=9))
        await w.cycle(4)
        assert [call for call in w.erp.calls if call.startswith("create")]
        w.market.cancel(order_id)
        await w.live_on(1)

        assert (await w.state(order_id)).situation is Situation.PARKED


@pytest.mark.parametrize("erp", [STERN, FakeErpSettings(find="creates")], ids=["cannot be asked", "can be asked"])
async def test_a_create_in_doubt_of_an_order_that_was_first_met_canceled(database_url: str, erp: FakeErpSettings) -> None:
    """That the ERP had nothing counts no longer once a create may have arrived: its cancel must be sent, too."""
    async with world(database_url, erp=erp) as w:
        order_id = w.market.place()
        w.market.cancel(order_id)
        await w.cycle()
        w.market.accept(order_id)
        w.use_hooks(erp=lose("after create"))
        await w.cycle()
        assert w.erp.live(order_id)
        w.market.cancel(order_id)
        await w.live_on(1)

        assert (await w.state(order_id)).situation is Situation.PARKED or not w.erp.live(order_id)
