"""The API's clock, as its answers tell it, and how far this machine's clock is from it."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

#: What two honest readings of a clock without fractions may differ by.
_GRAIN = timedelta(seconds=2)


@lru_cache(maxsize=8)  # the answers of one cycle bear the same few
def http_date(text: str | None) -> datetime | None:
    """The moment in an HTTP date; None where there is none that can be read."""
    try:
        when = parsedate_to_datetime(text or "")
    except (ValueError, IndexError, OverflowError):
        return None
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _local() -> datetime:
    return datetime.now(UTC)


class ApiClock:
    """Tells the API's time: the `Date` of its last answer plus the monotonic time since."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic, local: Callable[[], datetime] = _local) -> None:
        self._monotonic = monotonic
        self._local = local
        self._heard: tuple[datetime, float] | None = None
        #: The API's time less this machine's, at the last answer; seconds do not count for much, a Date has no fractions.
        self.skew: timedelta | None = None

    def hear(self, headers: Mapping[str, str]) -> None:
        """Takes the time from an answer's headers. A copy from some cache (it has an `Age`) sets no clock."""
        date = http_date(headers.get("Date"))
        if date is not None and headers.get("Age", "0").strip() == "0":
            self.skew = date - self._local()
            if not self._agrees(date):
                self._heard = (date, self._monotonic())

    def _agrees(self, date: datetime) -> bool:
        """A Date has no fractions: following each one would make the clock run back by up to a second within a cycle."""
        now = self.now()
        return now is not None and abs(now - date) <= _GRAIN

    def now(self) -> datetime | None:
        """None before the first answer."""
        if self._heard is None:
            return None
        date, then = self._heard
        return date + timedelta(seconds=self._monotonic() - then)
