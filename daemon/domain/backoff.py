"""How long to wait before the next try."""

from datetime import timedelta


def backoff(attempts: int, *, initial: timedelta, ceiling: timedelta) -> timedelta:
    """The wait after so many failed attempts (1 and up): doubling, never above the ceiling."""
    doublings = min(max(attempts, 1) - 1, 32)
    return min(initial * (1 << doublings), ceiling)
