"""When cycles begin. The only file that knows APScheduler."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

#: Spreads the requests of many workspaces, and of many daemons, over the interval.
_JITTER_SHARE = 0.1

Job = Callable[[], Awaitable[None]]


class Schedule:
    """One job per workspace, at a steady interval, never two of one workspace at once; the first begins at `start`.

    A job must catch its own errors.
    """

    def __init__(self, interval: timedelta) -> None:
        self._interval_s = interval.total_seconds()
        self._running: set[asyncio.Task[None]] = set()
        # A run is never dropped for being late: at worst it begins late, and several late ones are one.
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def add(self, name: str, job: Job) -> None:
        self._scheduler.add_job(self._turn, self._trigger(), args=(job,), id=name, next_run_time=datetime.now(UTC))

    def _trigger(self) -> IntervalTrigger:
        return IntervalTrigger(seconds=self._interval_s, jitter=self._interval_s * _JITTER_SHARE, timezone=UTC)

    def remove(self, name: str) -> None:
        """Begins no more of this job; what runs comes to its end."""
        self._scheduler.remove_job(name)

    def soon(self, name: str) -> None:
        """The job runs now, unless it is running; then it goes on at its interval."""
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def change_interval(self, interval: timedelta) -> None:
        """Every job goes on at another interval, from now on."""
        self._interval_s = interval.total_seconds()
        for job in self._scheduler.get_jobs():
            job.reschedule(self._trigger())

    # APScheduler awaits plain coroutine functions only.
    async def _turn(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in a task
        self._running.add(task)
        try:
            await job()
        finally:
            self._running.discard(task)

    def start(self) -> None:
        self._scheduler.start()

    async def drain(self, grace: timedelta) -> int:
        """Begins nothing more and lets what runs come to its end. Returns how many were cancelled, not being done within `grace`.

        APScheduler's own `shutdown(wait=True)` would cancel everything at once.
        """
        self._scheduler.pause()
        late: set[asyncio.Task[None]] = set()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._scheduler.shutdown(wait=False)
        return len(late)
