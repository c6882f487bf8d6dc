"""All doors of the house on one page.

An adapter's author needs this page, `daemon.domain` and `daemon.errors`, and nothing else.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, Protocol, Self

from daemon.domain.brakes import Brake
from daemon.domain.content import Change
from daemon.domain.ledger import (
    Attempt,
    Errand,
    Heard,
    Kind,
    LedgerRow,
    News,
    Note,
    Revision,
    Stream,
    Unreadable,
    Wish,
)
from daemon.domain.order import Order
from daemon.domain.state import OrderState, WorkspaceState

# ---- the marketplace


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


# ---- the ERP


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLine:
    """One line of a record as the ERP holds it, without taxes; what the ERP does not say is None."""

    #: The order's line that it stands for, where the ERP keeps that.
    line_id: str | None = None
    sku: str | None = None
    amount: Decimal | None = None
    unit: str | None = None
    price: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The ERP's document for an order."""

    #: What the ERP finds it by; no person need know it.
    id: str
    #: What people call it, and what Consentio is told; None where it has none yet. See `Capabilities.numbers_later`.
    number: str | None = None
    #: Whether it counts: a cancelled record is not live.
    live: bool = True
    status: str | None = None
    #: The total as booked, without taxes, where the ERP computes one.
    total: Decimal | None = None
    #: The lines as booked, where the adapter read them back.
    lines: tuple[BookedLine, ...] | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """What the ERP has to tell, and the cursor that stands behind it."""

    news: Sequence[News]
    cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change asked of the ERP, for `apply` and `preview`."""

    kind: Kind
    key: str
    order: Order
    record: str | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an adapter can do; the core steers by it, never by the adapter's name."""

    #: Which keys `find` answers: none, those of creates, or every key.
    find: Literal["nothing", "creates", "every"] = "creates"
    #: `read` works.
    read: bool = True
    #: The ERP refuses a second create with one key (it answers with the first record).
    refuses_second_key: bool = False
    #: What the ERP allows once it has confirmed an order.
    edit_after_confirmation: bool = True
    remove_line_after_confirmation: bool = True
    cancel_after_confirmation: bool = True
    #: `reports` has something to say.
    reports: bool = False
    #: A record gets its number later (told by `reports`): until then Consentio is told no reference, never the record's id.
    numbers_later: bool = False
    #: How many effects `apply` takes at once; 1 means that effects are called one by one.
    group_size: int = 1
    #: How many calls may run side by side.
    concurrency: int = 4


class ErpAdapter(Protocol):
    """One ERP, found under the entry-point group `daemon.erp`; made with its settings; an async context manager.

    Verdicts are raised: `OrderRejected`, `Conflict`, `Ambiguous`, and `ErpUnavailable` when *nothing was sent*.
    Anything else that is raised, a timeout and a cancellation included, is a doubt.
    """

    contract: ClassVar[int]
    #: A pydantic model of the adapter's own config table.
    Settings: ClassVar[Any]
    capabilities: Capabilities

    def __init__(self, settings: Any, *, workspace: str) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    @property
    def identity(self) -> str:
        """Which ERP this is (a folder, an address and a database), so that one ledger never serves two. No secret in it."""
        ...

    async def check(self) -> None:
        """The ERP answers, the credentials work, what is needed is set up; else AdapterError or ErpUnavailable."""
        ...

    async def find(self, key: str) -> Record | None:
        """The record that an effect with this key left behind, be it draft or cancelled; `Ambiguous` if two."""
        ...

    async def read(self, record: str) -> Record | None:
        """The record as the ERP has it; None when it is gone."""
        ...

    async def create(self, order: Order, key: str) -> Record:
        """Make a record that bears the key."""
        ...

    async def update(self, record: str, change: Change, key: str) -> Record:
        """Bring the record to `change.after`, whatever it holds; repeatable. `Conflict` if it is gone or too far."""
        ...

    async def cancel(self, record: str, order: Order, key: str) -> Record:
        """Cancel the record. A record that is already cancelled or gone is a success."""
        ...

    async def preview(self, effect: Effect) -> str:
        """What would be done, in words, touching nothing.

        Raises the verdict that the effect would meet, as far as it can be known without writing.
        """
        ...

    async def reports(self, since: str | None) -> Reports:
        """News since a cursor of the ERP's own; None: since the beginning of what the ERP still knows.

        Asked only where `capabilities.reports`. Reading consumes nothing: the same news may be told again, and are, until a later
        call names the returned cursor as its `since`. Look back a little behind the cursor, for what was committed late there;
        now and then `since` is an earlier cursor than the last one, for what was committed later still. The effects that we had
        done ourselves may be told as well: they are known, and heeded once.
        """
        ...


