"""The two ends as one process meets them: each call passes the gate of the process that makes it, and may be disturbed there."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from daemon.domain.order import Order, Status
from daemon.errors import ErpUnavailable, MarketplaceUnavailable, RequestRefused, SliceUnreadable
from daemon.marketplace.clock import ApiClock
from daemon.ports import Answer, Reference
from daemon.testing import FakeErp, FakeMarketplace, StillUnderWay
from daemon.testing.marketplace import _Entry

if TYPE_CHECKING:
    from tests.support.torture.process import Process

#: The process whose code is running.
CURRENT: ContextVar["Process | None"] = ContextVar("CURRENT", default=None)


class Fault(StrEnum):
    """How a call goes wrong; the words end the sentence "the next update ..."."""

    NEVER_ARRIVES = "never arrives, and nobody knows"
    ANSWER_LOST = "is carried out, and its answer is lost"
    UNDER_WAY = "times out, and lands later"
    NOT_SENT = "finds nobody at the other end"
    BREAKS = "ends in an error that says nothing"
    REFUSED = "is refused"
    UNREADABLE = "brings an answer that is cut off"


ERP_CALLS = ("find", "read", "create", "update", "cancel", "reports")
ERP_FAULTS = (Fault.NEVER_ARRIVES, Fault.ANSWER_LOST, Fault.UNDER_WAY, Fault.NOT_SENT, Fault.BREAKS)
MARKET_CALLS = ("list", "edited", "references", "seen", "login")
MARKET_FAULTS = (Fault.NEVER_ARRIVES, Fault.ANSWER_LOST, Fault.UNDER_WAY, Fault.REFUSED, Fault.UNREADABLE)

#: What each fault raises, at which side of the call.
_ERP_ERRORS: Mapping[Fault, tuple[str, type[Exception]]] = {
    Fault.NEVER_ARRIVES: ("before", ConnectionResetError),
    Fault.ANSWER_LOST: ("after", TimeoutError),
    Fault.UNDER_WAY: ("before", StillUnderWay),
    Fault.NOT_SENT: ("before", ErpUnavailable),
    Fault.BREAKS: ("after", RuntimeError),
}
_MARKET_ERRORS: Mapping[Fault, tuple[str, type[Exception]]] = {
    Fault.NEVER_ARRIVES: ("before", MarketplaceUnavailable),
    Fault.ANSWER_LOST: ("after", MarketplaceUnavailable),
    Fault.UNDER_WAY: ("before", StillUnderWay),
    Fault.REFUSED: ("before", RequestRefused),
    Fault.UNREADABLE: ("after", SliceUnreadable),
}
_CHANGES = {"create", "update", "cancel", "references", "seen"}


@dataclass(slots=True)
class Faults:
    """What will go wrong: for each end, the calls whose turn comes."""

    erp: dict[str, Fault] = field(default_factory=dict)
    market: dict[str, Fault] = field(default_factory=dict)
    erp_is_away: bool = False
    struck: int = 0
    #: Effects on the ERP whose answer nobody got.
    doubts: int = 0

    def strike_erp(self, what: str) -> None:
        """Raise what was ordered for this call of the ERP, if anything."""
        if self.erp_is_away and what.startswith("before"):
            raise ErpUnavailable("connection refused")
        self._strike(what, self.erp, _ERP_ERRORS)

    def strike_market(self, what: str) -> None:
        self._strike(what, self.market, _MARKET_ERRORS)

    def _strike(self, what: str, ordered: dict[str, Fault], errors: Mapping[Fault, tuple[str, type[Exception]]]) -> None:
        side, call = what.split(" ")[:2]
        fault = ordered.get(call)
        if fault is None or errors[fault][0] != side:
            return
        del ordered[call]
        self.struck += 1
        error = errors[fault][1]
        if error is StillUnderWay and call not in _CHANGES:
            error = ConnectionResetError if call in ERP_CALLS else MarketplaceUnavailable
        if call in ("create", "update", "cancel") and fault is not Fault.NOT_SENT:
            self.doubts += 1
        raise error(f"{call}: {fault}")


def content_of(order: Order) -> tuple[object, ...]:
    """What must be equal on both sides, in this suite's own words."""
    return (order.more_info or "", *((line.id, line.sku, str(line.amount)) for line in order.lines))


@dataclass(frozen=True, slots=True)
class Version:
    """One state of an order on the marketplace."""

    status: Status
    content: tuple[object, ...]
    #: Its stamp ran backwards: a reader may rightly take it for older, once.
    looks_older: bool = False


@dataclass(frozen=True, slots=True)
class Shown(Answer):
    """An answer that remembers which version of each order it shows."""

    versions: Mapping[str, int] = field(default_factory=dict)


