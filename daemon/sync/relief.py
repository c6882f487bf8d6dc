"""RELIEF: a backlog of new orders is delivered while it is collected, as long as what was read of them is at hand.

After a first start, or a long outage, the window brings thousands. Were they all collected first, each would be loaded and read
a second time for its create.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from daemon.domain.tally import Tally
from daemon.ports import Glance
from daemon.sync.way import Way

#: How many new orders are worth it. Fewer wait, as always, until all is collected.
WORTH_IT = 500


@dataclass(slots=True)
class Relief:
    """Called after each slice of the window. Only creates are done early: nothing else may be due, as of changes and cancels
    a brake counts all before the first is let through, and doubts, a restore and people's wishes come before everything.
    """

    way: Way
    #: What the cycle began with.
    glance: Glance
    #: Delivers what is due. Returns whether more may be delivered in this cycle.
    deliver: Callable[[Glance], Awaitable[bool]]
    #: Whether anything was delivered: what the cycle began with is no longer all that there is.
    was_used: bool = False
    _served: int = 0
    _is_over: bool = False

    async def after(self, brought: Tally) -> None:
        """`brought`: by the window so far."""
        self._is_over = self._is_over or self.glance.erp_due or brought.changed + brought.stale > 0
        if self._is_over or brought.new - self._served < WORTH_IT:
            return
        now = await self.way.store.glance(self.way.now())
        if now.open_rows or now.wishes or now.workspace.restore_open:
            self._is_over = True
            return
        self._served, self.was_used = brought.new, True
        self._is_over = not await self.deliver(now)
