"""What one cycle did, in numbers. Tallies can be added."""

from dataclasses import dataclass, fields
from operator import add, attrgetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of one cycle; the roof turns them into one log line, metrics and a health state."""

    requests: int = 0
    fetched: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    stale: int = 0
    unreadable: int = 0
    #: Of the new ones, those that are older than going live.
    baseline: int = 0
    created: int = 0
    updated: int = 0
    canceled: int = 0
    adopted: int = 0
    parked: int = 0
    retrying: int = 0
    in_doubt: int = 0
    told: int = 0
    seen: int = 0
    refused: int = 0
    missing: int = 0
    pruned: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(**dict(zip(_NAMES, map(add, _COUNTS(self), _COUNTS(other)), strict=True)))

    def __bool__(self) -> bool:
        """Whether anything happened beyond reading what was known."""
        return any(getattr(self, f.name) for f in fields(self) if f.name not in {"requests", "fetched", "unchanged"})

    @property
    def balances(self) -> bool:
        """Every element that was fetched is accounted for."""
        return self.fetched == self.new + self.changed + self.unchanged + self.stale + self.unreadable

    def counts(self) -> dict[str, int]:
        """The figures that are not zero, for a log line."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name))}


_NAMES = tuple(field.name for field in fields(Tally))
_COUNTS = attrgetter(*_NAMES)
