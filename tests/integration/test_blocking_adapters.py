"""Plain synchronous adapters in threads: no more than they can bear, and what becomes of a thread that does not end."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from daemon.domain.content import difference
from daemon.domain.state import Situation
from daemon.erp import blocking as blocking_module
from daemon.errors import ErpUnavailable
from daemon.sync.way import Rules
from daemon.testing import FakeErp, FakeErpSettings
from tests.support.fake_stage import ORDER
from tests.support.plain_erp import plain
from tests.support.waiting import wait_until
from tests.support.world import World

FIRST, SECOND = replace(ORDER, id="5001"), replace(ORDER, id="5002")


@pytest.fixture
def gate():
    """Held until a test opens it; opened at the end, so that no thread stays."""
    opened = threading.Event()
    yield opened
    opened.set()


@pytest.fixture
def erp():
    return FakeErp()


def holding(adapter_class, gate, what="create", *, only=1):
    """The first calls of one kind wait for the gate."""
    left = [only]

    def meanwhile(name):
        if name == what and left[0]:
            left[0] -= 1
            gate.wait(60)

    adapter_class.plain.meanwhile = staticmethod(meanwhile)
    return adapter_class


@asynccontextmanager
async def opened(adapter_class):
    async with adapter_class(FakeErpSettings(), workspace="123") as adapter:
        yield adapter


async def gives_up(call):
    """The call meets its deadline."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await call


async def test_a_question_waits_for_a_create_that_does_not_end(erp, gate):
    """While a create's thread goes on beyond its deadline, nothing says that there is no record; then it is found, once."""
    async with opened(holding(plain(erp), gate)) as adapter:
        with capture_logs() as log:
            await gives_up(adapter.create(FIRST, "c123-5001"))
            await gives_up(adapter.find("c123-5001"))
            await gives_up(adapter.create(FIRST, "c123-5001-2"))
            assert erp.live("5001") == []
            gate.set()
            found = await adapter.find("c123-5001")

    assert [found.id] == [record.id for record in erp.live("5001")]
    told = [(line["event"], line["call"], line["about"]) for line in log]
    assert told == [("call.outlived", "create", "c123-5001, order 5001"), ("call.landed", "create", "c123-5001, order 5001")]


async def test_an_old_edit_never_lands_on_a_newer_one(erp, gate):
    """An update whose thread goes on keeps the next update of its record waiting: the newest content is the last."""
    async with opened(holding(plain(erp), gate, "update")) as adapter:
        record = await adapter.create(FIRST, "c123-5001")
        older, newer = (replace(FIRST, more_info=text) for text in ("older", "newer"))
        await gives_up(adapter.update(record.id, difference(FIRST, older), "u1"))
        last = asyncio.ensure_future(adapter.update(record.id, difference(None, newer), "u2"))
        gate.set()
        await last

    assert [record.order.more_info for record in erp.live("5001")] == ["newer"]


async def test_other_orders_flow(erp, gate):
    """A thread that does not end takes one lane; the others work on."""
    async with opened(holding(plain(erp), gate)) as adapter:
        await gives_up(adapter.create(FIRST, "c123-5001"))
        assert (await adapter.create(SECOND, "c123-5002")).live
        assert await adapter.find("c123-5003") is None
        gate.set()


async def test_a_question_that_does_not_end_holds_up_no_effect(erp, gate):
    """Only what may change something is waited for: beside a question that hangs, its order goes on."""
    async with opened(holding(plain(erp), gate, "find")) as adapter:
        await gives_up(adapter.find("c123-5001"))
        assert (await adapter.create(FIRST, "c123-5001")).live
        assert await adapter.find("c123-5001") is not None
        gate.set()


async def test_with_every_lane_taken_the_erp_is_away(erp, gate):
    """Where each thread is beyond its deadline, nothing is sent any more, and an operator is told what to look at."""
    lanes = erp.capabilities.concurrency
    async with opened(holding(plain(erp), gate, only=lanes)) as adapter:
        for number in range(lanes):
            await gives_up(adapter.create(replace(ORDER, id=str(number)), f"c123-{number}"))
        with pytest.raises(ErpUnavailable, match="all 4 threads are busy") as away:
            await adapter.create(SECOND, "c123-5002")
        assert "timeout" in away.value.remedy
        gate.set()
        await wait_until(lambda: len(erp.records) == lanes, timeout=10, what="the threads to end")
        assert (await adapter.create(SECOND, "c123-5002")).live


