"""A stretch of the past that a person wants read, and how far it was read: written into the wish that asks for it."""

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Self

from daemon.domain.ledger import Wish
from daemon.domain.tally import Tally
from daemon.domain.window import Slice, slices

#: The name of the wish, and of the one that ends it.
BACKFILL = "backfill"
CANCEL_BACKFILL = "cancel_backfill"

_MOMENTS = ("start", "end", "position")
_COUNTED = ("fetched", "new", "changed", "older", "let_through", "referenced")
#: More stretches that could not be read are only counted.
_NAMED = 10


class _Written:
    """A record as the JSON text that is stored."""

    def written(self) -> str:
        """The text."""
        return json.dumps(asdict(self), default=datetime.isoformat)  # type: ignore[call-overload]  # every heir is a dataclass

    @classmethod
    def read(cls, text: str) -> Self:
        """The record of a text; ValueError where it is none."""
        try:
            values: dict[str, Any] = json.loads(text)
            names = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # every heir is a dataclass
            return cls(**{name: _value(name, value) for name, value in values.items() if name in names})  # versions write others
        except (AttributeError, TypeError) as problem:
            raise ValueError(f"no {cls.__name__.lower()}: {problem!r}") from None


def _value(name: str, value: Any) -> Any:
    if name in _MOMENTS:
        return datetime.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Span(_Written):
    """What is to be read: [start, end]."""

    start: datetime
    end: datetime
    #: A person vouches that orders older than the start wall were not typed in by hand: they are created, too.
    create_older: bool = False

    def next_piece(self, position: datetime, width: timedelta) -> Slice:
        """What to read from a position on."""
        return next(iter(slices(position, self.end, width)))

    def share(self, position: datetime) -> float:
        """How much of it lies before a position: 0 to 1."""
        length = self.end - self.start
        return min(1.0, max(0.0, (position - self.start) / length)) if length else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(_Written):
    """How far it was read, and what was found."""

    #: All before it was read.
    position: datetime
    fetched: int = 0
    new: int = 0
    changed: int = 0
    #: Orders older than the start wall: parked for a person, or let through by one.
    older: int = 0
    let_through: int = 0
    #: Of those let through, those that bear a reference: whether the ERP has them is asked later.
    referenced: int = 0
    #: How many parts could not be read, and where the first of them begin.
    unread: int = 0
    unread_from: tuple[str, ...] = ()

    def after(self, piece: Slice, tally: Tally) -> "Progress":
        """A piece was read."""
        counts = {name: getattr(self, name) + getattr(tally, name) for name in _COUNTED}
        return replace(self, position=piece[1], **counts)

    def without(self, piece: Slice) -> "Progress":
        """A piece could not be read, and is passed over."""
        named = (*self.unread_from, f"{piece[0]:%Y-%m-%d %H:%M}")[:_NAMED]
        return replace(self, position=piece[1], unread=self.unread + 1, unread_from=named)

    def __str__(self) -> str:
        """What was found, in words."""
        found = [f"{self.fetched} orders read", f"{self.new} new", f"{self.changed} changed"]
        found += [f"{self.older} older than the start wall, parked for a person"] if self.older else []
        found += [f"{self.let_through} older than the start wall, let through{self._referenced}"] if self.let_through else []
        missing = f"; parts that could not be read: {self.unread}, from {', '.join(self.unread_from)}" if self.unread else ""
        return ", ".join(found) + missing

    @property
    def _referenced(self) -> str:
        """A person's vouch creates nothing that somebody else told Consentio of."""
        bear = f"{self.referenced} of them {'bears' if self.referenced == 1 else 'bear'} a reference already"
        return f" ({bear}: what the ERP does not have stays baseline)" if self.referenced else ""


def progress_of(wish: Wish) -> Progress:
    """How far the backfill of a wish is."""
    return Progress.read(wish.progress) if wish.progress else Progress(position=Span.read(wish.argument).start)


def share_of(wish: Wish) -> float:
    """How much of it was read: 0 to 1."""
    return Span.read(wish.argument).share(progress_of(wish).position)


def in_words(wish: Wish) -> str:
    """For `status`."""
    span, progress = Span.read(wish.argument), progress_of(wish)
    stretch = f"{span.start:%Y-%m-%d %H:%M} to {span.end:%Y-%m-%d %H:%M}"
    return f"{stretch}, read to {progress.position:%Y-%m-%d %H:%M} ({share_of(wish):.0%}): {progress}; {wish.who} asked for it"
