"""The market to read: the sandbox in a process of its own, filled and encoded once, forked fresh for each measurement."""

import asyncio
import gc
import multiprocessing
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

from daemon.sandbox import Sandbox, Workspace

#: What was asked is asked again by the bare loop, so all of it is kept.
_KEPT_REQUESTS = 100_000
#: No order is so young that the overlap of an idle cycle would list it.
_QUIET = timedelta(hours=1)
_PATIENCE_S = 30.0


class Market:
    """Orders that were accepted evenly over some days, in one workspace; or none in many."""

    def __init__(self, *, orders: int, days: int, workspaces: int = 1) -> None:
        self.orders = orders
        self.opened = datetime.now(UTC) - timedelta(days=days)
        self._box = Sandbox([Workspace(number) for number in range(1, workspaces + 1)], control=True)
        self._box.requests.last = deque(maxlen=_KEPT_REQUESTS)
        gap = (timedelta(days=days) - _QUIET) / max(orders, 1)
        for number in range(orders):
            self._box.world.place(1, status="accepted", at=self.opened + number * gap)
        self._box.world.encode_beforehand()
        gc.freeze()  # so that the collector of a fork does not copy every page

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yields the address of a fork, in which nothing was told yet."""
        fork = multiprocessing.get_context("fork")
        ours, theirs = fork.Pipe()
        process = fork.Process(target=self._serve, args=(theirs,), daemon=True)
        process.start()
        try:
            if not ours.poll(_PATIENCE_S):
                raise TimeoutError("the sandbox does not listen")
            yield ours.recv()
        finally:
            process.terminate()
            process.join()

    def _serve(self, parent: Connection) -> None:
        asyncio.run(self._listen(parent))

    async def _listen(self, parent: Connection) -> None:
        async with self._box:
            parent.send(self._box.url)
            await asyncio.Event().wait()