class GroupingAdapter(ErpAdapter, Protocol):
    """An adapter that makes many effects durable at once. Offered when `capabilities.group_size` is above 1."""

    async def find_many(self, keys: Sequence[str]) -> Mapping[str, Record | Exception]:
        """`find` for many keys; a key that is in no record is left out."""
        ...

    def apply(self, effects: Sequence[Effect]) -> AsyncGenerator[tuple[str, Record | Exception], None]:
        """Do a group, yielding each key's record or verdict once it is durable. A key that is never yielded is a doubt."""
        ...


class RehearsingAdapter(ErpAdapter, Protocol):
    """An adapter that would write something even when it is only entered, checked or asked."""

    def rehearse(self) -> None:
        """Called before anything else in a dry run, in which no effect is asked for: from now on nothing is written."""
        ...


# ---- the memory


@dataclass(frozen=True, slots=True)
class Leadership:
    """The right to record for one workspace: every commit compares its epoch."""

    workspace: str
    epoch: int
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """All that the start of a cycle must know, in one read."""

    workspace: WorkspaceState
    cursors: Mapping[Stream, datetime]
    #: Something is due now: on the ERP side, on the Consentio side, among the edited marks; a wish waits; a row is open;
    #: news from the ERP wait for their order; Consentio is to be asked for something.
    erp_due: bool
    tell_due: bool
    edited_due: bool
    wishes: bool
    open_rows: bool
    news: bool
    errands: bool


