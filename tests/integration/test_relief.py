"""A backlog of new orders is delivered while it is collected; whatever is more than that waits until all is collected."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from daemon.domain.keys import create_key
from daemon.errors import ErpUnavailable
from daemon.sync import relief
from daemon.sync.cycle import Direction
from daemon.testing import FakeErpSettings
from tests.support.world import Crash, World, world

GROUPS = FakeErpSettings(group_size=10)
DAY = 86_400


@pytest.fixture(autouse=True)
def a_few_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relief, "WORTH_IT", 3)


def backlog(w: World, days: int = 4, *, a_day: int = 3) -> list[str]:
    """Nobody collected for some days, with so many new orders each."""
    ids = []
    for _ in range(days):
        w.clock.advance(DAY)
        ids += [w.market.place() for _ in range(a_day)]
    return ids


@pytest.fixture
def calls() -> list[str]:
    return []


def heard(w: World, calls: list[str]) -> None:
    w.use_hooks(market=calls.append, erp=calls.append)


def early(calls: list[str]) -> Iterator[str]:
    """The creates before the window came to its end, behind which the edited list is read."""
    end = calls.index("before edited")
    return (call for call in calls[:end] if call.startswith("before create"))


async def test_a_backlog_is_delivered_while_it_is_collected(database_url: str, calls: list[str]) -> None:
    """Most creates come before the last listing, and no content is read a second time for them."""
    async with world(database_url, erp=GROUPS) as w:
        ids, read, again = backlog(w), w.market.read, list[bytes]()
        heard(w, calls)
        w.market.read = lambda raw: again.append(raw) or read(raw)  # type: ignore[method-assign,func-returns-value]
        report = await w.cycle()

        assert len(list(early(calls))) >= 9
        assert report.tally.new == report.tally.created == len(ids)
        assert not report.troubles
        assert again == []
        await w.assert_promise(*ids)


async def test_a_small_remainder_goes_with_what_comes(database_url: str) -> None:
    """Twenty-one orders a day, ten in a group: the ERP is not called for the odd one alone, except for the last."""
    async with world(database_url, erp=GROUPS) as w:
        ids, apply, sizes = backlog(w, 2, a_day=21), w.erp.apply, list[int]()
        w.erp.apply = lambda effects: sizes.append(len(effects)) or apply(effects)  # type: ignore[assignment,method-assign,func-returns-value]
        await w.cycle()

        assert sizes == [10, 10, 10, 10, 2]
        await w.assert_promise(*ids)


async def test_changes_wait_until_all_is_collected(database_url: str, calls: list[str]) -> None:
    """Where an order changed, a brake must count all before the first effect: nothing is done early from then on."""
    async with world(database_url, erp=GROUPS) as w:
        known = w.market.place()
        await w.cycle()
        w.market.cancel(known)
        ids = backlog(w)
        heard(w, calls)
        await w.cycle()

        assert list(early(calls)) == []
        await w.live_on(1)
        await w.assert_promise(known, *ids)


async def test_a_restore_is_noticed_in_the_middle_of_a_backlog(database_url: str) -> None:
    """The ERP holds a record that this database never knew: nothing is sent in this cycle, however much is collected after it."""
    async with world(database_url, erp=GROUPS) as w:
        ids = backlog(w)
        await w.erp.create(w.market.order(ids[1]), create_key("123", ids[1], 1))
        report = await w.cycle()

        assert len(w.events("database.restored")) == 1
        assert (report.tally.new, report.tally.created) == (len(ids), 0)
        assert [order_id for order_id in ids if w.erp.live(order_id)] == [ids[1]]
        await w.live_on(2)
        await w.assert_promise(*ids)


async def test_an_erp_that_is_away_in_the_middle_of_a_backlog(database_url: str, calls: list[str]) -> None:
    """It is asked once, and all is collected nevertheless; later it gets all of it, once."""

    def away(call: str) -> None:
        calls.append(call)
        raise ErpUnavailable("the ERP is closed")

    async with world(database_url, erp=GROUPS) as w:
        ids = backlog(w)
        w.use_hooks(erp=away)
        report = await w.cycle()

        assert set(report.troubles) == {Direction.DELIVER}
        assert report.tally.new == len(ids)
        assert {call.split()[-1] for call in calls} == {create_key("123", order_id, 1) for order_id in ids[:3]}
        w.use_hooks()
        await w.live_on(1)
        await w.assert_promise(*ids)


async def test_a_crash_in_the_middle_of_a_backlog(database_url: str) -> None:
    """The process dies at calls and commits before, in and after the part that is delivered early: nothing is lost or doubled."""
    async with world(database_url, erp=GROUPS) as w:
        for door in range(4, 60, 5):
            ids = backlog(w, 2)
            w.doors.passed, w.doors.break_at = 0, door
            with suppress(Crash):
                await w.cycle()
            w.doors.break_at = None
            await w.restart()
            await w.live_on(0.5)
            await w.assert_promise(*ids)
