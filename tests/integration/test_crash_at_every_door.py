"""Break off at the n-th call through any port or commit, start again, and the promise still holds: for every n."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from daemon.testing import FakeErpSettings

from tests.support.world import Crash, World, world


def _edit(w: World, order_id: str, amount: int) -> None:
    w.clock.advance(1)
    w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], amount=Decimal(amount)),))


def _people(w: World) -> list[Callable[[], None]]:
    """A morning on the market: after each of these steps the daemon has a cycle."""
    a, b, c = (w.market.place(accepted=False) for _ in range(3))
    return [
        lambda: (w.market.accept(a), w.market.accept(b))[0],
        lambda: _edit(w, a, 12),
        lambda: w.market.cancel(b),
        lambda: (w.market.accept(c), _edit(w, a, 13))[0],
        lambda: (w.clock.advance(1), w.market.accept(b))[0],
        lambda: None,
    ]


async def _morning(w: World) -> None:
    for step in _people(w):
        step()
        try:
            await w.cycle()
        except Crash:
            w.doors.break_at = None
            await w.restart()


async def _settle(w: World) -> None:
    w.doors.break_at = None
    for _ in range(30):
        await w.cycle(after=120)


ERPS = {
    "can be asked for creates": FakeErpSettings(),
    "can be asked for every key, in groups": FakeErpSettings(find="every", group_size=10),
    "refuses a second key, deletes what is cancelled": FakeErpSettings(refuses_second_key=True, cancel_deletes=True),
}


async def _doors_of_a_good_morning(url: str, erp: FakeErpSettings) -> int:
    async with world(url, erp=erp) as w:
        w.doors.passed = 0
        await _morning(w)
        return w.doors.passed


@pytest.mark.parametrize("erp", ERPS.values(), ids=list(ERPS))
async def test_the_promise_holds_whichever_door_it_crashes_at(tmp_path: Path, erp: FakeErpSettings) -> None:
    """Each order is once in the ERP with Consentio's latest content and its reference told, or cancelled there."""
    doors = await _doors_of_a_good_morning(f"sqlite:///{tmp_path}/good.db", erp)
    assert doors > 100

    for n in range(1, doors + 1):
        async with world(f"sqlite:///{tmp_path}/{n}.db", erp=erp) as w:
            w.doors.passed, w.doors.break_at = 0, n
            await _morning(w)
            await _settle(w)

            await w.assert_promise("5001", "5002", "5003")
            assert not [order_id for order_id in ("5001", "5002", "5003") if w.market.unseen(order_id)], w.doors.names[n - 1]