class Transaction(Protocol):
    """One commit of one workspace. Leaving it normally commits, anything else rolls back. Never held over an outside call."""

    async def orders(self, ids: Iterable[str]) -> dict[str, OrderState]:
        """The states of these orders; unknown ids are left out."""
        ...

    async def save_orders(self, states: Iterable[OrderState]) -> None:
        """Insert or replace."""
        ...

    async def due(self, now: datetime, limit: int) -> list[OrderState]:
        """Orders whose `due_at` has come, the longest due first; a `due_at` beyond `now` + 1 day counts as come (A9)."""
        ...

    async def tellable(self, now: datetime, limit: int) -> list[OrderState]:
        """Orders whose `tell_due_at` has come, the longest due first, with the same pull-back."""
        ...

    async def edited_marks(self, limit: int, after: str = "") -> list[OrderState]:
        """Orders with the edited mark, by id, that `ackable` may let through (situation settled), after an id."""
        ...

    async def watched_slices(self, before: datetime) -> list[tuple[datetime, datetime]]:
        """The distinct slices, starting before a moment, that last listed a watched order, oldest first."""
        ...

    async def ids_in_slice(self, start: datetime, end: datetime) -> list[str]:
        """The orders that this very slice last listed."""
        ...

    async def count_braked(self, brake: Brake, *, since: datetime, now: datetime) -> int:
        """How many orders a brake counts: those with an effect begun since a moment, and those about to have one.

        The latter as `daemon.domain.plan.is_counted` says, where something is due (of parked orders: now), or a brake holds them.
        """
        ...

    async def count_listed(self, since: datetime) -> int:
        """How many orders were last listed by slices that begin at or after a moment, baseline left out."""
        ...

    async def braked(self, brake: Brake, limit: int) -> list[OrderState]:
        """Orders that this brake holds, by id."""
        ...

    async def unknown_all(self) -> int:
        """After a restore: every ERP revision is unknown, orders that may have a record are verified first. Returns how many.

        Sets `erp_revision`, `erp_digest` and `tell_due_at` to NULL, `verify` to true and, where settled or waiting, situation
        waiting and due now. Baseline and dismissed orders are left alone; so are settled ones whose payload was pruned, for
        which nothing could be sent.
        """
        ...

    async def revisions(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Revision]:
        """These (order, number) revisions, payloads included; missing ones are left out."""
        ...

    async def add_revisions(self, revisions: Iterable[Revision]) -> None:
        """Insert; a revision never changes."""
        ...

    async def holders(self, record: str) -> list[str]:
        """The orders whose record this is."""
        ...

    async def waited_for(self) -> Mapping[str, int]:
        """The keys that orders are missing in the ERP, and how many orders miss each."""
        ...

    async def waiting_for(self, key: str) -> list[str]:
        """The orders that miss this key, by id."""
        ...

    async def known_gaps(self) -> Mapping[str, datetime]:
        """The missing keys that were told, and since when."""
        ...

    async def save_gaps(self, found: Iterable[str], closed: Iterable[str], since: datetime) -> None:
        """Insert those that were found, delete those that are closed."""
        ...

    async def open_rows(self) -> list[LedgerRow]:
        """Every open row of an ERP effect, oldest first."""
        ...

    async def ledger_rows(self, keys: Iterable[str]) -> dict[str, LedgerRow]:
        """The rows with these keys; unknown keys are left out."""
        ...

    async def save_rows(self, rows: Iterable[LedgerRow]) -> None:
        """Insert, or replace the row with the same key."""
        ...

    async def close_rows(self, rows: Iterable[LedgerRow]) -> None:
        """Write the end of rows that were open: record, outcome and when it came."""
        ...

    async def add_attempts(self, attempts: Iterable[Attempt]) -> None:
        """Insert."""
        ...

    async def add_notes(self, notes: Iterable[Note]) -> None:
        """Insert."""
        ...

    async def add_unreadables(self, elements: Iterable[Unreadable]) -> int:
        """Insert, or raise `last_seen_at`. Returns how many were not known."""
        ...

    async def move_cursors(self, positions: Mapping[Stream, datetime]) -> None:
        """Insert or replace."""
        ...

    async def workspace(self) -> WorkspaceState:
        """The workspace as it is now."""
        ...

    async def save_workspace(self, state: WorkspaceState) -> None:
        """Replace all but the epoch."""
        ...

    async def stamp(
        self,
        *,
        collected_at: datetime | None,
        delivered_at: datetime | None,
        acknowledged_at: datetime | None,
        reports_cursor: str | None = None,
    ) -> None:
        """The last good moments of the workspace's directions, and how far the ERP's news were read; None leaves one as it is."""
        ...

    async def add_news(self, news: Iterable[News], now: datetime) -> int:
        """Record news, each once however often it is told; returns how many were not known."""
        ...

    async def heard(self, limit: int) -> list[Heard]:
        """Recorded news that an order may hear now, as they happened.

        It has that record (or, of a refusal, sent that effect), no open row, and need not be verified first.
        """
        ...

    async def heed(self, outcomes: Mapping[Heard, str], now: datetime) -> None:
        """Their orders were told; what became of each, in words."""
        ...

    async def expire_news(self, before: datetime, now: datetime) -> int:
        """News recorded before a moment that no order could hear are kept waiting no longer. Returns how many."""
        ...

    async def errands(self, ids: Iterable[str]) -> list[Errand]:
        """The errands of these orders, done or not."""
        ...

    async def due_errands(self, now: datetime, limit: int) -> list[Errand]:
        """Errands whose `due_at` has come, the longest due first, with the same pull-back as `due`."""
        ...

    async def count_errands(self, kind: Kind, who: str, *, since: datetime) -> int:
        """How many errands of a kind somebody made since a moment."""
        ...

    async def save_errands(self, errands: Iterable[Errand]) -> None:
        """Insert or replace."""
        ...

    async def prune(self, *, payloads_before: datetime, history_before: datetime, limit: int) -> int:
        """Forget at most `limit` things that nobody needs; returns how many: fewer than that mean that nothing is left.

        Payloads recorded before the one moment, except those of an order that the near sweep still watches which are its latest,
        wanted, ERP's or first sent revision; and unreadable elements not seen since. What happened before the other moment:
        finished ledger rows except creates, attempts, notes, news, answered wishes. Orders, digests and creates stay (law 9).
        """
        ...

    async def wishes(self) -> list[Wish]:
        """What people asked for and nobody answered yet, oldest first."""
        ...

    async def note_progress(self, number: int, progress: str) -> None:
        """How far a wish has come that is not done yet."""
        ...

    async def answer_wish(self, number: int, outcome: str, at: datetime) -> None:
        """Done or refused: say so to whoever waits."""
        ...


class Store(Protocol):
    """The memory of one workspace under one leader."""

    @property
    def leadership(self) -> Leadership:
        """Who leads, with which epoch."""
        ...

    async def glance(self, now: datetime) -> Glance:
        """One statement."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Compares the epoch first and holds it to the commit.

        `Deposed` if another leader came, `StoreUnavailable` if the database is away, `PoisonRow` if it refuses a value.
        """
        ...


# ---- what the core tells


class Say(Protocol):
    """A log line: an event `noun.past` and its fields. `structlog` loggers' methods fit."""

    def __call__(self, event: str, **fields: object) -> object:
        """Say it."""
        ...
