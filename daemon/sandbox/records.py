"""Who keeps orders on the imitated market, what sellers tell it, and how it says no."""

from dataclasses import dataclass
from datetime import datetime


class Refused(ValueError):
    """What was asked makes no sense in the order's present state."""


class UnknownOrder(LookupError):
    """The market has no such order (or no such workspace)."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A seller's workspace and the one key that opens it."""

    id: int
    api_key: str = "sk_test_sandbox"
    name: str = "Hortalizas del Sur"
    currency: str = "EUR"


@dataclass(frozen=True, slots=True)
class External:
    """One record of PUT external: what it says about one order, named by id or hash id."""

    key: int | str
    external_id: str | None = None
    external_status: str | None = None
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What the seller told the market in one call, the version that each order had at that moment, and the one that a list had
    last shown: a newer one, the seller could not know.
    """

    at: datetime
    call: str
    workspace: int
    versions: dict[int, int]
    shown: dict[int, int]
    records: tuple[External, ...] = ()
