"""When cycles begin, and how they end."""

import asyncio
from datetime import timedelta

import pytest

from daemon.service.schedule import Schedule
from tests.support.waiting import wait_until

SOON = timedelta(milliseconds=20)
LONG = timedelta(days=1)


class Work:
    """A job that counts itself and can be held."""

    def __init__(self) -> None:
        self.begun = self.done = self.cancelled = self.side_by_side = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> None:
        self.begun += 1
        self.side_by_side = max(self.side_by_side, self.begun - self.done)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.done += 1


@pytest.fixture
def work():
    return Work()


async def test_the_first_cycle_begins_at_once(work):
    """Nobody waits one interval for the first orders."""
    schedule = Schedule(LONG)
    schedule.add("123", work)

    schedule.start()
    await wait_until(lambda: work.done == 1)

    assert await schedule.drain(LONG) == 0


async def test_a_slow_cycle_is_never_joined_by_a_second_one(work):
    """A workspace has one cycle at a time, and goes on when the slow one is done."""
    other = Work()
    work.gate.clear()
    schedule = Schedule(SOON)
    schedule.add("123", work)
    schedule.add("124", other)
    schedule.start()

    await wait_until(lambda: other.done > 3)
    begun_while_held = work.begun
    work.gate.set()
    await wait_until(lambda: work.done > 1)
    await schedule.drain(LONG)

    assert begun_while_held == 1
    assert work.side_by_side == 1


async def test_draining_lets_the_running_cycle_finish_and_begins_nothing(work):
    """The first signal loses no work."""
    work.gate.clear()
    schedule = Schedule(SOON)
    schedule.add("123", work)
    schedule.start()
    await wait_until(lambda: work.begun == 1)

    draining = asyncio.create_task(schedule.drain(LONG))
    asyncio.get_running_loop().call_soon(work.gate.set)
    late = await draining

    assert (late, work.begun, work.done, work.cancelled) == (0, 1, 1, 0)


async def test_what_outlives_the_grace_time_is_cancelled(work):
    """A cycle that hangs does not keep the process."""
    work.gate.clear()
    schedule = Schedule(LONG)
    schedule.add("123", work)
    schedule.start()
    await wait_until(lambda: work.begun == 1)

    assert await schedule.drain(SOON) == 1
    assert work.cancelled == 1
