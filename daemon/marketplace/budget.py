"""How many requests a workspace may make, by our own budget and by what the API asks for."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from daemon.errors import MarketplaceUnavailable


class Budget:
    """A bucket that holds one second's worth of requests, one at least, and is refilled steadily; 0 per second is no limit."""

    def __init__(
        self,
        per_second: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._credit = (max(1.0, per_second) - 1) * self._interval
        self._monotonic = monotonic
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._next = 0.0
        self._not_before = 0.0
        self._closed_until = 0.0

    async def take(self) -> None:
        """Waits for this request's turn; MarketplaceUnavailable at once while the budget is closed."""
        async with self._turn:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            self._next = max(self._next, self._monotonic()) + self._interval

    def delay(self, seconds: float) -> None:
        """Everybody waits that long before the next request."""
        self._not_before = max(self._not_before, self._monotonic() + seconds)

    def close(self, seconds: float) -> None:
        """For so long, every request is refused before it leaves."""
        self._closed_until = max(self._closed_until, self._monotonic() + seconds)

    def _wait(self) -> float:
        now = self._monotonic()
        if now < self._closed_until:
            left = self._closed_until - now
            raise MarketplaceUnavailable(f"Consentio asked to be left alone; next try in {left:.0f} s", retry_after_s=left)
        return max(self._next - self._credit, self._not_before) - now
