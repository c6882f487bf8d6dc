"""What the runner knows of each workspace's health: written by cycles, read by the endpoint; neither calls anyone."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from daemon.domain.tally import Tally
from daemon.errors import DaemonError
from daemon.sync.cycle import Direction, Report

#: Ready means: well within this many intervals.
_PATIENCE = 3

#: Whose silence is not ready: what is told to Consentio late stops no truck.
_NEEDED = (Direction.COLLECT, Direction.DELIVER)


@dataclass(slots=True)
class Pulse:
    """One workspace: when each direction last went well, and what troubles it since."""

    workspace: str
    interval: timedelta
    clock: Callable[[], float] = time.monotonic
    last_good: dict[Direction, float] = field(default_factory=dict)
    troubles: dict[Direction, str] = field(default_factory=dict)
    cycles: int = 0
    failures: int = 0
    tally: Tally = field(default_factory=Tally)

    def turned(self, report: Report) -> None:
        """A cycle came to its end."""
        self.cycles += 1
        self.tally += report.tally
        self.troubles = {direction: str(trouble) for direction, trouble in report.troubles.items()}
        self.last_good |= dict.fromkeys(Direction.__members__.values() - report.troubles.keys(), self.clock())

    def broke_off(self, error: Exception) -> None:
        """A cycle could not be done at all."""
        self.cycles += 1
        self.failures += 1
        self.troubles = dict.fromkeys(Direction, _in_words(error))

    def not_ready(self) -> Mapping[str, str]:
        """Why it is not ready, by direction; empty when it is."""
        return {direction.value: reason for direction in _NEEDED if (reason := self._reason(direction))}

    def _reason(self, direction: Direction) -> str:
        last = self.last_good.get(direction)
        if last is None:
            return self.troubles.get(direction, "the first cycle is not done yet")
        if (age := self.clock() - last) <= _PATIENCE * self.interval.total_seconds():
            return ""
        return f"last went well {age:.0f} s ago: {self.troubles.get(direction, 'the cycle takes long')}"


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, DaemonError) else f"{type(error).__name__}, see the log"
