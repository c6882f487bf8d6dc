"""Brakes: how many orders may be cancelled or changed in the ERP within a day before a person has looked (A25).

What counts is an order that the ERP has and that is about to be, or was, cancelled or changed there: once a day, however often
its effect is repeated. Creates never count. Nor does an update of an order whose ERP revision is unknown (after a restore, or a
doubtful update): it brings the whole content again, and changes nothing as far as anybody knows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

#: Effects are counted back so far ...
DAY = timedelta(days=1)
#: ... and compared with the orders that were listed in so many days: a week has its own rhythm.
WEEK = timedelta(days=7)

#: Before any release, everything within the day counts.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Brake(StrEnum):
    """The effects that are braked, each by itself."""

    CANCELS = "cancels"
    UPDATES = "updates"


_WORDS = {Brake.CANCELS: "cancelled", Brake.UPDATES: "changed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many orders one brake lets through within a day; 0 is without that limit."""

    orders: int = 0
    share: float = 0.0
    #: So many are always let through.
    floor: int = 20

    def of(self, listed: int) -> int | None:
        """The limit for a workspace with so many orders in the last week; None where there is none."""
        limits = [self.orders] if self.orders else []
        limits += [int(self.share * listed)] if self.share else []
        return max(self.floor, min(limits)) if limits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limit of each brake, and how many orders a sweep must miss to be taken for empty by mistake."""

    cancels: Limit = Limit(orders=500, share=0.1)
    updates: Limit = Limit(orders=2000, share=0.4)
    floor: int = 20

    def of(self, brake: Brake) -> Limit:
        """The limit of one brake."""
        return self.cancels if brake is Brake.CANCELS else self.updates


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """One brake that was pulled, and by which figures."""

    brake: Brake
    at: datetime
    #: How many orders would have been cancelled or changed within a day, and how many were allowed.
    count: int
    limit: int
    #: How many orders were listed in the last week.
    listed: int

    @property
    def words(self) -> str:
        """Why, for people."""
        what = _WORDS[self.brake]
        return f"{self.count} orders would be {what} within a day, of {self.listed} in the last week; the limit is {self.limit}"


@dataclass(frozen=True, slots=True)
class Brakes:
    """The brakes of one workspace: which are pulled, and since when each counts anew."""

    pulls: Mapping[Brake, Pull] = field(default_factory=dict)
    released_at: Mapping[Brake, datetime] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether one is pulled."""
        return bool(self.pulls)

    def counts_since(self, brake: Brake, now: datetime) -> datetime:
        """The beginning of the rolling day, or of the count that a release began anew; one in the future proves nothing (A9)."""
        released = self.released_at.get(brake, _NEVER)
        return max(now - DAY, released if released <= now else _NEVER)

    def pulled(self, pull: Pull) -> "Brakes":
        """One more is pulled."""
        return Brakes({**self.pulls, pull.brake: pull}, self.released_at)

    def eased(self, brake: Brake) -> "Brakes":
        """It holds nothing any more; what was counted stays counted."""
        return Brakes({each: pull for each, pull in self.pulls.items() if each is not brake}, self.released_at)

    def released(self, brake: Brake, now: datetime) -> "Brakes":
        """A person has looked: it counts anew."""
        return Brakes(self.eased(brake).pulls, {**self.released_at, brake: now})

    def text(self) -> str:
        """As it is stored."""
        pulls = {
            brake: {"at": pull.at.isoformat(), "count": pull.count, "limit": pull.limit, "listed": pull.listed}
            for brake, pull in self.pulls.items()
        }
        return json.dumps({"pulled": pulls, "released_at": {brake: at.isoformat() for brake, at in self.released_at.items()}})

    @classmethod
    def from_text(cls, text: str) -> "Brakes":
        """What was stored."""
        stored = json.loads(text)
        pulls = [
            Pull(brake=Brake(name), **{**figures, "at": datetime.fromisoformat(figures["at"])})
            for name, figures in stored["pulled"].items()
        ]
        released = {Brake(name): datetime.fromisoformat(at) for name, at in stored["released_at"].items()}
        return cls({pull.brake: pull for pull in pulls}, released)
