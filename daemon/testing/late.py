"""Calls that arrive after their caller gave up."""


class StillUnderWay(TimeoutError):
    """Raised by a hook before an effect: the caller sees a timeout, and the effect happens when the test calls `land` (A4)."""
