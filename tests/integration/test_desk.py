"""What a person decides: dismissals and pauses, in the core, on both databases."""

from decimal import Decimal

from daemon.domain.ledger import Stream
from daemon.domain.pause import Direction
from daemon.domain.state import Situation
from daemon.sync.cycle import run_cycle
from daemon.testing import FakeErpSettings
from tests.integration.test_schedules import edit, lose
from tests.support.desk import notes_of, wish
from tests.support.world import World, world


async def a_parked_order(w: World) -> str:
    """Its product is unknown to the ERP."""
    w.erp.products = set()
    order = w.market.place()
    await w.cycle()
    assert (await w.state(order)).situation is Situation.PARKED
    return order


async def test_a_dismissed_order_is_left_alone_and_retried_on_demand(database_url):
    """Nothing is sent of it while it is dismissed, even once the ERP could take it; `retry` takes the dismissal back."""
    async with world(database_url) as w:
        order = await a_parked_order(w)
        answer = await wish(w, "dismiss", order, reason="typed in by hand")
        w.erp.products = None
        await w.live_on(3)

        state = await w.state(order)
        assert answer == "parked before, dismissed now, as revision 1 says it"
        assert (state.situation, state.reason, state.missing) == (Situation.DISMISSED, "typed in by hand", ())
        assert w.erp.live(order) == []
        assert ("ana", "dismissed", "typed in by hand") in await notes_of(w, order)

        await wish(w, "retry", order)
        await w.assert_promise(order)


async def test_a26_a_dismissal_is_of_one_revision(database_url):
    """A newer content parks again, for a person to decide anew; it is neither sent nor acknowledged."""
    async with world(database_url) as w:
        order = await a_parked_order(w)
        await wish(w, "dismiss", order)
        w.erp.products = None
        edit(w, order, "12")
        await w.live_on(1)

        state = await w.state(order)
        assert (state.situation, state.reason) == (Situation.PARKED, "changed after revision 1 was dismissed")
        assert w.erp.live(order) == []
        assert w.market.unseen(order)


async def test_what_cannot_be_dismissed_is_refused_with_a_reason(database_url):
    """A settled order, one in doubt, one that nobody knows."""
    async with world(database_url, erp=FakeErpSettings(find="nothing", read=False)) as w:
        settled = w.market.place()
        await w.cycle()
        w.use_hooks(erp=lose("after create"))
        doubtful = w.market.place()
        await w.live_on(0.5)

        assert (await wish(w, "dismiss", settled) or "").startswith("refused: nothing to dismiss: the ERP has the order")
        assert (await wish(w, "dismiss", doubtful) or "").startswith("refused: a call to the ERP is under way")
        assert await wish(w, "dismiss", "999") == "refused: no such order"
        assert (await w.state(doubtful)).reason == "outcome unknown"


async def test_a_deliver_that_rests_calls_no_erp_and_asks_no_doubt(database_url):
    """Orders are recorded and wait, doubts too, across a restart; `resume` carries them all."""
    async with world(database_url) as w:
        w.use_hooks(erp=lose("after create"))
        doubtful = w.market.place()
        await w.cycle()
        assert (await w.state(doubtful)).situation is Situation.IN_DOUBT
        assert await wish(w, "pause", argument="deliver") == "deliver paused until `consentio-sync resume`"
        calls = list(w.erp.calls)
        waiting = w.market.place()
        await w.restart()
        await w.live_on(2)

        assert w.erp.calls == calls
        assert (await w.state(waiting)).situation is Situation.WAITING

        assert await wish(w, "resume", argument="deliver") == "deliver goes on"
        await w.live_on(0.5)
        await w.assert_promise(doubtful, waiting)
        edges = w.events("workspace.paused") + w.events("workspace.resumed")
        assert [edge["directions"] for edge in edges] == [["deliver"], ["deliver"]]


