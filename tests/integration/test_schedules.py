"""The schedules that break an order-sync daemon, one named test each, over the real store (numbered as in the design)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from daemon.domain import reading
from daemon.domain.content import DIGEST_VERSION, digest
from daemon.domain.ledger import Kind
from daemon.domain.order import Status
from daemon.domain.plan import OLDER_THAN_WALL, OTHER_IDENTITY
from daemon.domain.state import Situation
from daemon.errors import DatabaseError, ErpUnavailable, SliceUnreadable
from daemon.ports import Answer
from daemon.sync import batch
from daemon.sync.restore import declare_restored
from daemon.sync.way import Rules
from daemon.testing import FakeErp, FakeErpSettings, Oddities, StillUnderWay
from tests.support.torture.sqlite import without_threads
from tests.support.torture.stage import Scenery, Stage
from tests.support.world import World, world


def lose(*what: str, times: int = 1) -> Any:
    """A hook that loses an answer (or a call) whose name starts so."""
    left = [times]

    def hook(call: str) -> None:
        if left[0] and call.startswith(what):
            left[0] -= 1
            raise ConnectionResetError(f"lost {call}")

    return hook


def delay(what: str) -> Any:
    """A hook that leaves the first such call under way."""
    left = [1]

    def hook(call: str) -> None:
        if left[0] and call.startswith(what):
            left[0] = 0
            raise StillUnderWay(call)

    return hook


def edit(w: World, order_id: str, amount: str) -> None:
    """The buyer changes the first line's amount."""
    w.clock.advance(1)
    line = w.market.order(order_id).lines[0]
    w.market.edit(order_id, lines=(replace(line, amount=Decimal(amount)),))


async def test_an_order_travels(database_url: str) -> None:
    """Accepted, created, told; edited, updated, seen; canceled, cancelled there."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        await w.assert_promise(order_id)

        edit(w, order_id, "12")
        await w.cycle(2)
        await w.assert_promise(order_id)
        assert not w.market.unseen(order_id)

        w.market.cancel(order_id)
        await w.cycle(2)
        await w.assert_promise(order_id)
        assert w.erp.effects[0].startswith("create")
        assert [effect.split()[0] for effect in w.erp.effects] == ["create", "update", "cancel"]


async def test_the_very_first_cycle_meets_an_edited_order(database_url: str) -> None:
    """Edited before this daemon ever ran: created with its latest content, and the edit is told as seen."""
    w = World(database_url, rules=Rules(initial_lookback=timedelta(days=1)))
    order_id = w.market.place()
    edit(w, order_id, "12")
    await w.start()
    try:
        await w.cycle()

        await w.assert_promise(order_id)
        assert not w.market.unseen(order_id)
    finally:
        await w.stop()


@pytest.mark.parametrize("lists_cancels", [True, False])
async def test_a01_a_cancel_that_is_on_no_edited_list(database_url: str, lists_cancels: bool) -> None:
    """Cancelled orders are listed as such; the truck does not leave."""
    async with world(database_url, oddities=Oddities(edited_lists_cancels=lists_cancels)) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, "7")
        await w.cycle()
        w.market.cancel(order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)


async def test_a01_absence_cancels_nothing(database_url: str) -> None:
    """An order that no list shows any more stays in the ERP, and is told."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        w.market.edit(order_id, status=Status.INCOMPLETE)
        await w.live_on(7)

        assert w.content_in_erp(order_id) is not None
        assert w.events("orders.missing")[-1]["order_ids"] == [order_id]


async def test_a02_a_create_in_doubt_is_repeated_under_one_key_with_its_first_body(database_url: str) -> None:
    """A newer revision changes neither the key nor the body of a repeated create; it follows as an update."""
    async with world(database_url, erp=FakeErpSettings(refuses_second_key=True)) as w:
        w.use_hooks(erp=lose("before create"))
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, "99")
        await w.live_on(1)

        creates = [call for call in w.erp.effects if call.startswith("create")]
        assert creates == [f"create c123-{order_id}"]
        await w.assert_promise(order_id)


