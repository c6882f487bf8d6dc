"""Durations as people write them: "30s", "10m", "1d", "1h30m"."""

import re
from datetime import timedelta
from typing import Annotated

import durationpy
from pydantic import AfterValidator, BeforeValidator, PlainSerializer

# durationpy would skip what stands between two parts, and reads "mm" as months.
_SHAPE = re.compile(r"(\d+(\.\d+)?(ms|s|m|h|d|w))+")
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


def read_duration(value: object) -> timedelta:
    """Reads "30s" or "1h30m"; ValueError for anything else, a bare number included: it does not say of what."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _SHAPE.fullmatch(value):
        raise ValueError('must be a duration with its unit, such as "500ms", "30s", "10m", "6h" or "1d"')
    duration: timedelta = durationpy.from_str(value)
    return duration


def write_duration(value: timedelta) -> str:
    """Writes it in the largest unit that needs no fraction."""
    ms = round(value.total_seconds() * 1000)
    return next((f"{ms // size}{unit}" for unit, size in _UNITS if ms and ms % size == 0), "0s")


def between(low: str, high: str, why: str) -> AfterValidator:
    """Refuses what no installation can mean; `why` is told with the bounds."""
    least, most = read_duration(low), read_duration(high)

    def check(value: timedelta) -> timedelta:
        if not least <= value <= most:
            raise ValueError(f"must be between {low} and {high}: {why}")
        return value

    return AfterValidator(check)


Duration = Annotated[timedelta, BeforeValidator(read_duration), PlainSerializer(write_duration)]
