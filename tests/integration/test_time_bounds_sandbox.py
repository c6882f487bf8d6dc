"""The same bounds with the real client over HTTP: what the fake marketplace promises, the sandbox, a stranger, holds us to."""

from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, Wish
from daemon.sync.way import Rules
from tests.support.sandboxed import sandboxed
from tests.support.world import World

DAY, POLL = timedelta(days=1), timedelta(minutes=1)
NEAR = Rules().near_interval + 2 * POLL
FILTERS = ["created", "updated", "accepted", "delivery"]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/sync.db"


def place(box: Sandbox, *, ago: timedelta) -> int:
    """A pending order of so long ago, to be delivered tomorrow."""
    now = box.clock()
    return box.world.place(123, Wish(delivery_at=now + DAY, delivery_method="delivery"), at=now - ago).id


async def live_past_a_near_sweep(w: World) -> None:
    await w.start()
    await w.cycle()
    await w.cycle(after=600)
    w.clock.advance(1)


async def wait(w: World, order_id: int, amounts: list[Any]) -> None:
    """Polls once a minute until the ERP holds these amounts; fails when that takes longer than promised."""
    changed_at = w.clock.now()
    while amounts_in_erp(w, order_id) != amounts:
        await w.cycle()
        assert w.clock.now() - changed_at <= NEAR, f"not in the ERP {w.clock.now() - changed_at} after the change"


def amounts_in_erp(w: World, order_id: int) -> list[Any]:
    held = w.content_in_erp(str(order_id))
    return [] if held is None else [line.amount for line in held.lines]


def amounts(box: Sandbox, order_id: int) -> list[Any]:
    return [item.amount for item in box.world.orders[order_id].content.items]


@pytest.mark.parametrize("filter_by", FILTERS)
async def test_an_order_accepted_three_days_late(url, filter_by):
    """It is created within two polls and one near sweep."""
    async with sandboxed(url, date_filter=filter_by) as (w, box):
        order_id = place(box, ago=3 * DAY)
        await live_past_a_near_sweep(w)

        box.world.accept(order_id)

        await wait(w, order_id, amounts(box, order_id))


@pytest.mark.parametrize("filter_by", FILTERS)
async def test_a_cancel_that_is_on_no_list(url, filter_by):
    """It is carried within two polls and one near sweep."""
    async with sandboxed(url, date_filter=filter_by, edited_lists_cancels=False) as (w, box):
        order_id = place(box, ago=2 * DAY)
        box.world.accept(order_id, at=box.clock() - DAY)
        await live_past_a_near_sweep(w)
        assert amounts_in_erp(w, order_id) == amounts(box, order_id)

        box.world.cancel(order_id)

        await wait(w, order_id, [])


@pytest.mark.parametrize("filter_by", FILTERS)
async def test_an_edit_that_a_seen_swallowed(url, filter_by):
    """It is carried within two polls and one near sweep, however old the order is."""
    async with sandboxed(url, date_filter=filter_by) as (w, box):
        order_id = place(box, ago=9 * DAY)
        box.world.accept(order_id, at=box.clock() - 8 * DAY)
        await live_past_a_near_sweep(w)
        box.world.edit(order_id, "quantity")
        mark_seen = w.market.mark_seen

        async def swallow(orders):
            w.market.mark_seen = mark_seen
            w.clock.advance(1)
            box.world.edit(order_id, "quantity")
            await mark_seen(orders)

        w.market.mark_seen = swallow
        await w.cycle()
        assert not box.world.orders[order_id].unseen
        assert amounts_in_erp(w, order_id) != amounts(box, order_id)

        await wait(w, order_id, amounts(box, order_id))
