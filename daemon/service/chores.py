"""What is done now and then beside the cycles."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

_log = structlog.get_logger()


@asynccontextmanager
async def doing(*chores: tuple[float, Callable[[], Awaitable[object]]]) -> AsyncIterator[None]:
    """Does each chore every so many seconds until the end of the block, whatever it raises."""
    tasks = [asyncio.create_task(_repeat(seconds, chore)) for seconds, chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(seconds: float, chore: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await chore()
        except Exception as error:  # noqa: BLE001  # the next time comes whatever this one met
            _log.exception("chore.failed", exc_info=error)