async def test_a_collect_that_rests_leaves_its_cursor(database_url):
    """Consentio is not asked for orders, the edited list included; nothing is missed afterwards."""
    async with world(database_url) as w:
        order = w.market.place()
        await w.cycle()
        await wish(w, "pause", argument="acknowledge")
        edit(w, order, "12")
        await w.cycle()
        await wish(w, "pause", argument="collect")
        before = (await w.way.store.glance(w.clock.now())).cursors
        asked = list(w.market.calls)
        await wish(w, "resume", argument="acknowledge")
        while_resting = w.market.place()
        await w.live_on(30)

        after = (await w.way.store.glance(w.clock.now())).cursors
        assert w.market.calls == asked  # no `seen` either: it needs the edited list
        assert {stream: after[stream] for stream in before if stream is not Stream.PRUNED} == {
            stream: before[stream] for stream in before if stream is not Stream.PRUNED
        }

        await wish(w, "resume", argument="collect")
        await w.cycle(3)
        await w.assert_promise(order, while_resting)


async def test_an_acknowledge_that_rests_tells_consentio_nothing(database_url):
    """The ERP gets its orders; references and seen wait."""
    async with world(database_url) as w:
        await wish(w, "pause", argument="acknowledge")
        order = w.market.place()
        await w.cycle()
        edit(w, order, "12")
        await w.cycle(3)

        assert w.content_in_erp(order).lines[0].amount == Decimal(12)
        assert w.market.order(order).external_id is None
        assert w.market.unseen(order)

        await wish(w, "resume")
        await w.cycle(2)
        await w.assert_promise(order)
        assert not w.market.unseen(order)


async def test_pauses_are_kept_apart_and_said(database_url):
    """Each direction has its own word; a second pause changes nothing of the first, and what rests is no last good moment."""
    async with world(database_url) as w:
        await wish(w, "pause", argument="deliver", reason="upgrade")
        good = (await w.way.store.glance(w.clock.now())).workspace.delivered_at
        assert (await wish(w, "pause", argument="deliver", reason="again") or "").startswith("refused: deliver rests already")
        assert (await wish(w, "resume", argument="collect")) == "refused: collect is not paused"
        await wish(w, "pause", reason="all of it")

        workspace = (await w.way.store.glance(w.clock.now())).workspace
        assert [(pause.direction, pause.reason) for pause in workspace.paused] == [
            (Direction.COLLECT, "all of it"),
            (Direction.DELIVER, "upgrade"),
            (Direction.REPORTS, "all of it"),
            (Direction.ACKNOWLEDGE, "all of it"),
        ]
        assert workspace.delivered_at == good
        assert list((await w.cycle()).paused) == list(Direction)


async def test_a_pause_is_obeyed_between_two_groups(database_url):
    """A long delivery looks up for wishes: what is under way is finished, the rest waits."""
    async with world(database_url, erp=FakeErpSettings(group_size=1)) as w:
        orders = [w.market.place() for _ in range(60)]
        created = 0

        def slow(call: str) -> None:
            nonlocal created
            if call.startswith("after create"):
                created += 1
                w.clock.advance(0.5)

        w.use_hooks(erp=slow)
        real = w.way.store.glance
        left = False

        async def glance(now):
            nonlocal left
            if created and not left:
                left = True
                from daemon.store.questions import open_reader

                async with open_reader(w.url) as reader:
                    await reader.leave_wish("123", "pause", order_id=None, argument="deliver", who="ana", reason="stop")
            return await real(now)

        w.way.store.glance = glance
        w.clock.advance(60)
        await run_cycle(w.way)
        assert 0 < created < len(orders)
        stopped_at = created
        await w.cycle(3)
        assert created == stopped_at


async def test_resuming_where_nothing_rests_says_just_that(database_url):
    """Nobody has to read a list of directions to learn that there was nothing to do."""
    async with world(database_url) as w:
        assert (await wish(w, "resume")) == "refused: nothing is paused"
