"""What other people's order syncs got wrong, one named test each; docs/guarantees.md says where R1 to R20 have their homes."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from daemon.domain.ledger import Stream
from daemon.domain.state import Situation
from daemon.errors import ErpUnavailable, SliceUnreadable, StoreUnavailable
from daemon.store import orders
from daemon.sync.way import Rules
from daemon.testing import FakeErpSettings, Oddities
from tests.support.torture.sqlite import without_threads
from tests.support.torture.stage import MORNINGS, Scenery, Stage
from tests.support.world import Crash, World, world

LONG_LIVED = Rules(start_from=datetime(2026, 1, 1, tzinfo=UTC))


def hook(call: str, happen: Callable[[], None], times: int = 1) -> Callable[[str], None]:
    """Something happens at the first such calls."""
    left = [times]

    def called(what: str) -> None:
        if left[0] and what.startswith(call):
            left[0] -= 1
            happen()

    return called


def creates(w: World | Stage) -> int:
    return len([effect for effect in w.erp.effects if effect.startswith("create")])


def lost() -> None:
    raise TimeoutError("no answer")


def away() -> None:
    raise ErpUnavailable("connection refused")


def edit(w: World, order_id: str, amount: int, **fields: Any) -> None:
    w.clock.advance(1)
    w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], amount=Decimal(amount)),), **fields)


@pytest.fixture
def stage(tmp_path):
    """A scene with two daemons."""

    def made(**scenery: Any) -> Stage:
        return Stage(Scenery(**scenery), tmp_path)

    with without_threads():
        yield made


async def test_r01_killed_after_the_erps_commit_and_before_ours(database_url: str) -> None:
    """One order, not two."""
    async with world(database_url) as w:

        def die() -> None:
            w.doors.break_at = w.doors.passed
            w.doors.knock("here")

        w.use_hooks(erp=hook("after create", die))
        order_id = w.market.place()
        with suppress(Crash):
            await w.cycle()
        w.doors.break_at = None
        await w.restart()
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert creates(w) == 1


async def test_r02_a_timeout_after_the_commit_and_then_nobody_to_ask(database_url: str) -> None:
    """The state stays unknown and nothing is created, however long the ERP is away."""
    async with world(database_url) as w:
        w.use_hooks(erp=hook("after create", lost))
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=hook("before", away, times=999))
        await w.live_on(2)
        assert (await w.state(order_id)).situation is Situation.IN_DOUBT

        w.use_hooks()
        await w.live_on(0.5)
        await w.assert_promise(order_id)
        assert creates(w) == 1


async def test_r03_two_daemons_and_one_order_in_the_same_second(stage) -> None:
    """One create: the second daemon does not lead; and if the lock fails both, the first one's commit is refused."""
    scene = stage()
    try:
        await scene.run(scene.a)
        scene.place(accepted=True, boxes=2)
        await scene.run(scene.a, "erp: before create")
        assert not await scene.b.start()
        scene.lose_lock()
        await scene.run(scene.b)
        await scene.run(scene.a)
        await scene.quiet()
        await scene.read_states()

        scene.truth.verdict()
        assert creates(scene) == 1
    finally:
        await scene.close()


async def test_r04_the_old_process_drains_while_the_new_one_starts(stage) -> None:
    """The new one is refused until the old one has ended, and takes over what it left."""
    scene = stage()
    try:
        await scene.run(scene.a)
        scene.place(accepted=True, boxes=2)
        await scene.run(scene.a, "erp: after create")
        assert not await scene.b.start()
        await scene.run(scene.a)
        await scene.a.end()
        assert await scene.b.start()
        await scene.run(scene.b)
        await scene.quiet()
        await scene.read_states()

        scene.truth.verdict()
    finally:
        await scene.close()


