from datetime import timedelta

import pytest

from daemon.domain.order import Status
from daemon.errors import MarketplaceUnavailable
from daemon.ports import Reference
from daemon.testing import FakeClock, FakeMarketplace, Oddities


async def listed(market, status="accepted", *, days=1):
    now = market.clock.now()
    answer = await market.list_orders(now - timedelta(days=days), now, status)
    return [element.id for element in answer.elements]


async def edited(market):
    answer = await market.list_edited(market.clock.now() - timedelta(days=1))
    return [element.id for element in answer.elements]


async def test_lists_by_status_and_moment():
    """A listing holds the orders of one status whose moment lies inside both ends."""
    market = FakeMarketplace(oddities=Oddities(filter_by="created"))
    order_id = market.place(accepted=False)
    assert await listed(market) == []

    market.accept(order_id)
    assert await listed(market) == [order_id]

    market.clock.advance(2 * 86_400)
    market.edit(order_id, more_info="ring twice")
    assert await listed(market) == []
    market.cancel(order_id)
    assert await listed(market, "canceled", days=3) == [order_id]


async def test_an_edit_waits_to_be_seen():
    """An edit after acceptance stands on the edited list until it is seen; a new order does not."""
    market = FakeMarketplace()
    order_id = market.place()
    assert await edited(market) == []

    market.edit(order_id, more_info="ring twice")
    assert await edited(market) == [order_id]
    await market.mark_seen([(order_id, None)])
    assert await edited(market) == []
    assert not market.unseen(order_id)


async def test_seen_may_cover_only_what_was_listed():
    """Under that reading, an edit made after the list was read stays unseen."""
    market = FakeMarketplace(oddities=Oddities(seen_covers="listed"))
    order_id = market.place()
    market.edit(order_id, more_info="one")
    await edited(market)
    market.edit(order_id, more_info="two")
    await market.mark_seen([(order_id, None)])

    assert market.unseen(order_id)


async def test_raw_bytes_say_the_order():
    """What is handed out as bytes reads as the very same order."""
    market = FakeMarketplace()
    order_id = market.place()
    now = market.clock.now()
    element = (await market.list_orders(now, now, "accepted")).elements[0]

    assert market.read(element.raw) == element.order == market.order(order_id)
    with pytest.raises(ValueError, match="JSON"):
        market.read(b"no order")


async def test_references_are_told_or_refused():
    """A push sets the reference of each order, and says why another was refused."""
    market = FakeMarketplace()
    one, two = market.place(), market.place()
    market.refuses[two] = "unknown"
    push = [Reference(order_id=i, hash_id=None, external_id=f"SO-{i}", external_status="open") for i in (one, two)]

    assert await market.tell_references(push) == {two: "unknown"}
    assert market.order(one).reference == f"SO-{one}"
    assert market.order(two).reference is None
    assert not market.unseen(one)


async def test_hook_fails_a_request():
    """What the hook raises afterwards hides an answer to what has happened."""
    market = FakeMarketplace()
    order_id = market.place()
    market.edit(order_id, more_info="one")

    def hook(what):
        if what == "after seen":
            raise MarketplaceUnavailable

    market.on_call = hook
    with pytest.raises(MarketplaceUnavailable):
        await market.mark_seen([(order_id, None)])
    assert not market.unseen(order_id)


async def test_clock_and_api_clock():
    """The API's clock is unknown before the first answer; a jump moves the wall and not the monotonic clock."""
    market = FakeMarketplace(FakeClock())
    assert market.last_now() is None
    assert await market.now() == market.last_now() == market.clock.now()

    before = market.clock.monotonic()
    market.clock.jump(-3600)
    assert market.clock.monotonic() == before
    market.clock.advance(5)
    assert market.clock.monotonic() == before + 5


async def test_stamp_may_stand_still():
    """An edit may leave `updated_at` where it was."""
    market = FakeMarketplace(oddities=Oddities(stamp_stands_still=True))
    order_id = market.place()
    before = market.order(order_id)
    market.clock.advance(60)
    market.edit(order_id, status=Status.CANCELED)

    assert market.order(order_id).updated_at == before.updated_at
