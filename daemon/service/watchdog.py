"""A thread that asks the event loop whether it turns: a loop that is blocked can tell nothing itself, and answers nobody."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType
from typing import Self

import structlog

#: How often the loop is asked, and how long it may take to answer, in seconds.
_ASK_EVERY_S = 3.0
_PATIENCE_S = 10.0
_MOST_FRAMES = 12

_log = structlog.get_logger()


class Watchdog:
    """From `with Watchdog():`, inside the loop that it watches, to the end of the block."""

    def __init__(self, *, ask_every_s: float = _ASK_EVERY_S, patience_s: float = _PATIENCE_S) -> None:
        self._ask_every_s = ask_every_s
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._answered = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._ask_every_s):
            asked = time.monotonic()
            self._answered.clear()
            with suppress(RuntimeError):  # the loop was closed this very moment
                self._loop.call_soon_threadsafe(self._answered.set)
            if not self._answered.wait(self._patience_s) and not self._over.is_set():
                self._tell(asked)

    def _tell(self, asked: float) -> None:
        """Where it hangs, once; and when it is over."""
        where = list(_calls(sys._current_frames().get(self._watched)))  # noqa: SLF001  # the only way to see another thread
        _log.error("loop.blocked", for_s=round(time.monotonic() - asked, 1), where=where[-_MOST_FRAMES:])
        while not self._answered.wait(self._ask_every_s):
            if self._over.is_set():
                return
        _log.warning("loop.freed", after_s=round(time.monotonic() - asked, 1))


def _calls(frame: FrameType | None) -> Iterator[str]:
    """The calls under way, the innermost last: names and lines, and no values."""
    if frame is not None:
        yield from _calls(frame.f_back)
        module = frame.f_globals.get("__name__", "?")
        if not module.startswith(("asyncio", "runpy", "typer", "click")):
            yield f"{module}.{frame.f_code.co_qualname}:{frame.f_lineno}"
