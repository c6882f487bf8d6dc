"""Waiting for something to become true: the only place in the suite that sleeps."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

T = TypeVar("T")

_INTERVAL = 0.005


async def wait_until(condition: Callable[[], T | Awaitable[T]], *, timeout: float = 10.0, what: str = "the condition") -> T:
    """Returns the first true answer of `condition`, a plain or an async function.

    Fails the test with `what` was waited for when there is none within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        _fail_after(deadline, timeout=timeout, what=what)
        await asyncio.sleep(_INTERVAL)


def wait_until_sync(condition: Callable[[], T], *, timeout: float = 10.0, what: str = "the condition") -> T:
    """Does what `wait_until` does where no event loop runs."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        _fail_after(deadline, timeout=timeout, what=what)
        time.sleep(_INTERVAL)
    return answer


def _fail_after(deadline: float, *, timeout: float, what: str) -> None:
    if time.monotonic() > deadline:
        message = f"waited {timeout:g} s in vain for {what}"
        raise AssertionError(message)
