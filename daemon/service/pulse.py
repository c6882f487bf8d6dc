"""What the runner knows of each workspace's health: written by cycles, read by the endpoint; neither calls anyone."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from daemon.domain.pause import Direction
from daemon.domain.tally import Tally
from daemon.errors import DaemonError
from daemon.sync.cycle import Report

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
    #: The directions that a person lets rest, and why.
    paused: dict[Direction, str] = field(default_factory=dict)
    #: When each direction was last let rest.
    rested: dict[Direction, float] = field(default_factory=dict)
    #: Which brakes are pulled, and why.
    brakes: dict[str, str] = field(default_factory=dict)
    cycles: int = 0
    failures: int = 0
    tally: Tally = field(default_factory=Tally)
    #: Another daemon leads; this one waits.
    stands_by: bool = False
    #: When this process began to be answerable for it.
    since: float = 0.0

    def __post_init__(self) -> None:
        self.since = self.clock()

    def lead(self) -> None:
        """From now on this process is answerable; what it knew before another one led is old."""
        self.stands_by, self.since = False, self.clock()
        for known in (self.last_good, self.rested, self.troubles, self.paused, self.brakes):
            known.clear()

    def stand_by(self) -> None:
        """Another daemon leads."""
        self.stands_by = True
        for known in (self.troubles, self.paused, self.brakes):
            known.clear()

    def turned(self, report: Report) -> None:
        """A cycle came to its end."""
        self.cycles += 1
        self.tally += report.tally
        self.brakes = {f"brake on {brake}": pull.words for brake, pull in report.brakes.pulls.items()}
        self.troubles = {direction: str(trouble) for direction, trouble in report.troubles.items()}
        self.paused = {direction: str(pause) for direction, pause in report.paused.items()}
        self.rested |= dict.fromkeys(report.paused, self.clock())
        self.last_good |= dict.fromkeys(filter(report.may, Direction), self.clock())

    def broke_off(self, error: Exception) -> None:
        """A cycle could not be done at all."""
        self.cycles += 1
        self.failures += 1
        self.troubles = dict.fromkeys(Direction, _in_words(error))

    def age(self, direction: Direction) -> float:
        """Seconds since this direction last went well, was let rest, or this process became answerable for it."""
        return self.clock() - max(self.since, self.last_good.get(direction, 0), self.rested.get(direction, 0))

    def not_ready(self) -> Mapping[str, str]:
        """Why it is not ready, by direction or brake; empty when it is, or when another daemon answers for it.

        A direction that a person lets rest is not ready, lest somebody forgets it.
        """
        if self.stands_by:
            return {}
        late = {direction.value: reason for direction in _NEEDED if (reason := self._reason(direction))}
        return {**late, **{direction.value: reason for direction, reason in self.paused.items()}, **self.brakes}

    def _reason(self, direction: Direction) -> str:
        last = self.last_good.get(direction)
        if last is None:
            return self.troubles.get(direction, "the first cycle is not done yet")
        if (age := self.clock() - last) <= _PATIENCE * self.interval.total_seconds():
            return ""
        return f"last went well {age:.0f} s ago: {self.troubles.get(direction, 'the cycle takes long')}"


def _in_words(error: Exception) -> str:
    return str(error) if isinstance(error, DaemonError) else f"{type(error).__name__}, see the log"
