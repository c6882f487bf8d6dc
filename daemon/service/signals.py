"""SIGTERM and SIGINT: the first asks to drain, the second means now. SIGHUP asks to read the config again."""

import asyncio
import os
import signal
import sys
from typing import Self

import structlog

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_AT_ONCE = 130

_log = structlog.get_logger()


class Stop:
    """Holds the signals of the process from its entry to its exit."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        #: Set by SIGHUP; cleared by whoever reads the config again.
        self.hung_up = asyncio.Event()
        self._was_signalled = False

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._receive, number)
        loop.add_signal_handler(signal.SIGHUP, self.hung_up.set)
        return self

    def __exit__(self, *exc: object) -> None:
        loop = asyncio.get_running_loop()
        for number in (*_SIGNALS, signal.SIGHUP):
            loop.remove_signal_handler(number)

    async def wait(self) -> None:
        """Returns when a signal asked to stop."""
        await self._asked.wait()

    def is_asked(self) -> bool:
        """Whether the process is to stop: nothing new may begin."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Asks to stop, as the first signal does; a signal that follows is still the first."""
        self._asked.set()

    def _receive(self, number: signal.Signals) -> None:
        if self._was_signalled:
            _log.warning("daemon.killed", signal=number.name, reason="the second signal")
            sys.stdout.flush()
            # Whatever the process was doing may be left at any instruction: the next start settles it.
            os._exit(_AT_ONCE)
        _log.info("signal.received", signal=number.name)
        self._was_signalled = True
        self.ask()
