"""What the core tells."""

from typing import Protocol


class Say(Protocol):
    """A log line: an event `noun.past` and its fields. `structlog` loggers' methods fit."""

    def __call__(self, event: str, **fields: object) -> object:
        """Say it."""
        ...