class WatchedMarket(FakeMarketplace):
    """The imitated marketplace, which keeps every version of every order and tells what a `seen` covers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.history: dict[str, dict[int, Version]] = {}
        #: Called with (order id, the version that a `seen` covers, the latest version that its sender knew).
        self.on_seen: Any = lambda *_: None
        #: Called with the id of an order that we cancel on Consentio.
        self.on_cancel: Any = lambda _: None

    def accept(self, order_id: str) -> None:
        super().accept(order_id)
        self._remember(order_id)

    def edit(self, order_id: str, **fields: object) -> None:
        before = self.order(order_id).updated_at
        super().edit(order_id, **fields)
        after = self.order(order_id).updated_at
        self._remember(order_id, looks_older=bool(before and after and after < before))

    def place(self, **options: Any) -> str:
        order_id = super().place(**options)
        self._remember(order_id)
        return order_id

    def _remember(self, order_id: str, *, looks_older: bool = False) -> None:
        entry = self._entries[order_id]
        version = Version(entry.order.status, content_of(entry.order), looks_older)
        self.history.setdefault(order_id, {})[entry.version] = version

    def _answer(self, entries: Sequence[_Entry]) -> Answer:
        answer = super()._answer(entries)
        return Shown(answer.elements, answer.date, {entry.order.id: entry.version for entry in entries})

    async def mark_seen(self, orders: Sequence[tuple[str, str | None]]) -> None:
        process = CURRENT.get()
        known = {order_id: process.knows(order_id) if process else 0 for order_id, _ in orders}
        await self._effect("seen", lambda: self._see_known(known))

    def _cancel_remote(self, order_id: str) -> None:
        was_accepted = self.order(order_id).status is Status.ACCEPTED
        super()._cancel_remote(order_id)
        if was_accepted:
            self.on_cancel(order_id)

    def _see_known(self, known: Mapping[str, int]) -> None:
        self._see(list(known))
        for order_id, covered in self.seen[-len(known) :]:
            self.on_seen(order_id, covered, known[order_id])


class WatchedErp(FakeErp):
    """The imitated ERP, whose clerks' own records are told from ours, and which tells of every effect."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.typed_by_clerks: set[str] = set()
        self.on_effect: Any = lambda: None

    def ours(self, order_id: str) -> list[Order]:
        """The contents of the live records that we made of one order: more than one is a truck that leaves twice."""
        return [record.order for record in self.live(order_id) if record.id not in self.typed_by_clerks]

    def _create(self, order: Order, key: str) -> Any:
        try:
            return super()._create(order, key)
        finally:
            self.on_effect()


class MarketLine:
    """The marketplace as one process's client meets it: its own idea of the API's time, and what it was shown."""

    def __init__(self, process: "Process") -> None:
        self._process, self._market = process, process.stage.market
        self._clock = ApiClock(monotonic=process.stage.clock.monotonic, local=process.stage.wall)

    async def now(self) -> datetime:
        if self._clock.now() is None:
            await self._market._call("login", lambda: None)
            self._hear()
        now = self._clock.now()
        assert now is not None
        return now

    def last_now(self) -> datetime | None:
        return self._clock.now()

    async def list_orders(self, start: datetime, end: datetime, status: str) -> Answer:
        return self._took(await self._market.list_orders(start, end, status))

    async def list_edited(self, since: datetime) -> Answer:
        return self._took(await self._market.list_edited(since))

    async def tell_references(self, references: Sequence[Reference]) -> Mapping[str, str]:
        return self._hear(await self._market.tell_references(references))

    async def mark_seen(self, orders: Sequence[tuple[str, str | None]]) -> None:
        self._hear(await self._market.mark_seen(orders))

    async def cancel_remote(self, order_id: str, hash_id: str | None, reference: Reference | None) -> None:
        self._hear(await self._market.cancel_remote(order_id, hash_id, reference))

    async def prepare(self, hash_id: str) -> None:
        self._hear(await self._market.prepare(hash_id))

    def read(self, raw: bytes) -> Order:
        return self._market.read(raw)

    def _date(self) -> datetime:
        """What an answer's header says: whole seconds, by a clock that may be wrong."""
        return (self._process.stage.clock.now() + self._process.stage.date_skew).replace(microsecond=0)

    def _hear(self, answer: Any = None) -> Any:
        self._clock.hear({"Date": format_datetime(self._date(), usegmt=True)})
        return answer

    def _took(self, answer: Answer) -> Answer:
        self._hear()
        spoilt = self._process.stage.spoilt
        if isinstance(answer, Shown):
            self._process.was_shown({i: v for i, v in answer.versions.items() if i not in spoilt})
        error = "unknown status 'teleported'"
        elements = [replace(each, order=None, error=error) if each.id in spoilt else each for each in answer.elements]
        return Answer(elements, self._date())


#: How far back a stamp may run.
BACKWARDS = timedelta(minutes=3)