async def test_no_more_calls_at_once_than_the_erp_bears(erp):
    """As many threads as `concurrency` says, none of them the loop's own."""
    at_once, most, lock = [0], [0], threading.Lock()

    def meanwhile(_name):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        threading.Event().wait(0.002)  # a slow ERP, not a waiting test
        with lock:
            at_once[0] -= 1

    adapter_class = plain(erp)
    adapter_class.plain.meanwhile = staticmethod(meanwhile)
    async with opened(adapter_class) as adapter:
        asyncio.get_running_loop().set_default_executor(_NoExecutor())
        await asyncio.gather(*(adapter.create(replace(ORDER, id=str(n)), f"c123-{n}") for n in range(30)))

    assert len(erp.records) == 30
    assert most[0] == erp.capabilities.concurrency


class _NoExecutor(ThreadPoolExecutor):
    def submit(self, *args, **named):
        raise AssertionError("the loop's own threads are not for ERPs")


async def test_closing_does_not_wait_for_ever(erp, gate, monkeypatch):
    """An adapter is left in spite of a thread that does not end; entered again, and by a reload, it still knows of its order."""
    monkeypatch.setattr(blocking_module, "_GRACE_S", 0.05)
    adapter_class = holding(plain(erp), gate)
    with capture_logs() as log:
        async with opened(adapter_class) as adapter:
            await gives_up(adapter.create(FIRST, "c123-5001"))
    assert [line["event"] for line in log] == ["call.outlived", "call.abandoned"]

    async with opened(adapter_class) as another:
        await gives_up(another.find("c123-5001"))
        gate.set()
        assert await another.find("c123-5001") is not None


def test_a_process_ends_in_spite_of_its_threads():
    """No thread of an adapter keeps the process alive."""
    done = subprocess.run([sys.executable, "-c", _ENDLESS], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, "gave up" in done.stdout) == (0, True)


_ENDLESS = """
import asyncio, time
from daemon.erp import blocking as module
from daemon.testing import FakeErp, FakeErpSettings
from tests.support.plain_erp import plain

module._GRACE_S = 0.05
adapter_class = plain(FakeErp())
adapter_class.plain.meanwhile = staticmethod(lambda name: name == "find" and time.sleep(3600))

async def main():
    async with adapter_class(FakeErpSettings(), workspace="123") as adapter:
        try:
            async with asyncio.timeout(0.1):
                await adapter.find("c1")
        except TimeoutError:
            print("gave up")

asyncio.run(main())
"""


async def test_a_thread_that_lands_late_doubles_nothing(database_url, gate):
    """A create outlives its deadline and the whole doubt wait, and lands then: the order is in the ERP once, and settled."""
    world = World(database_url, rules=Rules(call_timeout=timedelta(milliseconds=100), initial_lookback=timedelta(hours=1)))
    order_id = world.market.place()
    await world.start()
    try:
        async with opened(holding(plain(world.erp), gate)) as adapter:
            world.way = replace(world.way, erp=adapter)
            await world.cycle()
            for _ in range(3):
                await world.cycle(after=600)
                assert await situation(world, order_id) is Situation.IN_DOUBT
            assert world.erp.live(order_id) == []
            gate.set()
            await wait_until(lambda: world.erp.live(order_id), timeout=10, what="the create to land")
            await world.cycle(2)
            assert await situation(world, order_id) is Situation.SETTLED
    finally:
        await world.stop()

    assert len(world.erp.records) == 1


async def situation(world, order_id):
    async with world.way.store.transaction() as tx:
        return (await tx.orders([order_id]))[order_id].situation


def test_groups_are_not_for_threads():
    """A plain adapter that promises groups is refused when it is made."""
    with pytest.raises(ValueError, match="takes no groups"):
        plain(FakeErp(FakeErpSettings(group_size=5)))(FakeErpSettings(), workspace="123")
