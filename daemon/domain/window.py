"""Stretches of time to ask for: slices never cross a cell of a fixed grid, so the same cell lists the same order again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

Slice = tuple[datetime, datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The shortest slice that is still worth halving.
SHORTEST = timedelta(minutes=1)

#: How far a request reaches beyond its slice at both ends: whether the API's ends are inclusive is unknown, and an order at the
#: very boundary must not fall between two slices.
SEAM = timedelta(seconds=1)


def cell(moment: datetime, width: timedelta) -> Slice:
    """The grid's cell that a moment lies in."""
    start = _EPOCH + (moment - _EPOCH) // width * width
    return start, start + width


def slices(start: datetime, end: datetime, width: timedelta) -> Iterator[Slice]:
    """[start, end] cut at the grid's lines, oldest first. Never empty: an end before the start counts as the start."""
    while True:
        line = cell(start, width)[1]
        if line >= end:
            yield start, max(start, end)
            return
        yield start, line
        start = line


def cells(start: datetime, end: datetime, width: timedelta) -> Iterator[Slice]:
    """Every whole cell that touches [start, end], oldest first."""
    return slices(cell(start, width)[0], cell(end, width)[1], width)


def halves(piece: Slice) -> tuple[Slice, Slice] | None:
    """A slice that was too much for one answer, in two; None when it cannot be cut any further."""
    start, end = piece
    if end - start <= SHORTEST:
        return None
    middle = start + (end - start) / 2
    return (start, middle), (middle, end)


def past(cursor: datetime, now: datetime, horizon: timedelta) -> datetime:
    """A cursor in the future proves nothing about what was read: it is pulled back by a horizon (A9)."""
    return cursor if cursor <= now else now - horizon


def is_due(last: datetime | None, interval: timedelta, now: datetime) -> bool:
    """Whether something that was last done at a moment is due again; a moment in the future proves nothing."""
    return last is None or last > now or now - last >= interval
