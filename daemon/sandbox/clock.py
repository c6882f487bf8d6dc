"""The market's own now: it follows a source, and can be moved ahead or back of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Tells the time of `source`, shifted; a test that moves the clock need not wait."""

    def __init__(self, source: Callable[[], datetime] = utc_now) -> None:
        self._source = source
        self._shift = timedelta()
        self._skew = timedelta()

    def __call__(self) -> datetime:
        return self.steady() + self._skew

    def steady(self) -> datetime:
        """Now, as a clock tells it that no fault has skewed."""
        return self._source() + self._shift

    def advance(self, seconds: float) -> datetime:
        """Moves the market's now by so many seconds (back, if negative), and returns it."""
        self._shift += timedelta(seconds=seconds)
        return self()

    @contextmanager
    def skewed(self, seconds: float) -> Iterator[None]:
        """For one answer, the market is that many seconds ahead: one of its machines has a wrong clock."""
        self._skew = timedelta(seconds=seconds)
        try:
            yield
        finally:
            self._skew = timedelta()
