"""Where a process stands still. Every await on the outside world and every commit passes the gate of its process.

Between two doors nothing durable happens: a kill at a statement within a transaction is a kill at the door before it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

ANY_DOOR = ""


class Killed(BaseException):
    """The process is gone: nothing that follows happens, not even a `finally`."""


@dataclass(slots=True)
class Waiting:
    """One call that stands at a door."""

    door: str
    since: float
    future: asyncio.Future[None]


@dataclass(slots=True)
class Gate:
    """The doors of one process. It runs to the first door whose name starts with `stop`; None: to the end."""

    monotonic: Callable[[], float]
    stop: str | None = None
    dead: bool = False
    waiting: list[Waiting] = field(default_factory=list)
    halted: asyncio.Event = field(default_factory=asyncio.Event)

    async def passed(self, door: str) -> float:
        """Pass, stand still, or die. Returns for how many seconds it stood."""
        self.must_live()
        if not self.halted.is_set() and (self.stop is None or not door.startswith(self.stop)):
            return 0.0
        self.halted.set()
        place = Waiting(door, self.monotonic(), asyncio.get_running_loop().create_future())
        self.waiting.append(place)
        await place.future
        self.must_live()
        return self.monotonic() - place.since

    def must_live(self) -> None:
        if self.dead:
            raise Killed

    def let_on(self, stop: str | None) -> None:
        """All that wait go on, to the next such door."""
        self.stop = stop
        self.halted.clear()
        waiting, self.waiting = self.waiting, []
        for place in waiting:
            place.future.set_result(None)

    def kill(self) -> None:
        self.dead = True
        self.let_on(None)
