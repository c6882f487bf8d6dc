"""Moments and spans as people read them."""

from datetime import UTC, datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def ago(moment: datetime | None) -> str:
    """How long ago, in the largest unit that fits."""
    return "never" if moment is None else f"{age(moment)} ago"


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """The span since a moment, in the largest unit that fits; empty without one."""
    if moment is None:
        return ""
    seconds = max(0.0, ((now or datetime.now(UTC)) - moment).total_seconds())
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds / size:.0f} {unit}"


def stamp(moment: datetime | None) -> str:
    """To the minute, in UTC; empty without one."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""
