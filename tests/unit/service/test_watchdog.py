"""The thread beside the loop."""

import asyncio

from structlog.testing import capture_logs

from daemon.service.watchdog import Watchdog
from tests.support.waiting import wait_until, wait_until_sync


def hangs_here(told) -> None:
    """Holds up the loop until the watchdog has said so."""
    wait_until_sync(lambda: told, what="the watchdog")


async def test_a_blocked_loop_is_told_with_the_place_where_it_hangs():
    """Once, by the names of the calls, and again when it is over."""
    with capture_logs() as told, Watchdog(ask_every_s=0.01, patience_s=0.05):
        hangs_here(told)
        await wait_until(lambda: len(told) > 1)

    assert [line["event"] for line in told] == ["loop.blocked", "loop.freed"]
    assert any("test_watchdog.hangs_here:" in call for call in told[0]["where"])


async def test_a_loop_that_turns_is_left_in_peace():
    """However long a single call waits, as long as it waits with the others."""
    with capture_logs() as told, Watchdog(ask_every_s=0.001, patience_s=5):
        await asyncio.wait_for(asyncio.to_thread(wait_until_sync, lambda: True), 5)

    assert told == []
