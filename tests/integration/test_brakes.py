"""A25: a marketplace that suddenly cancels or changes everything is heard, and not obeyed before a person has looked."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from daemon.domain.brakes import DAY, Brake, Brakes, Limit, Limits, Pull
from daemon.domain.ledger import Kind, Outcome, Stream, Wish
from daemon.domain.plan import brake_of, is_counted
from daemon.domain.state import Situation
from daemon.errors import ErpUnavailable
from daemon.sync.brakes import release, set_of
from daemon.sync.cycle import Direction
from daemon.sync.restore import declare_restored
from daemon.sync.way import Rules
from daemon.testing import FakeErpSettings, FakeMarketplace
from tests.integration.test_schedules import edit, lose
from tests.support.stores import NOW, a_row, an_order, led_store
from tests.support.world import World, world

FLOOR = 20
#: Many effects at once, for speed.
GROUPS = FakeErpSettings(group_size=500)


async def filled(w: World, many: int) -> list[str]:
    """So many orders in the ERP."""
    ids = [w.market.place() for _ in range(many)]
    await w.cycle()
    assert all(w.erp.live(order_id) for order_id in ids)
    return ids


def cancel(w: World, ids: list[str]) -> None:
    for order_id in ids:
        w.market.cancel(order_id)


def still_there(w: World, ids: list[str]) -> int:
    return sum(bool(w.erp.live(order_id)) for order_id in ids)


async def held(w: World, brake: Brake = Brake.CANCELS) -> list:
    async with w.way.store.transaction() as tx:
        return await tx.braked(brake, 1_000)


async def let_go(w: World, brake: Brake = Brake.CANCELS, states: list | None = None) -> str:
    """A person releases these orders, or all that are held."""
    argument = set_of(brake, await held(w, brake) if states is None else states)
    wish = Wish(number=1, what="release", order_id=None, who="ana", reason="", made_at=w.clock.now(), argument=argument)
    return await release(w.way, wish)


async def test_a25_all_orders_are_suddenly_canceled(database_url: str) -> None:
    """Not one of two hundred is cancelled; it is told once; collecting goes on; a person releases them."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 200)
        cancel(w, ids)
        report = await w.cycle()

        assert still_there(w, ids) == 200
        assert report.tally.braked == 200
        assert report.brakes.pulls[Brake.CANCELS].count == 200
        (told,) = w.events("brake.pulled")
        assert (told["brake"], told["count"], told["limit"], told["listed"]) == ("cancels", 200, FLOOR, 200)
        assert "release 123 cancels" in str(told["remedy"])
        state = await w.state(ids[7])
        assert (state.situation, state.reason) == (Situation.BRAKED, "the brake on cancels")

        new = w.market.place()
        await w.cycle(3)
        await w.assert_promise(new)
        assert len(w.events("brake.pulled")) == 1

        assert await let_go(w) == "200 cancels released"
        await w.cycle(2)
        await w.assert_promise(*ids, new)
        assert not w.way.memory.brakes


async def test_a25_a_trickle(database_url: str) -> None:
    """One cancel a cycle: as many as the floor allows within a day, and not one more."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 100)
        for order_id in ids[:40]:
            w.market.cancel(order_id)
            await w.cycle(after=600)

        assert still_there(w, ids) == 100 - FLOOR
        assert len(await held(w)) == 40 - FLOOR


async def test_a25_a_day_later_the_count_is_over(database_url: str) -> None:
    """What is older than a rolling day counts no more."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 100)
        cancel(w, ids[:FLOOR])
        await w.cycle()
        await w.cycle(after=DAY.total_seconds() + 60)
        cancel(w, ids[FLOOR : 2 * FLOOR])
        await w.cycle(2)

        assert still_there(w, ids) == 100 - 2 * FLOOR


async def test_a25_all_orders_are_suddenly_changed(database_url: str) -> None:
    """Mass changes are held like mass cancels, and each by its own brake: cancels go on."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 100)
        for order_id in ids[1:]:
            edit(w, order_id, "99")
        w.market.cancel(ids[0])
        await w.cycle()

        assert [effect for effect in w.erp.effects if effect.startswith("update")] == []
        assert not w.erp.live(ids[0])
        assert w.way.memory.brakes.pulls.keys() == {Brake.UPDATES}
        assert [order_id for order_id, _ in w.market.seen] == [ids[0]]  # nothing is acknowledged that the ERP does not have

        assert await let_go(w, Brake.UPDATES) == "99 updates released"
        await w.cycle(2)
        await w.assert_promise(*ids)


async def test_a25_the_brake_survives_a_restart(database_url: str) -> None:
    """Killed in any commit of the braked cycle and started again: nothing slipped through, and the brake is still pulled."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 60)
        cancel(w, ids)
        await w.cycle()
        await w.restart()
        report = await w.cycle(2)

        assert still_there(w, ids) == 60
        assert report.brakes.pulls.keys() == {Brake.CANCELS}
        assert await let_go(w) == "60 cancels released"
        await w.restart()
        await w.cycle(2)
        await w.assert_promise(*ids)


