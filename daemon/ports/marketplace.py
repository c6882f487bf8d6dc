"""The door to Consentio: the seller's order endpoints of one workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.domain.order import Order


@dataclass(frozen=True, slots=True)
class Element:
    """One element of an answer: its own raw bytes and either the order it says or why it cannot be read."""

    raw: bytes
    order: Order | None
    #: Why it is no order, cleaned for people; and its id, if it has a usable one.
    error: str = ""
    id: str | None = None
    hash_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one listing said, and the `Date` it bore."""

    #: May read each element anew whenever it is asked for.
    elements: Sequence[Element]
    date: datetime
    #: Equal answers to one question have equal fingerprints; None is equal to nothing.
    fingerprint: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What Consentio shall know of one order: the number and the status of its record. `hash_id` serves APIs that push by it."""

    order_id: str
    hash_id: str | None
    external_id: str
    external_status: str | None


class Marketplace(Protocol):
    """The seller's order endpoints of one workspace.

    Every method may raise `MarketplaceUnavailable` (away, overloaded, broken: later), `MarketplaceRefused` (the key is refused: a
    person), `RequestRefused` (4xx for this very request). Listings may raise `SliceUnreadable`.
    """

    async def now(self) -> datetime:
        """The API's clock: the `Date` of its last answer plus the monotonic time since; logs in when there was none yet."""
        ...

    def last_now(self) -> datetime | None:
        """The same without asking anyone; None before the first answer."""
        ...

    async def list_orders(self, start: datetime, end: datetime, status: str) -> Answer:
        """The orders that the API's date filter puts into [start, end] and that have this status."""
        ...

    async def list_edited(self, since: datetime) -> Answer:
        """The orders changed after acceptance since a moment."""
        ...

    async def tell_references(self, references: Sequence[Reference]) -> Mapping[str, str]:
        """Push references and statuses in one request. Returns why, for each order id that was refused."""
        ...

    async def cancel_remote(self, order_id: str, hash_id: str | None, reference: Reference | None) -> None:
        """Cancel one order on Consentio."""
        ...

    async def mark_seen(self, orders: Sequence[tuple[str, str | None]]) -> None:
        """Acknowledge edits: (order id, hash id) each."""
        ...

    async def prepare(self, hash_id: str) -> None:
        """Mark every item of an order as prepared."""
        ...

    def read(self, raw: bytes) -> Order:
        """The order in bytes once received; raises ValueError where they are none."""
        ...
