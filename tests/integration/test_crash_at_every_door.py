"""Break off at the n-th call through any port or commit, start again, and the promise still holds: for every n."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from daemon.domain.ledger import NewsKind
from daemon.domain.order import Status
from daemon.sync.way import Rules
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


async def _morning(w: World, people: Callable[[World], Sequence[Callable[[], object]]] = _people) -> None:
    for step in people(w):
        step()
        try:
            await w.cycle()
        except Crash:
            w.doors.break_at = None
            await w.restart()


async def _settle(w: World) -> None:
    """Cycles until the promise holds: long enough for every doubt wait, back-off and sweep, and no longer."""
    w.doors.break_at = None
    for _ in range(40):
        await w.cycle(after=120)
        with suppress(AssertionError):
            await _assert_promise(w)
            return
    await _assert_promise(w)


async def _assert_promise(w: World) -> None:
    await w.assert_promise(*ORDERS)
    assert not [order_id for order_id in ORDERS if w.market.unseen(order_id)]


ERPS = {
    "can be asked for creates": FakeErpSettings(),
    "can be asked for every key, in groups": FakeErpSettings(find="every", group_size=10),
    "refuses a second key, deletes what is cancelled": FakeErpSettings(refuses_second_key=True, cancel_deletes=True),
}


#: Short horizons keep the sweeps, and so the number of doors, small; nothing else is different.
RULES = Rules(near_horizon=timedelta(hours=1), wide_horizon=timedelta(hours=1))
ORDERS = ("5001", "5002", "5003")


async def _doors_of_a_good_morning(url: str, erp: FakeErpSettings) -> int:
    async with world(url, erp=erp, rules=RULES) as w:
        w.doors.passed = 0
        await _morning(w)
        return w.doors.passed


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("erp", "stride"), list(zip(ERPS.values(), (1, 3, 3), strict=True)), ids=list(ERPS))
async def test_the_promise_holds_whichever_door_it_crashes_at(memory_path: Path, erp: FakeErpSettings, stride: int) -> None:
    """Each order is once in the ERP with Consentio's latest content and its reference told, or cancelled there.

    Every door with the first ERP, every third one with the others: what differs between them is settled at few doors.
    """
    doors = await _doors_of_a_good_morning(f"sqlite:///{memory_path}/good.db", erp)
    assert doors > 100

    for n in range(1, doors + 1, stride):
        async with world(f"sqlite:///{memory_path}/{n}.db", erp=erp, rules=RULES) as w:
            w.doors.passed, w.doors.break_at = 0, n
            await _morning(w)
            await _settle(w)


def _people_and_clerks(w: World) -> list[Callable[[], object]]:
    """A morning on both sides: clerks of the ERP number, prepare and cancel the records that they find.

    What is cancelled while its create is in doubt is written again, as after a restore: so they cancel what was told as theirs.
    """
    for _ in ORDERS:
        w.market.place()
    a, b, c = ORDERS
    return [
        lambda: None,
        lambda: [w.erp.clerk_numbers(record.id, f"SO-{record.id}") for order_id in ORDERS for record in w.erp.live(order_id)],
        lambda: [w.erp.clerk_prepares(record.id) for record in w.erp.live(a)],
        lambda: [w.erp.clerk_cancels(record.id) for record in w.erp.live(b) if w.market.order(b).external_id],
        lambda: _edit(w, c, 12),
        lambda: None,
    ]


def _assert_heard(w: World) -> None:
    """Whatever the ERP told was heard by its order, and followed on Consentio."""
    told = {(news.kind, w.erp.records[news.record].order.id) for news in w.erp.journal.read(None, w.clock.now()).news}
    a, b, _ = ORDERS
    assert ((NewsKind.PREPARED, a) in told) == (f"h{a}" in w.market.prepared)
    assert ((NewsKind.CANCELLED, b) in told) == (w.market.order(b).status is Status.CANCELED)
    assert len([effect for effect in w.erp.effects if effect.startswith("create")]) == len(ORDERS)
    assert not [effect for effect in w.erp.effects if effect.startswith("cancel")]


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_news_are_neither_lost_nor_doubled_whichever_door_it_crashes_at(memory_path: Path) -> None:
    """Cancelled in the ERP is canceled on Consentio, prepared is prepared, numbers are told; every third door."""
    erp = FakeErpSettings(reports=True, numbers_later=True)
    rules = replace(RULES, cancel_on_consentio=True, prepare_on_consentio=True)
    async with world(f"sqlite:///{memory_path}/good.db", erp=erp, rules=rules) as w:
        w.doors.passed = 0
        await _morning(w, _people_and_clerks)
        doors = w.doors.passed
        await _settle(w)
        _assert_heard(w)
    assert doors > 100

    for n in range(1, doors + 1, 3):
        async with world(f"sqlite:///{memory_path}/{n}.db", erp=erp, rules=rules) as w:
            w.doors.passed, w.doors.break_at = 0, n
            await _morning(w, _people_and_clerks)
            await _settle(w)
            _assert_heard(w)


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: processes are killed here, not machines, so nothing depends on a flush."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path
        return
    with TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)