async def test_a25_a_restart_amid_a_trickle_counts_on(database_url: str) -> None:
    """What was done is counted from the ledger, not from a process's memory."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 60)
        for order_id in ids[:30]:
            w.market.cancel(order_id)
            await w.restart()
            await w.cycle()

        assert still_there(w, ids) == 60 - FLOOR


async def test_a25_a_release_names_the_set(database_url: str) -> None:
    """Orders that are held after the person looked are not released with the others: they count anew."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 100)
        cancel(w, ids[:50])
        await w.cycle()
        seen = await held(w)
        cancel(w, ids[50:])
        await w.cycle()

        assert await let_go(w, states=seen) == "50 cancels released; 50 that came later count anew"
        await w.cycle(2)
        assert still_there(w, ids) == 50
        assert w.events("brake.pulled")[-1]["count"] == 50  # the released ones are not among them


async def test_a25_a_release_begins_the_count_anew(database_url: str) -> None:
    """What was cancelled before a person looked is not held against what comes after."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 100)
        for some in (ids[:FLOOR], ids[FLOOR : FLOOR + 1]):
            cancel(w, some)
            await w.cycle()
        await let_go(w)
        await w.cycle()
        cancel(w, ids[FLOOR + 1 : 2 * FLOOR + 1])
        await w.cycle(2)

        assert still_there(w, ids) == 100 - 2 * FLOOR - 1


async def test_a25_a_released_order_that_changes_counts_anew(database_url: str) -> None:
    """A release is of the content that was shown."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 50)
        for order_id in ids:
            edit(w, order_id, "11")
        await w.cycle()
        shown = await held(w, Brake.UPDATES)
        for order_id in ids:
            edit(w, order_id, "12")
        await w.cycle()
        await let_go(w, Brake.UPDATES, shown)
        await w.cycle()

        assert [effect for effect in w.erp.effects if effect.startswith("update")] == []


async def test_a25_what_consentio_takes_back_eases_the_brake(database_url: str) -> None:
    """An hour of a broken marketplace needs nobody, once it is over: not one call was made to the ERP."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 60)
        cancel(w, ids)
        await w.cycle(2)
        w.clock.advance(3600)
        for order_id in ids:
            w.market.accept(order_id)
        report = await w.cycle(2)

        assert not report.brakes
        assert w.events("brake.eased") == [{"brake": "cancels"}]
        assert [effect.split()[0] for effect in w.erp.effects] == ["create"] * 60
        await w.assert_promise(*ids)


async def test_a25_creates_never_count(database_url: str) -> None:
    """A thousand new orders at once are a good day."""
    async with world(database_url, erp=GROUPS) as w:
        await filled(w, 300)

        assert not w.events("brake.pulled")


async def test_a25_repeats_and_doubts_do_not_count(database_url: str) -> None:
    """Twenty cancels whose answers are lost, and that are repeated, are twenty orders; so are twenty updates."""
    async with world(database_url, rules=Rules(max_attempts=100)) as w:
        ids = await filled(w, 100)
        cancel(w, ids[:FLOOR])
        for order_id in ids[FLOOR : 2 * FLOOR]:
            edit(w, order_id, "12")
        w.use_hooks(erp=lose("before cancel", "after update", times=60))
        await w.live_on(3)

        assert not w.events("brake.pulled")
        await w.assert_promise(*ids)


async def test_a25_a_restore_pulls_nothing(database_url: str) -> None:
    """After a restore every order is updated over an unknown revision: no mass change, and not counted later either."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 60)
        await declare_restored(w.way, "a copy")
        await w.live_on(1)
        assert len([effect for effect in w.erp.effects if effect.startswith("update")]) == 60
        edit(w, ids[0], "12")
        await w.cycle(2)

        assert not w.events("brake.pulled")
        await w.assert_promise(*ids)


async def test_a25_an_erp_that_is_away_lets_nothing_slip(database_url: str) -> None:
    """Refused connections withdraw effects, which then count as what is about to be."""
    async with world(database_url, erp=GROUPS) as w:
        ids = await filled(w, 60)

        def refuse(call: str) -> None:
            if call.startswith("before"):
                raise ErpUnavailable("connection refused")

        w.use_hooks(erp=refuse)
        for order_id in ids[:30]:
            w.market.cancel(order_id)
            await w.cycle()
        w.use_hooks()
        await w.cycle(2)

        assert still_there(w, ids) == 60


