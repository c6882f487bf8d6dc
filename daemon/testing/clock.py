"""Time that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """A wall clock and a monotonic one. Both move together with `advance`; `jump` moves the wall alone."""

    def __init__(self, now: datetime = datetime(2026, 11, 23, 6, 0, tzinfo=UTC), *, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic

    def now(self) -> datetime:
        """The wall clock, aware and UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Time passes."""
        if seconds < 0:
            raise ValueError("time does not go back; use jump")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Someone sets the wall clock, forward or back."""
        self._now += timedelta(seconds=seconds)