async def test_a02_canceled_and_accepted_again_is_another_incarnation(database_url: str) -> None:
    """A re-accepted order is not taken for present because of its cancelled record."""
    async with world(database_url, erp=FakeErpSettings(refuses_second_key=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        w.market.cancel(order_id)
        await w.cycle(2)
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)
        assert f"create c123-{order_id}-2" in w.erp.effects


async def test_a03a_an_update_in_doubt_followed_by_an_edit_back(database_url: str) -> None:
    """After a doubtful update the ERP's revision is unknown, so the old content is sent again."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=lose("after update"))
        edit(w, order_id, "12")
        await w.cycle()
        edit(w, order_id, "10")
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a03b_a_cancel_in_doubt_where_the_erp_deletes(database_url: str) -> None:
    """A record that is gone settles the doubt; nobody cancels it for ever."""
    async with world(database_url, erp=FakeErpSettings(cancel_deletes=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=lose("after cancel"))
        w.market.cancel(order_id)
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert len([call for call in w.erp.calls if call.startswith("cancel")]) == 1


async def test_a03c_a_record_met_by_find_is_adopted_with_its_revision_unknown(database_url: str) -> None:
    """What the adopted record holds is made equal by an update."""
    async with world(database_url) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, "12")
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert [effect.split()[0] for effect in w.erp.effects] == ["create", "update"]


@pytest.mark.parametrize("call", ["create", "update", "cancel"])
async def test_a04_a_call_that_lands_late(database_url: str, call: str) -> None:
    """Within the doubt wait nobody asks and nothing else is sent; what lands meanwhile is found."""
    async with world(database_url) as w:
        order_id = w.market.place()
        if call != "create":
            await w.cycle()
            edit(w, order_id, "12") if call == "update" else w.market.cancel(order_id)
        w.use_hooks(erp=delay(f"before {call}"))
        await w.cycle()
        asked = len(w.erp.calls)
        await w.cycle(2, after=20)
        assert len(w.erp.calls) == asked, "asked before the doubt wait was over"
        w.erp.land()
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a05_a_leader_that_lost_the_lock_between_intent_and_effect(tmp_path: Any) -> None:
    """The lease keeps it from sending what its successor has already asked about, and the epoch from recording anything."""
    with without_threads():
        scene = Stage(Scenery(), tmp_path)
        try:
            await scene.run(scene.a)
            scene.place(accepted=True, boxes=2)
            await scene.run(scene.a, "erp: after find")
            scene.a.has_answer = True  # it freezes behind the answer
            scene.lose_lock()
            for _ in range(4):
                await scene.run(scene.b)
                await scene.wait(80)
            await scene.run(scene.a)
            await scene.quiet()
            await scene.read_states()

            scene.truth.verdict()
        finally:
            await scene.close()


async def test_a06_a_database_that_was_lost(database_url: str, tmp_path: Any) -> None:
    """Every create is preceded by find: a forgotten record is adopted, never doubled, and the restore is noticed."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        await w.stop()
        w.url = f"sqlite:///{tmp_path}/another.db"
        w.rules = Rules(initial_lookback=timedelta(days=2))
        await w.start()
        edit(w, order_id, "12")
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert w.events("database.restored")


async def test_a06_a_forgotten_order_that_is_canceled_now(database_url: str, tmp_path: Any) -> None:
    """Settling as canceled asks first: the record is found and cancelled."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        await w.stop()
        w.url = f"sqlite:///{tmp_path}/another.db"
        w.rules = Rules(initial_lookback=timedelta(days=2))
        w.market.cancel(order_id)
        await w.start()
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a07_a_new_revision_does_not_wake_a_doubt_that_nobody_can_settle(database_url: str) -> None:
    """An ERP that cannot be asked: the open row comes first, so there is no second create."""
    async with world(database_url, erp=FakeErpSettings(find="nothing", read=False)) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.live_on(0.5)
        edit(w, order_id, "12")
        await w.live_on(1)

        state = await w.state(order_id)
        assert len(w.erp.live(order_id)) == 1
        assert (state.situation, state.reason) == (Situation.PARKED, "outcome unknown")


async def test_a08_an_updated_at_that_runs_backwards(database_url: str) -> None:
    """Kept out once; said again by a later request, it is the truth."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        line = w.market.order(order_id).lines[0]
        w.market.edit(order_id, lines=(replace(line, amount=Decimal(3)),), updated_at=w.clock.now() - timedelta(minutes=3))
        await w.cycle(2)

        await w.assert_promise(order_id)


async def test_a09_a_clock_that_jumped_forward_and_back(database_url: str) -> None:
    """Cursors, sweeps and due dates that lie in the future stop nothing."""
    async with world(database_url) as w:
        w.clock.jump(86_400 * 3)
        parked = w.market.place()
        w.use_hooks(erp=lose("before create", times=1))
        await w.cycle(2)
        w.clock.jump(-86_400 * 3)
        w.use_hooks()
        order_id = w.market.place()
        await w.live_on(1)

        await w.assert_promise(order_id, parked)


async def test_a09_an_edit_while_the_date_ran_ahead(tmp_path: Any) -> None:
    """No sweep lists an edit again: the edited list's cursor does not follow a clock beyond this machine's own."""
    with without_threads():
        scene = Stage(Scenery(), tmp_path)
        try:
            scene.place(accepted=True, boxes=2)
            await scene.run(scene.a)
            scene.skew(date=timedelta(hours=1), wall=timedelta(0))
            await scene.run(scene.a)
            await scene.wait(60)
            scene.edit(scene.orders[0], 3)
            await scene.run(scene.a)
            await scene.wait(4_000)
            await scene.quiet()
            await scene.read_states()
            scene.truth.verdict()
        finally:
            await scene.close()


async def test_a10_an_order_edited_long_after(database_url: str) -> None:
    """Order rows and create keys stay: an edit beyond the horizon is an update, not a second order."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        await w.stop()
        w.clock.advance(86_400 * 40)
        edit(w, order_id, "12")
        await w.start()
        await w.live_on(1)

        await w.assert_promise(order_id)


async def test_a11_what_was_typed_in_before_going_live(database_url: str) -> None:
    """Accepted before the start wall: recorded, shown, and never created, whichever sweep finds it."""
    w = World(database_url, oddities=Oddities(filter_by="created"))
    order_id = w.market.place()
    w.erp.clerk_types(w.market.order(order_id))
    w.clock.advance(86_400 * 5)
    await w.start()
    try:
        await w.live_on(7)

        assert (await w.state(order_id)).situation is Situation.BASELINE
        assert not w.erp.effects
    finally:
        await w.stop()


async def test_a12_another_erp_on_the_same_database(database_url: str) -> None:
    """The ledger knows its two ends: a mismatch refuses to start."""
    async with world(database_url) as w:
        await w.stop()
        w.erp = FakeErp(FakeErpSettings(name="production"))
        with pytest.raises(DatabaseError):
            await w.start()


@pytest.mark.parametrize("what", ["hash_id", "created_at"])
async def test_a12_an_id_that_comes_back_as_another_order(database_url: str, what: str) -> None:
    """Another hash or creation moment under a known id is another order: a person decides, nothing is overwritten."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        other = {"hash_id": "another", "created_at": w.clock.now() - timedelta(minutes=5)}
        edit(w, order_id, "99")
        w.market.edit(order_id, **{what: other[what]})
        await w.live_on(0.5)

        state = await w.state(order_id)
        assert (state.situation, state.reason) == (Situation.PARKED, OTHER_IDENTITY)
        assert len(w.erp.effects) == 1


@pytest.mark.parametrize("filter_by", ["created", "updated", "accepted", "delivery"])
async def test_a13_pending_first_and_accepted_later(database_url: str, filter_by: Any) -> None:
    """Whatever the date filter reads, the near sweep finds it: nobody waits for the wide one."""
    async with world(database_url, oddities=Oddities(filter_by=filter_by)) as w:
        order_id = w.market.place(accepted=False, delivery_estimated_at=w.clock.now() + timedelta(days=2))
        await w.cycle()
        await w.cycle(after=3_600)
        w.market.accept(order_id)
        await w.cycle(12)

        await w.assert_promise(order_id)


async def test_a19_a_digest_that_says_something_else_after_an_upgrade(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents are compared by digesting them anew: the upgrade turns no order into an edit."""
    with monkeypatch.context() as yesterday:
        yesterday.setattr(batch, "digest", lambda order: f"old {digest(order)}")
        yesterday.setattr(batch, "DIGEST_VERSION", DIGEST_VERSION + 1)
        yesterday.setattr(reading, "DIGEST_VERSION", DIGEST_VERSION + 1)
        w = World(database_url)
        await w.start()
        await w.cycle()
        order_id = w.market.place()
        await w.cycle(2)
    try:
        await w.restart()
        await w.live_on(1)
        await w.assert_promise(order_id)
        assert len(w.erp.effects) == 1

        edit(w, order_id, "12")
        await w.cycle(2)
        await w.assert_promise(order_id)
    finally:
        await w.stop()


async def test_a22_a_group_that_breaks_off(database_url: str) -> None:
    """What was answered is recorded, the rest are doubts, each settled by itself; nothing is doubled."""
    async with world(database_url, erp=FakeErpSettings(find="every", group_size=10)) as w:
        ids = [w.market.place() for _ in range(6)]
        w.use_hooks(erp=lose("after create c123-5003"))
        await w.cycle()
        assert {(await w.state(i)).situation for i in ids[:2]} == {Situation.SETTLED}
        assert {(await w.state(i)).situation for i in ids[2:]} == {Situation.IN_DOUBT}
        await w.live_on(1)

        await w.assert_promise(*ids)


async def test_a22_an_erp_that_cannot_be_asked_gets_groups_of_one(database_url: str) -> None:
    """One lost answer leaves one order to a person, not a group of them."""
    async with world(database_url, erp=FakeErpSettings(find="nothing", read=False, group_size=10)) as w:
        w.use_hooks(erp=lose("after create"))
        ids = [w.market.place() for _ in range(6)]
        await w.live_on(1)

        assert [(await w.state(i)).situation for i in ids].count(Situation.PARKED) == 1
        assert len(w.erp.effects) == 6


async def test_a16_edits_that_end_in_the_same_content_are_acknowledged(database_url: str) -> None:
    """A to B and back to A between two polls: nothing to send, yet the edit is told as seen."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, "12")
        edit(w, order_id, "10")
        await w.cycle(2)

        assert not w.market.unseen(order_id)
        assert [effect.split()[0] for effect in w.erp.effects] == ["create"]


async def test_a16_an_api_that_keeps_listing_makes_no_loop(database_url: str) -> None:
    """Seen again at most once a sweep."""
    async with world(database_url, oddities=Oddities(keeps_listing=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, "12")
        await w.cycle(9)

        assert 1 <= len(w.market.seen) <= 2


async def test_a17_an_edit_between_the_edited_list_and_the_seen_call(database_url: str) -> None:
    """It is swallowed by the API, and delivered all the same by the next near sweep."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, "12")

        def late_edit(call: str) -> None:
            if call == "before seen":
                w.use_hooks()
                edit(w, order_id, "13")

        w.use_hooks(market=late_edit)
        await w.cycle()
        await w.cycle(12)

        assert not w.market.unseen(order_id)
        await w.assert_promise(order_id)


@pytest.mark.parametrize("poison", ["nul\x00byte", "9" * 5_000], ids=["NUL", "long"])
async def test_a20_poison_stops_no_neighbour(database_url: str, poison: str) -> None:
    """One order with a text that a database may refuse is delivered or parked; the others flow."""
    async with world(database_url) as w:
        before, bad, after = w.market.place(), w.market.place(hash_id=poison), w.market.place()
        await w.cycle(3)

        await w.assert_promise(before, after)
        state = await w.state(bad)
        assert state.situation in {Situation.SETTLED, Situation.PARKED}, state


async def test_a20_an_element_that_is_no_order_parks_alone(database_url: str) -> None:
    """With a usable id it parks under it, and flows once it can be read; its neighbours never notice."""
    async with world(database_url) as w:
        good, bad = w.market.place(), w.market.place()
        readable = w.market.list_orders

        async def unreadable(start: Any, end: Any, status: str) -> Answer:
            answer = await readable(start, end, status)
            spoilt = [replace(e, order=None, error="unknown status 'teleported'") if e.id == bad else e for e in answer.elements]
            return Answer(spoilt, answer.date)

        w.market.list_orders = unreadable  # type: ignore[method-assign]
        await w.cycle(2)
        await w.assert_promise(good)
        state = await w.state(bad)
        assert (state.situation, state.reason) == (Situation.PARKED, "cannot be read: unknown status 'teleported'")

        w.market.list_orders = readable  # type: ignore[method-assign]
        await w.cycle(2)
        await w.assert_promise(bad)


async def test_a23_a_refused_reference_does_not_hold_back_an_edit(database_url: str) -> None:
    """The ERP side and the Consentio side have attempts, dates and reasons of their own."""
    async with world(database_url) as w:
        order_id = w.market.place()
        w.market.refuses[order_id] = "no such field"
        await w.cycle()
        edit(w, order_id, "12")
        await w.cycle()
        await w.assert_promise(order_id, told=False)
        assert (await w.state(order_id)).tell_reason == "no such field"

        w.market.refuses.clear()
        await w.live_on(1)
        await w.assert_promise(order_id)


async def test_a23_a_refused_seen_backs_off_and_holds_up_nothing(database_url: str) -> None:
    """Consentio refuses to mark one edit: it is tried again with a growing wait and told once a try, and others are marked."""
    async with world(database_url) as w:
        order_id, other = w.market.place(), w.market.place()
        await w.cycle()
        w.market.refuses[order_id] = "no such order"
        edit(w, order_id, "12")
        edit(w, other, "13")
        await w.live_on(8)
        await w.assert_promise(order_id, other)
        assert not w.market.unseen(other)

        tries = len(w.events("seen.refused"))
        listed = w.market.calls.count("edited")
        await w.live_on(1)
        assert len(w.events("seen.refused")) == tries + timedelta(hours=1) / w.rules.backoff_max
        assert w.market.calls.count("edited") == listed + 12 + 4, "the edited list is read again only before a try"

        w.market.refuses.clear()
        await w.live_on(0.25)
        assert not w.market.unseen(order_id)


async def test_an_outage_of_the_erp_counts_against_no_order(database_url: str) -> None:
    """Nothing was sent: when it is back, everything is delivered, however long it took."""
    async with world(database_url) as w:

        def away(call: str) -> None:
            if call.startswith("before"):
                raise ErpUnavailable("connection refused")

        w.use_hooks(erp=away)
        ids = [w.market.place() for _ in range(30)]
        await w.cycle(20)
        assert {(await w.state(i)).attempts for i in ids} == {0}

        w.use_hooks()
        await w.cycle(2)
        await w.assert_promise(*ids)


async def test_a_rejected_order_parks_alone_and_a_retry_frees_it(database_url: str) -> None:
    """Its reason names what is missing; the others flow; a person's retry delivers it."""
    async with world(database_url) as w:
        w.erp.products = {"TOM-RAF"}
        good, bad = w.market.place(), w.market.place()
        w.market.edit(bad, lines=(replace(w.market.order(bad).lines[0], sku="KIWI"),))
        await w.cycle(2)
        state = await w.state(bad)
        assert (state.situation, state.missing) == (Situation.PARKED, ("product:KIWI",))
        await w.assert_promise(good)

        w.erp.products = None
        await w.cycle(70)
        await w.assert_promise(bad)


async def test_a21_a_slice_that_cannot_be_read_stops_its_own_stream_only(database_url: str) -> None:
    """Broken down to the smallest slice: the cursor stays, the edited list and the other slices are read all the same."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        order_id = w.market.place()
        await w.cycle()

        def broken(call: str) -> None:
            if call == "before list accepted":
                raise SliceUnreadable

        w.use_hooks(market=broken)
        edit(w, order_id, "12")
        report = await w.cycle(2)
        assert report.troubles
        await w.assert_promise(order_id)

        later = w.market.place()
        w.use_hooks()
        await w.cycle()
        await w.assert_promise(later)


async def test_a_restore_creates_nothing_that_is_older_than_the_wall(database_url: str) -> None:
    """First met after a restore, created before going live, unknown to the ERP under our key: a person decides."""
    async with world(database_url) as w:
        old = w.market.place(accepted=False, created_at=w.clock.now() - timedelta(days=30), delivery_estimated_at=w.clock.now())
        await declare_restored(w.way, "a test")
        w.market.accept(old)
        await w.live_on(1)

        state = await w.state(old)
        assert (state.situation, state.reason, w.erp.effects) == (Situation.PARKED, OLDER_THAN_WALL, [])


async def test_an_order_that_parks_when_it_is_first_met_is_told(database_url: str) -> None:
    """Older than the wall and met late: parked without any call of the ERP, and yet one line says which order and why."""
    async with world(database_url) as w:
        old = w.market.place(created_at=w.clock.now() - timedelta(days=30))
        await w.cycle()

        assert w.events("order.parked") == [{"order_id": old, "reason": OLDER_THAN_WALL}]


async def test_a_canceled_order_that_still_shows_its_reference_is_no_news(database_url: str) -> None:
    """Consentio goes on showing the cancelled record's reference; nobody takes it for something forgotten."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        w.market.cancel(order_id)
        await w.cycle(2)
        asked = len(w.erp.calls)
        await w.live_on(1)

        assert len(w.erp.calls) == asked
        assert not w.events("database.restored")


async def test_one_open_row_at_most(database_url: str) -> None:
    """The database itself refuses a second open ERP row of one order."""
    async with world(database_url) as w:
        w.use_hooks(erp=lose("after create"))
        order_id = w.market.place()
        await w.cycle()
        async with w.way.store.transaction() as tx:
            rows = await tx.open_rows()

        assert [(row.order_id, row.kind) for row in rows] == [(order_id, Kind.CREATE)]
