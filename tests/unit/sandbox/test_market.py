import asyncio
from collections import Counter
from datetime import timedelta
from itertools import islice, pairwise

from daemon.sandbox import Pace, Workspace, World, fill
from daemon.sandbox.market import Market, events
from tests.support.waiting import wait_until


def test_the_course_of_a_market_is_its_seed_s():
    """The same seed brings the same events, another seed others, always in order of time."""
    course = list(islice(events(7, Pace()), 500))
    assert course == list(islice(events(7, Pace()), 500))
    assert course != list(islice(events(8, Pace()), 500))
    assert all(one.after <= other.after for one, other in pairwise(course))


def test_a_market_has_every_kind_of_event():
    """Orders arrive at the pace, are accepted, edited, edited back, cancelled and accepted again."""
    course = list(islice(events(7, Pace(orders_per_minute=60)), 5000))
    kinds = Counter(event.do for event in course)
    assert set(kinds) == {"place", "accept", "edit", "edit_back", "cancel", "reaccept"}
    assert 0.8 < kinds["place"] / course[-1].after < 1.2


def test_a_dead_market_has_no_events():
    """At a pace of no orders nothing ever happens."""
    assert list(events(7, Pace(orders_per_minute=0))) == []


def test_a_past_is_filled_evenly_and_reproducibly(clock):
    """The past holds as many orders as asked for, spread over its days and workspaces, none of it in the future."""

    def past():
        world = World([Workspace(1), Workspace(2)], seed=7, clock=clock)
        fill(world, 400, days=20)
        return world

    world = past()
    now = clock()
    assert len(world.orders) == 400
    for workspace in (1, 2):
        ten_days = world.listed(workspace, now - timedelta(days=15), now - timedelta(days=5))
        assert 90 < len(ten_days) < 110
    assert all(version.at <= now for order in world.orders.values() for version in order.history)
    assert {order.status for order in world.orders.values()} == {"pending", "accepted", "canceled"}
    assert [world.encoded(order) for order in world.orders.values()] == [world.encoded(order) for order in past().orders.values()]


def test_a_market_is_played_by_hand(world):
    """Played to some moment, the market holds what has arrived until then, and goes on from there."""
    market = Market(world, Pace(orders_per_minute=60))
    market.play(until=30)
    early = len(world.orders)
    market.play(until=60)
    assert 15 < early < len(world.orders) < 90


def test_an_order_that_refuses_stops_nothing(world):
    """The market goes on when somebody else cancels its orders."""
    market = Market(world, Pace(orders_per_minute=60))
    for second in range(1, 60):
        market.play(until=second)
        for order in world.orders.values():
            if order.status != "canceled":
                world.cancel(order.id)
    assert len(world.orders) > 30


async def test_a_paused_market_stands_still(world):
    """On the wall clock orders arrive by themselves, until the market is paused."""
    market = Market(world, Pace(orders_per_minute=60_000))
    market.resume()
    await wait_until(lambda: len(world.orders) > 20, what="orders arrive")
    await market.pause()
    held = len(world.orders)
    for _ in range(10):
        await asyncio.sleep(0)
    assert (len(world.orders), market.running) == (held, False)
    market.resume()
    await wait_until(lambda: len(world.orders) > held, what="orders arrive again")
    await market.pause()
