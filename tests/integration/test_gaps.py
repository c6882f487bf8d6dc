"""Mapping gaps: one work item for each key that the ERP does not know; on both databases."""

from datetime import timedelta
from decimal import Decimal

import pytest

from daemon.cli.gaps import by_key
from daemon.domain.order import Line
from daemon.domain.state import Situation
from daemon.errors import ErpUnavailable
from daemon.store.questions import open_reader
from tests.support.desk import notes_of, wish
from tests.support.world import World, world

RAF = Line(id="1", sku="TOM-RAF", amount=Decimal(3))
KIWI = Line(id="2", sku="KIWI", amount=Decimal(1))


def place(w: World, *lines: Line) -> str:
    return w.market.place(lines=lines, price=Decimal("12.50"), currency="EUR")


def told(w: World, event: str) -> list[object]:
    return [line["key"] for line in w.events(event)]


async def listed(w: World) -> list[tuple[str, int, str]]:
    async with open_reader(w.url) as reader:
        return [(gap.key, len(gap.orders), gap.value) for gap in by_key(*await reader.gaps())]


async def figure(w: World) -> int:
    """What `status` shows."""
    async with open_reader(w.url) as reader:
        return (await reader.overview())[0].gaps


async def test_one_unknown_product_in_forty_orders_is_one_work_item(database_url):
    """One line when it is found, one figure, one line when mapping it has released all forty, by the slow recheck."""
    async with world(database_url) as w:
        w.erp.products = {"KIWI"}
        orders = [place(w, RAF, KIWI) for _ in range(40)]
        await w.cycle()

        assert told(w, "gap.found") == ["product:TOM-RAF"]
        assert w.events("gap.found")[0]["orders"] == 40
        assert w.events("order.parked") == []
        assert await listed(w) == [("product:TOM-RAF", 40, "500.00 EUR")]
        assert await figure(w) == 1

        w.erp.products = None
        await w.cycle(3)
        assert told(w, "gap.closed") == []
        await w.live_on(1.2)

        await w.assert_promise(*orders)
        assert (told(w, "gap.found"), told(w, "gap.closed")) == (["product:TOM-RAF"], ["product:TOM-RAF"])
        assert (await listed(w), await figure(w)) == ([], 0)


async def test_a_key_releases_its_orders_at_once(database_url):
    """`retry --missing` sends what waits for the key, and nothing else; who and why stand on each order's timeline."""
    async with world(database_url) as w:
        w.erp.products = set()
        raf, both, kiwi = place(w, RAF), place(w, RAF, KIWI), place(w, KIWI)
        await w.cycle()
        assert await listed(w) == [("product:KIWI", 2, "25.00 EUR"), ("product:TOM-RAF", 2, "25.00 EUR")]

        w.erp.products = {"TOM-RAF"}
        before = len(w.erp.calls)
        answer = await wish(w, "retry", argument="product:TOM-RAF", reason="mapped")

        assert answer == "orders that wait for product:TOM-RAF: 2 sent again"
        assert not [call for call in w.erp.calls[before:] if kiwi in call]
        assert ("ana", "retried", "mapped") in await notes_of(w, both)
        await w.assert_promise(raf, told=False)
        assert told(w, "gap.closed") == ["product:TOM-RAF"]
        assert await listed(w) == [("product:KIWI", 2, "25.00 EUR")]
        assert (await wish(w, "retry", argument="product:TOM-RAF") or "").startswith(
            "refused: no order waits for product:TOM-RAF"
        )


async def test_a_gap_is_told_once_for_all_rechecks_restarts_and_outages(database_url):
    """Neither the hourly recheck, nor a restart, nor an ERP that is away in between tells it anew."""
    async with world(database_url) as w:
        w.erp.products = set()
        order = place(w, RAF)
        await w.live_on(3)
        await w.restart()
        await w.live_on(1)

        def away(call: str) -> None:
            if call.startswith("before find"):
                raise ErpUnavailable("down")

        w.use_hooks(erp=away)
        await wish(w, "retry", order)
        await w.live_on(1)
        w.use_hooks()
        await w.live_on(1)

        assert (await w.state(order)).situation is Situation.PARKED
        assert (told(w, "gap.found"), told(w, "gap.closed")) == (["product:TOM-RAF"], [])


@pytest.mark.parametrize("how", ["dismissed", "edited", "canceled"])
async def test_a_gap_is_closed_however_its_last_order_leaves(database_url, how):
    """By a person, or because the buyer wants something else."""
    async with world(database_url) as w:
        w.erp.products = {"KIWI"}
        order = place(w, RAF)
        await w.cycle()
        if how == "dismissed":
            await wish(w, "dismiss", order)
        elif how == "edited":
            w.market.edit(order, lines=(KIWI,))
        else:
            w.market.cancel(order)
        await w.cycle(2, after=timedelta(minutes=10).total_seconds())

        assert told(w, "gap.closed") == ["product:TOM-RAF"]
        assert await listed(w) == []
