"""An outage is told at its two edges: when it begins, and when it is over; not at each poll in between."""

import time
from collections.abc import Callable

import structlog

_log = structlog.get_logger()


class Outage:
    """Whether one end (`api`, `erp`, `store`) of one workspace is away."""

    def __init__(self, end: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._end = end
        self._clock = clock
        self._since: float | None = None
        self._remedy = ""

    def lost(self, reason: str, remedy: str = "") -> None:
        """Told when it begins, and again when something else is to be done about it: an ERP may first be slow, then refuse."""
        if self._since is None or remedy != self._remedy:
            self._since, self._remedy = self._since or self._clock(), remedy
            _log.warning(f"{self._end}.lost", reason=reason, **({"remedy": remedy} if remedy else {}))

    def found(self) -> None:
        if self._since is not None:
            _log.info(f"{self._end}.recovered", after_s=round(self._clock() - self._since, 1))
            self._since = None