async def test_a25_a_share_of_many_orders(database_url: str) -> None:
    """With many orders the share decides, beyond the floor."""
    limits = Limits(cancels=Limit(share=0.5, floor=FLOOR))
    async with world(database_url, erp=GROUPS, rules=Rules(brakes=limits)) as w:
        ids = await filled(w, 60)
        cancel(w, ids[:30])
        await w.cycle(2)
        assert still_there(w, ids) == 30
        w.market.cancel(ids[30])
        await w.cycle(2)

        assert still_there(w, ids) == 30
        assert w.events("brake.pulled")[-1] | {"remedy": ""} == {
            "brake": "cancels",
            "count": 31,
            "limit": 30,
            "listed": 60,
            "remedy": "",
        }


class EmptyMarket(FakeMarketplace):
    """Lists nothing while it is told to."""

    is_empty = False

    def _listed(self, *args, **named):
        return [] if self.is_empty else super()._listed(*args, **named)


async def test_a25_a_sweep_that_suddenly_finds_nothing(database_url: str) -> None:
    """It does not count as complete, is told once, cuts collecting off, and cancels nothing; the next good one ends it."""
    async with world(database_url, erp=GROUPS) as w:
        w.market.__class__ = EmptyMarket
        ids = await filled(w, 30)
        await w.cycle(after=700)
        before = (await w.way.store.glance(w.clock.now())).cursors
        w.market.is_empty = True
        reports = [await w.cycle(after=3600) for _ in range(7)]

        after = (await w.way.store.glance(w.clock.now())).cursors
        assert (after[Stream.NEAR], after[Stream.WIDE]) == (before[Stream.NEAR], before[Stream.WIDE])
        assert all(Direction.COLLECT in report.troubles for report in reports)
        assert [(told["known"]) for told in w.events("sweep.emptied")] == [30]
        assert still_there(w, ids) == 30
        assert not w.events("orders.missing")

        w.market.is_empty = False
        report = await w.cycle(after=3600)
        assert not report.troubles


async def test_an_empty_sweep_of_a_quiet_market_counts(database_url: str) -> None:
    """A workspace that never had many orders may well have none."""
    async with world(database_url, erp=GROUPS) as w:
        report = await w.cycle(after=8 * 3600)

        assert not report.troubles


def test_brakes_are_stored() -> None:
    """Brakes are stored as they are."""
    pull = Pull(brake=Brake.CANCELS, at=NOW, count=3, limit=2, listed=5)
    brakes = Brakes().pulled(pull).released(Brake.UPDATES, NOW)

    assert Brakes.from_text(brakes.text()) == brakes


async def test_what_the_database_counts_is_what_the_domain_says(database_url: str) -> None:
    """The statement that counts the backlog says of all orders what `is_counted` says of one."""
    fields = {
        "wanted": (0, 2),
        "wanted_status": ("accepted", "canceled"),
        "erp_record": (None, "R1"),
        "erp_revision": (None, 0, 1),
        "erp_digest": (None, "a", "b"),
        "released": (0, 2),
        "situation": (Situation.WAITING, Situation.PARKED),
    }
    states = [
        an_order(str(number), due_at=NOW, wanted_digest="b", **dict(zip(fields, values, strict=True)))
        for number, values in enumerate(product(*fields.values()))
    ]
    async with led_store(database_url) as store, store.transaction() as tx:
        await tx.save_orders(states)
        for brake in Brake:
            expected = sum(is_counted(state) and brake_of(state) is brake for state in states)
            assert await tx.count_braked(brake, since=NOW - DAY, now=NOW) == expected > 0


_MAY_HAVE_HAPPENED = (None, Outcome.DONE, Outcome.FOUND, Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [(outcome, outcome in _MAY_HAVE_HAPPENED) for outcome in (None, *Outcome)],
)
async def test_effects_that_changed_nothing_do_not_count(database_url: str, outcome: Outcome | None, counts: bool) -> None:
    """The ledger's rows of the day are counted by what they may have done, each order once."""
    async with led_store(database_url) as store, store.transaction() as tx:
        finished = None if outcome is None else NOW
        row = a_row("x1", kind=Kind.CANCEL, outcome=outcome, finished_at=finished, counted=True)
        later = NOW + timedelta(minutes=1)
        again = replace(row, key="x2", outcome=outcome or Outcome.DONE, finished_at=later)
        await tx.save_rows([row, again, replace(again, key="x3", order_id="2", counted=False)])

        assert await tx.count_braked(Brake.CANCELS, since=NOW, now=later) == int(counts)
        assert await tx.count_braked(Brake.CANCELS, since=later, now=later) == 0
        assert await tx.count_braked(Brake.UPDATES, since=NOW, now=later) == 0
