"""An ERP in memory: the port's promises, a clerk's hands, and failures at every place where a real one fails."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from inspect import isawaitable
from itertools import count
from typing import Any, ClassVar, Self, TypeVar

from daemon.domain.content import Change
from daemon.domain.ledger import Kind, News, NewsKind
from daemon.domain.order import Order
from daemon.errors import Ambiguous, Conflict, ErpError, OrderRejected
from daemon.ports import Capabilities, Effect, Record, Reports
from daemon.testing.journal import Journal
from daemon.testing.late import StillUnderWay
from daemon.testing.records import FakeErpSettings, FakeRecord

_T = TypeVar("_T")


class FakeErp:
    """An ERP adapter whose ERP lives in this process.

    `on_call` hears "before create KEY", "after create KEY" and so on for find, read, update, cancel, check; what it raises, the
    caller sees. Raised before an effect, nothing happened; raised after it, it happened and its answer is lost; `StillUnderWay`
    is in between.
    """

    contract: ClassVar[int] = 1
    Settings: ClassVar[Any] = FakeErpSettings

    def __init__(self, settings: FakeErpSettings | None = None, *, workspace: str = "123") -> None:
        self.settings = settings or FakeErpSettings()
        self.workspace = workspace
        self.capabilities = Capabilities(
            find=self.settings.find,
            read=self.settings.read,
            refuses_second_key=self.settings.refuses_second_key,
            group_size=self.settings.group_size,
            reports=self.settings.reports,
            numbers_later=self.settings.numbers_later,
            edit_after_confirmation=not self.settings.closes_when_confirmed,
            remove_line_after_confirmation=not self.settings.closes_when_confirmed,
            cancel_after_confirmation=not self.settings.closes_when_confirmed,
        )
        #: The ERP's clock, which a test may set.
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        #: What it tells of itself; `journal.commit` ends the transactions that clerks left open.
        self.journal = Journal()
        self.records: dict[str, FakeRecord] = {}
        #: What it wrongly adds to each line that it books.
        self.surcharge = Decimal(0)
        #: The products it knows, by sku; None knows all.
        self.products: set[str] | None = None
        self.on_call: Callable[[str], Awaitable[None] | None] = lambda _what: None
        #: Every call that arrived ("create c123-5001"), and every effect that happened, in order.
        self.calls: list[str] = []
        self.effects: list[str] = []
        #: Effects still under way; `land` lets them happen.
        self.late: list[Callable[[], object]] = []
        self._numbers = count(1)

    def beside(self, workspace: str) -> Self:
        """An adapter for another workspace, or another process, connected to the same ERP."""
        other = type(self)(self.settings, workspace=workspace)
        for name in ("now", "journal", "records", "surcharge", "products", "on_call", "calls", "effects", "late", "_numbers"):
            setattr(other, name, getattr(self, name))
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    @property
    def identity(self) -> str:
        """Its name."""
        return self.settings.name

    # ---- the port

    async def check(self) -> None:
        """Always fine, unless the hook minds."""
        await self._call("check", lambda: None)

    async def find(self, key: str) -> Record | None:
        """By the key of a create, or of any effect, as the settings say."""
        return await self._call(f"find {key}", lambda: self._find(key))

    async def read(self, record: str) -> Record | None:
        """None once it is gone."""
        return await self._call(f"read {record}", lambda: self._read(record))

    async def create(self, order: Order, key: str) -> Record:
        """A second record for a second call, unless the settings refuse a second key."""
        return await self._effect(f"create {key}", lambda: self._create(order, key))

    async def update(self, record: str, change: Change, key: str) -> Record:
        """The whole content, whatever the record held."""
        return await self._effect(f"update {key}", lambda: self._update(record, change, key))

    async def cancel(self, record: str, order: Order, key: str) -> Record:  # noqa: ARG002  # the port's signature
        """Also of a record that is already cancelled or gone."""
        return await self._effect(f"cancel {key}", lambda: self._cancel(record, key))

    async def preview(self, effect: Effect) -> str:
        """The kind, the order and the record; products that it does not know are refused here, too."""
        if effect.kind is not Kind.CANCEL:
            self._must_know_products(effect.order)
        return f"{effect.kind} order {effect.order.id}" + (f" in record {effect.record}" if effect.record else "")

    async def reports(self, since: str | None) -> Reports:
        """What its journal holds since the cursor."""
        return await self._call("reports", lambda: self.journal.read(since, self.now()))

    async def find_many(self, keys: Sequence[str]) -> Mapping[str, Record | Exception]:
        """One `find` after the other."""
        found: dict[str, Record | Exception] = {}
        for key in keys:
            try:
                record = await self.find(key)
            except ErpError as verdict:
                found[key] = verdict
            else:
                found |= {key: record} if record else {}
        return found

    async def apply(self, effects: Sequence[Effect]) -> AsyncGenerator[tuple[str, Record | Exception], None]:
        """One effect after the other; what is no verdict ends the group, and the rest are doubts."""
        for effect in effects:
            try:
                yield effect.key, await self._one(effect)
            except ErpError as verdict:
                yield effect.key, verdict

    # ---- clerks, and what a test wants to know

    def live(self, order_id: str) -> list[FakeRecord]:
        """The records that count for one order: more than one is a truck that leaves twice."""
        return [record for record in self.records.values() if record.order.id == order_id and record.live and not record.gone]

    def land(self, count: int | None = None) -> None:
        """The oldest calls still under way (all of them by default) arrive now; what the ERP refuses of them nobody hears."""
        for _ in range(len(self.late) if count is None else count):
            with suppress(ErpError):
                self.late.pop(0)()

    def clerk_types(self, order: Order, *, key: str = "") -> FakeRecord:
        """A clerk makes a record by hand; with a key, one that was copied."""
        record = FakeRecord(id=f"R{next(self._numbers)}", key=key, order=order)
        self.records[record.id] = record
        return record

    def clerk_cancels(self, record: str, *, committed: bool = True) -> None:
        """A clerk cancels a record; the news can be read when their transaction is committed."""
        self.records[record].live = False
        self._tell(record, NewsKind.CANCELLED, committed=committed)

    def clerk_revives(self, record: str) -> None:
        """A clerk takes a cancel back."""
        self.records[record].live = True
        self._tell(record, NewsKind.STATUS)

    def clerk_deletes(self, record: str) -> None:
        """A clerk deletes a record."""
        self.records[record].gone = True
        self._tell(record, NewsKind.CANCELLED)

    def clerk_confirms(self, record: str) -> None:
        """A clerk confirms a record."""
        self.records[record].confirmed = True
        self._tell(record, NewsKind.STATUS)

    def clerk_ships(self, record: str, *, committed: bool = True) -> None:
        """The truck leaves."""
        self.records[record].shipped = True
        self._tell(record, NewsKind.STATUS, committed=committed)

    def clerk_numbers(self, record: str, number: str) -> None:
        """A clerk books the record, which gives it a number."""
        self.records[record].number = number
        self._tell(record, NewsKind.NUMBERED)

    def clerk_prepares(self, record: str) -> None:
        """The goods are ready."""
        self._tell(record, NewsKind.PREPARED)

    def importer_refuses(self, record: str, key: str, reason: str, *, missing: Sequence[str] = ()) -> None:
        """What was handed over with this key is not taken over: a create leaves no record, a cancel its record alive."""
        held = self.records[record]
        held.gone = held.key == key
        held.live = held.live or key in held.touched_by
        news = News(record=record, kind=NewsKind.REFUSED, at=self.now(), key=key, reason=reason, missing=tuple(missing))
        self.journal.write(news)

    # ---- inside

    def _tell(self, record: str, kind: NewsKind, *, committed: bool = True) -> None:
        held = self.records[record]
        news = News(record=record, kind=kind, at=self.now(), status=held.status, number=held.number)
        self.journal.write(news, committed=committed)

    async def _one(self, effect: Effect) -> Record:
        if effect.kind is Kind.CREATE:
            return await self.create(effect.order, effect.key)
        assert effect.record, "an update and a cancel name their record"
        if effect.kind is Kind.CANCEL:
            return await self.cancel(effect.record, effect.order, effect.key)
        assert effect.change is not None, "an update says what it changes"
        return await self.update(effect.record, effect.change, effect.key)

    async def _call(self, what: str, work: Callable[[], _T]) -> _T:
        await self._ask(f"before {what}")
        return await self._arrive(what, work)

    async def _effect(self, what: str, work: Callable[[], Record]) -> Record:
        def happen() -> Record:
            record = work()
            self.effects.append(what)
            return record

        try:
            await self._ask(f"before {what}")
        except StillUnderWay:
            self.late.append(happen)
            raise
        return await self._arrive(what, happen)

    async def _arrive(self, what: str, work: Callable[[], _T]) -> _T:
        self.calls.append(what)
        answer = work()
        await self._ask(f"after {what}")
        return answer

    async def _ask(self, what: str) -> None:
        answer = self.on_call(what)
        if isawaitable(answer):
            await answer

    def _find(self, key: str) -> Record | None:
        if self.settings.find == "nothing":
            raise AssertionError("this ERP cannot be asked, and its capabilities say so")
        found = [record for record in self._bearing(key) if not record.gone]
        if len(found) > 1:
            raise Ambiguous(f"{len(found)} records bear {key}: {', '.join(record.id for record in found)}")
        return found[0].seen_from_outside() if found else None

    def _bearing(self, key: str) -> list[FakeRecord]:
        every = self.settings.find == "every"
        return [record for record in self.records.values() if record.key == key or (every and key in record.touched_by)]

    def _read(self, record: str) -> Record | None:
        held = self.records.get(record)
        return None if held is None or held.gone else held.seen_from_outside()

    def _create(self, order: Order, key: str) -> Record:
        self._must_know_products(order)
        first = [record for record in self.records.values() if record.key == key and not record.gone]
        if first and self.settings.refuses_second_key:
            return first[0].seen_from_outside()
        made = self.clerk_types(order, key=key)
        self._tell(made.id, NewsKind.STATUS)
        return self._booked(made)

    def _update(self, record: str, change: Change, key: str) -> Record:
        held = self.records.get(record)
        if held is None or held.gone or not held.live:
            raise Conflict(f"record {record} is gone or cancelled")
        held.must_be_open(self.settings)
        if self.settings.remembers_keys and key in held.touched_by:
            return held.seen_from_outside()
        self._must_know_products(change.after)
        held.order = change.after
        held.touched_by.append(key)
        return self._booked(held)

    def _booked(self, held: FakeRecord) -> Record:
        if self.settings.books:
            held.book(self.surcharge)
        return held.seen_from_outside()

    def _cancel(self, record: str, key: str) -> Record:
        held = self.records.get(record)
        if held is None or held.gone:
            return Record(id=record, live=False, status="cancelled")
        if held.live:
            held.must_be_open(self.settings)
        held.live = False
        held.gone = self.settings.cancel_deletes
        held.touched_by.append(key)
        self._tell(record, NewsKind.CANCELLED)
        return held.seen_from_outside()

    def _must_know_products(self, order: Order) -> None:
        if self.products is None:
            return
        unknown = sorted({line.sku or "" for line in order.lines} - self.products)
        if unknown:
            raise OrderRejected("products that the ERP does not know", missing=[f"product:{sku}" for sku in unknown])
