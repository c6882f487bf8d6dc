"""The ways that can be cut off, each by itself, and a person's word that one of them shall rest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Direction(StrEnum):
    """The ways of the data: into this database, into the ERP, what the ERP tells by itself, and back to Consentio."""

    COLLECT = "collect"
    DELIVER = "deliver"
    REPORTS = "reports"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A direction of a workspace rests until somebody resumes it."""

    direction: Direction
    who: str
    since: datetime
    reason: str

    def __str__(self) -> str:
        return f"paused by {self.who} since {self.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC: {self.reason}"


def paused(pauses: Iterable[Pause]) -> Mapping[Direction, Pause]:
    """The pauses by direction."""
    return {pause.direction: pause for pause in pauses}


def with_pauses(pauses: Iterable[Pause], new: Iterable[Pause]) -> tuple[Pause, ...]:
    """Those that rest already keep their first word; in the order of the data's way."""
    merged = {**paused(new), **paused(pauses)}
    return tuple(merged[direction] for direction in Direction if direction in merged)


def without_pauses(pauses: Iterable[Pause], ended: Iterable[Direction]) -> tuple[Pause, ...]:
    """Those that go on resting."""
    over = frozenset(ended)
    return tuple(pause for pause in pauses if pause.direction not in over)
