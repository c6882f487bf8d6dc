"""The marketplace in memory: orders, the people who change them, and the API's oddities as switches."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from inspect import isawaitable
from itertools import count
from typing import Literal, TypeVar

from pydantic import TypeAdapter

from daemon.domain.order import Line, Order, Status
from daemon.errors import MarketplaceUnavailable, RequestRefused
from daemon.ports import Answer, Element, Reference
from daemon.testing.clock import FakeClock
from daemon.testing.late import StillUnderWay

_ORDER = TypeAdapter(Order)
_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class _Entry:
    order: Order
    accepted_at: datetime | None = None
    #: Counts the changes of content or status; those after acceptance are edits, to be seen.
    version: int = 1
    edited_at: datetime | None = None
    #: The latest version that is an edit on the list: a cancel that is none need not be seen.
    edit_version: int = 0
    listed_version: int = 0
    seen_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """What the vendor does not document."""

    #: Which moment the date filter reads.
    filter_by: Literal["created", "updated", "accepted", "delivery"] = "updated"
    #: What `seen` covers: everything up to now, or only what the edited list has shown.
    seen_covers: Literal["now", "listed"] = "now"
    #: The edited list goes on listing orders that were seen.
    keeps_listing: bool = False
    #: A cancel is no edit.
    edited_lists_cancels: bool = True
    #: A pushed reference shows up as an edit.
    echoes_references: bool = False
    #: `updated_at` does not move with an edit.
    stamp_stands_still: bool = False


class FakeMarketplace:
    """A marketplace port without a wire.

    `on_call` hears "before list accepted", "after seen" and so on for login, edited, references, cancel, prepare; what it raises,
    the caller sees. Raised after, the request was carried out and its answer is lost; `StillUnderWay`, raised before a request
    that changes something, lets it arrive when the test calls `land`.
    """

    def __init__(self, clock: FakeClock | None = None, *, oddities: Oddities | None = None) -> None:
        self.clock = clock or FakeClock()
        self.oddities = oddities or Oddities()
        self.on_call: Callable[[str], Awaitable[None] | None] = lambda _what: None
        self.calls: list[str] = []
        #: Why a push of a reference, a cancel or a `seen` (as a whole) is refused, by order id, or a `prepare`, by hash id.
        self.refuses: dict[str, str] = {}
        #: (order id, version that the `seen` covered), in order.
        self.seen: list[tuple[str, int]] = []
        self.prepared: list[str] = []
        #: Requests still under way; `land` lets them happen.
        self.late: list[Callable[[], object]] = []
        self._entries: dict[str, _Entry] = {}
        self._ids = count(5001)
        self._answered = False

    # ---- people

    def place(self, *, accepted: bool = True, **fields: object) -> str:
        """A buyer orders; returns the id. Any field of `Order` may be given."""
        now, order_id = self.clock.now(), str(fields.pop("id", None) or next(self._ids))
        line = Line(
            id="7001", sku="TOM-RAF", amount=Decimal(10), unit="box", price=Decimal("1.20"), price_unit="kg", currency="EUR"
        )
        order = Order(id=order_id, status=Status.PENDING, hash_id=f"h{order_id}", created_at=now, updated_at=now, lines=(line,))
        self._entries[order_id] = _Entry(order=replace(order, **fields))  # type: ignore[arg-type]  # the record checks the names
        if accepted:
            self.accept(order_id)
        return order_id

    def accept(self, order_id: str) -> None:
        """The seller accepts; also an order that was cancelled."""
        entry = self._entries[order_id]
        if entry.accepted_at is not None:
            self.edit(order_id, status=Status.ACCEPTED)
            return
        entry.accepted_at = self.clock.now()
        entry.version += 1
        entry.seen_version = entry.version
        entry.order = replace(entry.order, status=Status.ACCEPTED, updated_at=self.clock.now())

    def edit(self, order_id: str, **fields: object) -> None:
        """Someone changes the order; any field of `Order` may be given."""
        entry = self._entries[order_id]
        stamp = {} if self.oddities.stamp_stands_still else {"updated_at": self.clock.now()}
        entry.order = replace(entry.order, **(stamp | fields))  # type: ignore[arg-type]  # the record checks the names
        entry.version += 1
        is_hidden = fields.get("status") is Status.CANCELED and not self.oddities.edited_lists_cancels
        if entry.accepted_at is not None and not is_hidden:
            entry.edited_at, entry.edit_version = self.clock.now(), entry.version

    def cancel(self, order_id: str) -> None:
        """Someone cancels the order."""
        self.edit(order_id, status=Status.CANCELED)

    def order(self, order_id: str) -> Order:
        """The order as the API would show it now."""
        return self._entries[order_id].order

    def unseen(self, order_id: str) -> bool:
        """Whether edits wait to be told as seen."""
        entry = self._entries[order_id]
        return entry.seen_version < entry.edit_version

    def land(self, count: int | None = None) -> None:
        """The oldest requests still under way (all of them by default) arrive now."""
        for _ in range(len(self.late) if count is None else count):
            self.late.pop(0)()

    # ---- the port

    async def now(self) -> datetime:
        """The clock's, after a first login."""
        if not self._answered:
            await self._call("login", lambda: None)
        return self.clock.now()

    def last_now(self) -> datetime | None:
        """None before the first call."""
        return self.clock.now() if self._answered else None

    async def list_orders(self, start: datetime, end: datetime, status: str) -> Answer:
        """Both ends are included."""
        return await self._call(f"list {status}", lambda: self._answer(self._listed(start, end, status)))

    async def list_edited(self, since: datetime) -> Answer:
        """Edits after acceptance that were not seen."""
        return await self._call("edited", lambda: self._answer(self._edited(since)))

    async def tell_references(self, references: Sequence[Reference]) -> Mapping[str, str]:
        """Refuses what `refuses` says."""
        return await self._effect("references", lambda: self._tell(references))

    async def cancel_remote(self, order_id: str, hash_id: str | None, reference: Reference | None) -> None:  # noqa: ARG002  # the port's
        """As if the seller had cancelled; again changes nothing."""
        await self._effect("cancel", lambda: self._cancel_remote(order_id))

    async def mark_seen(self, orders: Sequence[tuple[str, str | None]]) -> None:
        """Covers what the oddities say."""
        await self._effect("seen", lambda: self._see([order_id for order_id, _ in orders]))

    async def prepare(self, hash_id: str) -> None:
        """Every item is prepared and served as ordered, and the order closed; remembered in `prepared`."""
        await self._effect("prepare", lambda: self._prepare(hash_id))

    def read(self, raw: bytes) -> Order:
        """The same JSON that the listings hand out."""
        return _ORDER.validate_json(raw)

    # ---- inside

    async def _call(self, what: str, work: Callable[[], _T]) -> _T:
        await self._ask(f"before {what}")
        return await self._arrive(what, work)

    async def _effect(self, what: str, work: Callable[[], _T]) -> _T:
        try:
            await self._ask(f"before {what}")
        except StillUnderWay:
            self.late.append(work)
            raise MarketplaceUnavailable("the API did not answer in time") from None
        return await self._arrive(what, work)

    async def _arrive(self, what: str, work: Callable[[], _T]) -> _T:
        self.calls.append(what)
        self._answered = True
        answer = work()
        await self._ask(f"after {what}")
        return answer

    async def _ask(self, what: str) -> None:
        answer = self.on_call(what)
        if isawaitable(answer):
            await answer

    def _answer(self, entries: Sequence[_Entry]) -> Answer:
        orders = [entry.order for entry in entries]
        fingerprint = hashlib.sha256(repr(orders).encode(errors="backslashreplace")).digest()
        return Answer([_element(order) for order in orders], self.clock.now(), fingerprint)

    def _listed(self, start: datetime, end: datetime, status: str) -> list[_Entry]:
        matching = [entry for entry in self._entries.values() if entry.order.status == status]
        return [entry for entry in matching if (at := self._position(entry)) is not None and start <= at <= end]

    def _position(self, entry: _Entry) -> datetime | None:
        moments = {
            "created": entry.order.created_at,
            "updated": entry.order.updated_at,
            "accepted": entry.accepted_at,
            "delivery": entry.order.delivery_estimated_at,
        }
        return moments[self.oddities.filter_by]

    def _edited(self, since: datetime) -> list[_Entry]:
        edited = [entry for entry in self._entries.values() if entry.edited_at is not None and entry.edited_at >= since]
        listed = [entry for entry in edited if self.oddities.keeps_listing or entry.seen_version < entry.edit_version]
        for entry in listed:
            entry.listed_version = entry.version
        return listed

    def _tell(self, references: Sequence[Reference]) -> Mapping[str, str]:
        refused = {r.order_id: self.refuses[r.order_id] for r in references if r.order_id in self.refuses}
        for reference in references:
            if reference.order_id not in refused:
                self._set_reference(self._entries[reference.order_id], reference)
        return refused

    def _set_reference(self, entry: _Entry, reference: Reference) -> None:
        fields = {"external_id": reference.external_id, "external_status": reference.external_status}
        if self.oddities.echoes_references:
            self.edit(entry.order.id, **fields)
        else:
            entry.order = replace(entry.order, **fields)  # type: ignore[arg-type]  # the record checks the names

    def _prepare(self, hash_id: str) -> None:
        if hash_id in self.refuses:
            raise RequestRefused(self.refuses[hash_id])
        self.prepared.append(hash_id)
        (entry,) = (entry for entry in self._entries.values() if entry.order.hash_id == hash_id)
        served = [replace(line, prepared=True, served_amount=line.amount, served_price=line.price) for line in entry.order.lines]
        now = self.clock.now()
        entry.order = replace(entry.order, lines=tuple(served), closed_at=now, updated_at=now)

    def _cancel_remote(self, order_id: str) -> None:
        if order_id in self.refuses:
            raise RequestRefused(self.refuses[order_id])
        if self.order(order_id).status is not Status.CANCELED:
            self.cancel(order_id)

    def _see(self, order_ids: Sequence[str]) -> None:
        if refused := [self.refuses[order_id] for order_id in order_ids if order_id in self.refuses]:
            raise RequestRefused(refused[0])
        for order_id in order_ids:
            entry = self._entries[order_id]
            covered = entry.version if self.oddities.seen_covers == "now" else entry.listed_version
            entry.seen_version = max(entry.seen_version, covered)
            self.seen.append((order_id, covered))


def _element(order: Order) -> Element:
    return Element(raw=_ORDER.dump_json(order), order=order, id=order.id, hash_id=order.hash_id)
