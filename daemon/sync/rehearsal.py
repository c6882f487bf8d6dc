"""REHEARSAL: both ends as they are to be read, and none of them touched. What would be done there is written into a script.

The cycle, the planning and the verdicts are the real ones, over a copy of the database that is thrown away (`daemon.app`).
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Self, cast

from daemon.domain.content import Change
from daemon.domain.ledger import Kind
from daemon.domain.order import Order
from daemon.errors import ErpError
from daemon.ports import Answer, Capabilities, Effect, ErpAdapter, GroupingAdapter, Marketplace, Record, Reference, Reports

#: The id of a record that only a real create would name.
_NEW = "new:"

#: What the core tells that belongs into the script, by the event: its name there, and the fields that say it.
_HEARD = {
    "order.parked": ("parked", ("reason",)),
    "gap.met": ("parked", ("reason", "missing")),
    "order.braked": ("braked", ("reason",)),
    "order.adopted": ("adopted", ("record",)),
    "order.in_doubt": ("in doubt", ("kind", "key")),
    "news.heard": ("news", ("kind", "status", "outcome")),
    "order.prepared": ("prepare", ()),
    "order.canceled_remote": ("cancel there", ()),
    "brake.pulled": ("brake", ("brake", "count", "limit", "listed")),
    "orders.baseline": ("baseline", ("count", "start_wall")),
    "orders.missing": ("missing", ("count",)),
    "sweep.emptied": ("sweep emptied", ("stream", "known")),
    "database.restored": ("restored", ("reason",)),
    "wish.fulfilled": ("wish", ("what", "outcome")),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would be done to, or become of, an order; or of the whole workspace, where `order_id` is None."""

    order_id: str | None
    what: str
    words: str = ""


@dataclass(slots=True)
class Script:
    """What a cycle would do, in the order in which it would do it."""

    steps: list[Step] = field(default_factory=list)

    def note(self, order_id: str | None, what: str, words: str = "") -> None:
        """One more step."""
        self.steps.append(Step(order_id, what, words))

    def hear(self, event: str, **fields: object) -> None:
        """What the core tells."""
        if event in _HEARD:
            what, names = _HEARD[event]
            said = [_word(name, value) for name in names if (value := fields.get(name))]
            order_id = fields.get("order_id")
            # A reason often names what is missing.
            words = [word for word in said if word == said[0] or word.removeprefix("missing ") not in said[0]]
            self.note(None if order_id is None else str(order_id), what, ", ".join(words))


def _word(name: str, value: object) -> str:
    if name in ("reason", "brake"):
        return str(value)
    if isinstance(value, list | tuple):
        return f"{name} {' '.join(map(str, value))}"
    return f"{name} {value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else f"{name} {value}"


@dataclass(frozen=True, slots=True)
class RehearsedMarket:
    """Consentio, read and not written to."""

    market: Marketplace
    script: Script

    async def now(self) -> datetime:
        """Its own."""
        return await self.market.now()

    def last_now(self) -> datetime | None:
        """Its own."""
        return self.market.last_now()

    async def list_orders(self, start: datetime, end: datetime, status: str) -> Answer:
        """Its own."""
        return await self.market.list_orders(start, end, status)

    async def list_edited(self, since: datetime) -> Answer:
        """Its own."""
        return await self.market.list_edited(since)

    def read(self, raw: bytes) -> Order:
        """Its own."""
        return self.market.read(raw)

    async def tell_references(self, references: Sequence[Reference]) -> Mapping[str, str]:
        """Noted."""
        for reference in references:
            is_new = reference.external_id.startswith(_NEW)
            status = f", status {reference.external_status}" if reference.external_status else ""
            words = f"{'that of the new record' if is_new else reference.external_id}{status}"
            self.script.note(reference.order_id, "reference", words)
        return {}

    async def cancel_remote(self, order_id: str, hash_id: str | None, reference: Reference | None) -> None:  # the port's
        """Noted when the core tells it."""

    async def mark_seen(self, orders: Sequence[tuple[str, str | None]]) -> None:
        """Noted."""
        for order_id, _ in orders:
            self.script.note(order_id, "seen", "the edits are processed")

    async def prepare(self, hash_id: str) -> None:  # the port's
        """Noted when the core tells it: an order's hash is no name for it."""


class RehearsedErp:
    """The ERP, asked and not written to: an effect is previewed, and counts as done within the rehearsal."""

    contract: ClassVar[int] = 1
    Settings: ClassVar[Any] = None

    def __init__(self, erp: ErpAdapter, script: Script) -> None:
        self._erp = erp
        self._script = script
        self.capabilities: Capabilities = erp.capabilities
        self.identity = erp.identity

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    async def check(self) -> None:
        """Its own."""
        await self._erp.check()

    async def find(self, key: str) -> Record | None:
        """Its own; what was only rehearsed is not there."""
        return await self._erp.find(key)

    async def find_many(self, keys: Sequence[str]) -> Mapping[str, Record | Exception]:
        """Its own, where it has one: asked only then."""
        return await cast("GroupingAdapter", self._erp).find_many(keys)

    async def read(self, record: str) -> Record | None:
        """Its own."""
        return await self._erp.read(record)

    async def create(self, order: Order, key: str) -> Record:
        """Rehearsed."""
        return await self._rehearse(Effect(kind=Kind.CREATE, key=key, order=order))

    async def update(self, record: str, change: Change, key: str) -> Record:
        """Rehearsed."""
        return await self._rehearse(Effect(kind=Kind.UPDATE, key=key, order=change.after, record=record, change=change))

    async def cancel(self, record: str, order: Order, key: str) -> Record:
        """Rehearsed."""
        return await self._rehearse(Effect(kind=Kind.CANCEL, key=key, order=order, record=record))

    async def apply(self, effects: Sequence[Effect]) -> AsyncGenerator[tuple[str, Record | Exception], None]:
        """Rehearsed one by one."""
        for effect in effects:
            try:
                yield effect.key, await self._rehearse(effect)
            except ErpError as verdict:
                yield effect.key, verdict

    async def preview(self, effect: Effect) -> str:
        """Its own."""
        return await self._erp.preview(effect)

    async def reports(self, since: str | None) -> Reports:
        """Its own: reading them consumes nothing."""
        return await self._erp.reports(since)

    async def _rehearse(self, effect: Effect) -> Record:
        words = await self._erp.preview(effect)
        self._script.note(effect.order.id, effect.kind.value, words)
        return Record(id=effect.record or f"{_NEW}{effect.key}", live=effect.kind is not Kind.CANCEL)
