"""The lifelike market: orders arrive, are accepted (some late), edited, cancelled and accepted again, by a seed."""

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from random import Random
from typing import Literal

from daemon.sandbox.records import Refused
from daemon.sandbox.world import World

Deed = Literal["place", "accept", "edit", "edit_back", "cancel", "reaccept"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How lively the market is. Delays are means, in seconds; shares lie between 0 and 1."""

    orders_per_minute: float = 6.0
    acceptance_delay: float = 10.0
    late_share: float = 0.1  # orders that are accepted late,
    late_delay: float = 300.0  # after this delay
    edit_share: float = 0.35  # after an acceptance or an edit, the chance of one more edit,
    edit_delay: float = 30.0  # after this delay
    edit_back_share: float = 0.2  # edits that take the one before back
    cancel_share: float = 0.08
    reaccept_share: float = 0.4  # cancelled orders that are accepted after all


# Hours instead of seconds, for a past that is filled rather than watched
CALM = Pace(acceptance_delay=1800, late_delay=36 * 3600, edit_delay=4 * 3600)


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """What happens to the n-th order, so many seconds after the market opened."""

    after: float
    order: int
    step: int
    do: Deed


def life(seed: int, order: int, *, born: float, pace: Pace) -> list[Event]:
    """Everything that will happen to one order; the same seed and order bring the same life."""
    chance = Random(f"{seed}/life/{order}")
    late = chance.random() < pace.late_share
    moment, events = born, [Event(born, order, 0, "place")]

    def then(do: Deed, delay: float) -> None:
        nonlocal moment
        moment += chance.expovariate(1 / delay)
        events.append(Event(moment, order, len(events), do))

    then("accept", pace.late_delay if late else pace.acceptance_delay)
    while chance.random() < pace.edit_share:
        edited = events[-1].do in ("edit", "edit_back")
        then("edit_back" if edited and chance.random() < pace.edit_back_share else "edit", pace.edit_delay)
    if chance.random() < pace.cancel_share:
        then("cancel", pace.edit_delay)
        if chance.random() < pace.reaccept_share:
            then("reaccept", pace.edit_delay)
    return events


def events(seed: int, pace: Pace) -> Iterator[Event]:
    """The endless course of a market, in order of time."""
    arrivals = Random(f"{seed}/arrivals")
    ahead: list[Event] = []
    order, born = 0, 0.0
    while pace.orders_per_minute > 0:
        born += arrivals.expovariate(pace.orders_per_minute / 60)
        for event in life(seed, order, born=born, pace=pace):
            heapq.heappush(ahead, event)
        while ahead and ahead[0].after <= born:
            yield heapq.heappop(ahead)
        order += 1


class Player:
    """Plays events on a world; knows which of its orders is the n-th."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._workspaces = list(world.workspaces)
        self._ids: dict[int, int] = {}

    def play(self, event: Event, *, at: datetime | None = None) -> None:
        """Does what the event says; an order that somebody else has changed meanwhile may refuse, as in life."""
        if event.do == "place":
            workspace = self._workspaces[event.order % len(self._workspaces)]
            self._ids[event.order] = self._world.place(workspace, at=at).id
            return
        with suppress(Refused):
            getattr(self._world, event.do)(self._ids[event.order], at=at)


def fill(world: World, orders: int, *, days: float, pace: Pace = CALM) -> None:
    """Gives the market a past: so many orders, arrived evenly over the last days, and what became of them."""
    opened = world.now() - timedelta(days=days)
    chance = Random(f"{world.seed}/past")
    gap = days * 86400 / max(orders, 1)
    lives = (life(world.seed, order, born=(order + chance.random()) * gap, pace=pace) for order in range(orders))
    player = Player(world)
    for event in sorted(chain.from_iterable(lives)):
        if event.after <= days * 86400:
            player.play(event, at=opened + timedelta(seconds=event.after))


class Market:
    """The market as it runs: on the wall clock while resumed, or by hand with `play`."""

    def __init__(self, world: World, pace: Pace) -> None:
        self._player = Player(world)
        self._events = events(world.seed, pace)
        self._next = next(self._events, None)
        self._elapsed = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None

    def play(self, until: float) -> None:
        """Plays all that happens up to so many seconds after the opening."""
        while self._next is not None and self._next.after <= until:
            self._player.play(self._next)
            self._next = next(self._events, None)
        self._elapsed = until

    def resume(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def pause(self) -> None:
        """No time passes on the market until it is resumed."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        opened = loop.time() - self._elapsed
        while self._next is not None:
            await asyncio.sleep(max(0.0, self._next.after - (loop.time() - opened)))
            self.play(until=loop.time() - opened)