async def test_r05_the_database_fails_during_recovery(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recovery is resumed, not dropped."""
    async with world(database_url) as w:
        w.use_hooks(erp=hook("after create", lost))
        order_id = w.market.place()
        await w.cycle(2)

        async def broken(*_: object) -> None:
            raise StoreUnavailable

        with monkeypatch.context() as failing:
            failing.setattr(orders, "save", broken)
            with pytest.raises(StoreUnavailable):
                await w.cycle(after=120)
        await w.restart()
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert creates(w) == 1


@pytest.mark.parametrize("filter_by", ["created", "updated", "accepted"])
async def test_r06_visible_thirteen_hours_late_with_an_old_stamp(database_url: str, filter_by: Any) -> None:
    """The sweeps find it."""
    async with world(database_url, rules=LONG_LIVED, oddities=Oddities(filter_by=filter_by)) as w:
        await w.live_on(13)
        old = w.clock.now() - timedelta(hours=13)
        order_id = w.market.place(created_at=old)
        w.market.edit(order_id, updated_at=old)
        await w.live_on(1)

        await w.assert_promise(order_id)


@pytest.mark.parametrize("filter_by", ["created", "updated", "accepted"])
async def test_r06_accepted_five_days_after_creation(database_url: str, filter_by: Any) -> None:
    """A pending order is watched for as long as it takes."""
    async with world(database_url, oddities=Oddities(filter_by=filter_by)) as w:
        order_id = w.market.place(accepted=False)
        await w.cycle()
        for _ in range(30):
            await w.cycle(after=4 * 3_600)
        w.market.accept(order_id)
        await w.live_on(0.5)

        await w.assert_promise(order_id)


@pytest.mark.parametrize("filter_by", ["created", "updated"])
async def test_r07_at_the_exact_boundary_of_two_windows_and_with_equal_stamps(database_url: str, filter_by: Any) -> None:
    """Orders at the very moment of the cursor, and at a line of the grid, are all there."""
    async with world(database_url, rules=LONG_LIVED, oddities=Oddities(filter_by=filter_by)) as w:
        await w.cycle()
        at_the_cursor = [w.market.place(), w.market.place()]
        midnight = w.clock.now().replace(hour=0)
        at_the_line = w.market.place(created_at=midnight)
        w.market.edit(at_the_line, updated_at=midnight)
        await w.cycle(12)

        await w.assert_promise(*at_the_cursor, at_the_line)


async def test_r08_an_answer_that_is_malformed(database_url: str) -> None:
    """The run fails and the cursor stays, so the next one reads it again."""
    async with world(database_url, rules=Rules(near_interval=timedelta(days=1), wide_interval=timedelta(days=1))) as w:
        before = (await w.way.store.glance(w.way.now())).cursors[Stream.ACCEPTED]
        order_id = w.market.place()

        def cut_off() -> None:
            raise SliceUnreadable

        w.use_hooks(market=hook("after list accepted", cut_off, times=999))
        report = await w.cycle(2, after=700)
        assert report.troubles
        assert (await w.way.store.glance(w.way.now())).cursors[Stream.ACCEPTED] == before

        w.use_hooks()
        await w.cycle()
        await w.assert_promise(order_id)


async def test_r09_lines_that_change_under_an_unchanged_date_and_a_date_over_unchanged_lines(database_url: str) -> None:
    """The content decides: the one is an update, the other is none."""
    async with world(database_url, oddities=Oddities(filter_by="created")) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 12, updated_at=w.market.order(order_id).updated_at)
        await w.live_on(0.5)
        await w.assert_promise(order_id)
        effects = len(w.erp.effects)

        w.clock.advance(1)
        w.market.edit(order_id)
        await w.live_on(0.5)
        assert len(w.erp.effects) == effects == 2


async def test_r10_an_edit_before_the_create_and_two_out_of_order(database_url: str) -> None:
    """The latest content counts, and an edit between reading and acknowledging is not lost."""
    async with world(database_url) as w:
        order_id = w.market.place()
        edit(w, order_id, 11)
        w.use_hooks(market=hook("before seen", lambda: edit(w, order_id, 14)))
        await w.cycle()
        edit(w, order_id, 12)
        edit(w, order_id, 13, updated_at=w.clock.now() - timedelta(minutes=2))
        await w.live_on(0.5)

        await w.assert_promise(order_id)
        assert not w.market.unseen(order_id)


async def test_r11_cancels(database_url: str) -> None:
    """After delivery it is cancelled there; never imported it is never created; accepted again it is created again."""
    async with world(database_url) as w:
        delivered, again, never = w.market.place(), w.market.place(), w.market.place()
        w.market.cancel(never)
        await w.cycle()
        w.market.cancel(delivered)
        w.market.cancel(again)
        await w.cycle()
        w.clock.advance(1)
        w.market.accept(again)
        await w.live_on(0.5)

        await w.assert_promise(delivered, again, never)
        assert not [effect for effect in w.erp.effects if never in effect]


@pytest.mark.parametrize("group_size", [1, 10])
async def test_r12_the_first_order_of_a_batch_always_fails(database_url: str, group_size: int) -> None:
    """All others finish, on every run."""
    async with world(database_url, erp=FakeErpSettings(group_size=group_size)) as w:
        w.erp.products = {"TOM-RAF"}
        first, others = w.market.place(), [w.market.place() for _ in range(5)]
        w.market.edit(first, lines=(replace(w.market.order(first).lines[0], sku="KIWI"),))
        for _ in range(3):
            await w.cycle()
            await w.assert_promise(*others)
            others.append(w.market.place())
            edit(w, first, len(others))
        assert (await w.state(first)).situation is Situation.PARKED


@pytest.mark.parametrize("zone", ["Europe/Madrid", "America/Los_Angeles", "Asia/Kolkata"])
@pytest.mark.parametrize("morning", MORNINGS[1:], ids=["autumn", "spring"])
async def test_r15_both_clock_changes_and_a_clock_ten_minutes_fast(stage, monkeypatch, zone: str, morning: datetime) -> None:
    """Whatever zone the machine and the ERP live in: nothing is lost, doubled or late by an hour."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    scene = stage(morning=morning)
    try:
        await scene.run(scene.a)
        for minutes in range(0, 120, 20):
            scene.skew(date=timedelta(0), wall=timedelta(minutes=10))
            if minutes % 60 == 0:
                scene.place(accepted=True, boxes=1 + minutes // 60)
            scene.edit(scene.orders[0], 1 + minutes // 20)
            await scene.wait(1_200)
            await scene.run(scene.a)
            assert not scene.truth.findings()
        await scene.quiet()
        await scene.read_states()
        scene.truth.verdict()
    finally:
        await scene.close()
        monkeypatch.undo()
        time.tzset()


async def test_r18_our_own_reference_comes_back_as_an_edit(database_url: str) -> None:
    """No loop, and no error is lost: it is told as seen and not sent again."""
    async with world(database_url, oddities=Oddities(echoes_references=True, keeps_listing=True)) as w:
        order_id = w.market.place()
        await w.live_on(2)
        told, seen = len([call for call in w.market.calls if call == "references"]), len(w.market.seen)
        await w.live_on(1)

        assert len(w.erp.effects) == 1
        assert told == len([call for call in w.market.calls if call == "references"]) == 1
        assert len(w.market.seen) - seen <= 6, "told as seen more often than once a sweep"
        await w.assert_promise(order_id)
