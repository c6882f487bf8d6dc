"""How long a change may stay unnoticed, whatever the API's date filter reads; nobody shortens an interval or forces a sweep.

Each change comes at the worst moment, right after a sweep.
"""

from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from daemon.domain.content import digest
from daemon.domain.ledger import Stream
from daemon.domain.order import Status
from daemon.sync.way import Rules
from daemon.testing import Oddities
from tests.support.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POLL, LAZY_POLL = timedelta(minutes=1), timedelta(minutes=10)
NEAR = Rules().near_interval + 2 * POLL
WIDE = Rules().wide_interval + 2 * LAZY_POLL

FILTERS = ["created", "updated", "accepted", "delivery"]


@asynccontextmanager
async def market(url: str, *, filter_by: str, lists_cancels: bool = True) -> Any:
    """A market with a past; the daemon that starts on it went live before all of it."""
    w = World(url, oddities=Oddities(filter_by=filter_by, edited_lists_cancels=lists_cancels))
    w.rules = Rules(start_from=w.clock.now() - DAY)
    try:
        yield w
    finally:
        await w.stop()


async def live_to(w: World, stream: Stream) -> None:
    """The daemon starts, and lives until it has just done such a sweep; not its very first one."""
    await w.start()
    await w.cycle()
    interval = {Stream.NEAR: w.rules.near_interval, Stream.WIDE: w.rules.wide_interval}[stream]
    w.clock.advance((interval - 2 * POLL).total_seconds())
    began = w.clock.now()
    while await cursor(w, stream) <= began:
        await w.cycle()
    w.clock.advance(1)


async def cursor(w: World, stream: Stream) -> Any:
    return (await w.way.store.glance(w.way.now())).cursors[stream]


async def wait(w: World, order_id: str, *, at_most: timedelta, poll: timedelta = POLL) -> None:
    """Polls until the ERP holds what the market shows; fails when that takes longer than promised."""
    changed_at = w.clock.now()
    while not holds_latest(w, order_id):
        await w.cycle(after=poll.total_seconds())
        assert w.clock.now() - changed_at <= at_most, f"not in the ERP {w.clock.now() - changed_at} after the change"


def holds_latest(w: World, order_id: str) -> bool:
    order, held = w.market.order(order_id), w.content_in_erp(order_id)
    if order.status is Status.CANCELED:
        return held is None
    return held is not None and digest(held) == digest(order)


def edit(w: World, order_id: str) -> None:
    line = w.market.order(order_id).lines[0]
    w.market.edit(order_id, lines=(replace(line, amount=line.amount + Decimal(1)),))


def cancel(w: World, order_id: str) -> None:
    w.market.cancel(order_id)


def place(w: World, *, ago: timedelta, delivery: timedelta = HOUR, **fields: Any) -> str:
    """An order of so long ago; its delivery is so much later than now."""
    order_id = w.market.place(delivery_estimated_at=w.clock.now() + ago + delivery, **fields)
    w.clock.advance(ago.total_seconds())
    return order_id


@pytest.mark.parametrize(
    ("filter_by", "late", "delivery"),
    [
        *((filter_by, 3 * DAY, DAY) for filter_by in FILTERS),
        ("created", 9 * DAY, DAY),
        ("delivery", 3 * DAY, 9 * DAY),
        ("delivery", 3 * DAY, -9 * DAY),
    ],
)
async def test_an_order_that_was_pending_is_created_soon_after_its_acceptance(
    database_url: str, filter_by: str, late: timedelta, delivery: timedelta
) -> None:
    """Accepted days late: within two polls and one near sweep, however old it is and whenever it is delivered."""
    async with market(database_url, filter_by=filter_by) as w:
        order_id = place(w, ago=late, delivery=delivery, accepted=False)
        await live_to(w, Stream.NEAR)

        w.market.accept(order_id)

        await wait(w, order_id, at_most=NEAR)


@pytest.mark.parametrize("filter_by", FILTERS)
async def test_a_cancel_on_no_list_is_carried_soon(database_url: str, filter_by: str) -> None:
    """A cancelled order of the last two days: within two polls and one near sweep, though the edited list never names it."""
    async with market(database_url, filter_by=filter_by, lists_cancels=False) as w:
        order_id = place(w, ago=2 * DAY)
        await live_to(w, Stream.NEAR)
        assert holds_latest(w, order_id)

        w.market.cancel(order_id)

        await wait(w, order_id, at_most=NEAR)


@pytest.mark.parametrize(
    ("filter_by", "change", "ago", "delivery"),
    [
        *((filter_by, edit, 9 * DAY, -9 * DAY) for filter_by in FILTERS),
        *((filter_by, cancel, 9 * DAY, -9 * DAY) for filter_by in FILTERS),
        ("created", edit, HOUR, DAY),
        ("delivery", edit, HOUR, 9 * DAY),
    ],
)
async def test_what_a_seen_swallowed_is_carried_soon(
    database_url: str, filter_by: str, change: Callable[[World, str], None], ago: timedelta, delivery: timedelta
) -> None:
    """Changed between the reading of the edited list and the `seen` call: within two polls and one near sweep, of any age."""
    async with market(database_url, filter_by=filter_by) as w:
        order_id = place(w, ago=ago, delivery=delivery)
        await live_to(w, Stream.NEAR)
        edit(w, order_id)

        def swallowed(call: str) -> None:
            if call == "before seen":
                w.use_hooks()
                w.clock.advance(1)
                change(w, order_id)

        w.use_hooks(market=swallowed)
        await w.cycle()
        assert not w.market.unseen(order_id)
        assert not holds_latest(w, order_id)

        await wait(w, order_id, at_most=NEAR)


@pytest.mark.parametrize("filter_by", FILTERS)
async def test_a_late_cancel_on_no_list_is_carried_by_the_wide_sweep(database_url: str, filter_by: str) -> None:
    """A settled order inside the horizon: within two polls and one wide sweep."""
    async with market(database_url, filter_by=filter_by, lists_cancels=False) as w:
        order_id = place(w, ago=13 * DAY, delivery=-13 * DAY)
        await live_to(w, Stream.WIDE)
        assert holds_latest(w, order_id)

        w.market.cancel(order_id)

        await wait(w, order_id, at_most=WIDE, poll=LAZY_POLL)


@pytest.mark.parametrize(("filter_by", "delivery"), [("created", HOUR), ("delivery", 9 * DAY), ("delivery", -9 * DAY)])
async def test_an_order_that_no_list_ever_showed_is_created_by_the_wide_sweep(
    database_url: str, filter_by: str, delivery: timedelta
) -> None:
    """A draft of days ago that is accepted at once, wherever the filter puts it: within two polls and one wide sweep."""
    async with market(database_url, filter_by=filter_by) as w:
        order_id = place(w, ago=9 * DAY, delivery=delivery, accepted=False, status=Status.DRAFT)
        await live_to(w, Stream.WIDE)

        w.market.accept(order_id)

        await wait(w, order_id, at_most=WIDE, poll=LAZY_POLL)
