import asyncio

import pytest

from tests.support.waiting import wait_until, wait_until_sync


async def test_waits_for_what_another_task_does():
    """The loop goes on turning while a test waits."""
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(done.set)

    assert await wait_until(done.is_set, what="the event")


async def test_asks_an_async_condition():
    """A condition may be asynchronous, and its answer is handed back."""
    answers = iter([None, "", "here"])

    async def next_answer():
        return next(answers)

    assert await wait_until(next_answer) == "here"


def test_waits_without_a_loop():
    """A plain test gets the first true answer too."""
    answers = iter([0, 0, 3])

    assert wait_until_sync(lambda: next(answers)) == 3


async def test_says_what_was_waited_for():
    """A vain wait ends at its deadline and names what did not come."""
    with pytest.raises(AssertionError, match=r"waited 0 s in vain for the truck"):
        await wait_until(lambda: False, timeout=0, what="the truck")
    with pytest.raises(AssertionError, match="the truck"):
        wait_until_sync(lambda: False, timeout=0, what="the truck")
