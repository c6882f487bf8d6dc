"""The door to the memory: what is recorded of one workspace, one commit at a time."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daemon.domain.brakes import Brake
from daemon.domain.ledger import Attempt, Errand, Heard, Kind, LedgerRow, News, Note, Revision, Stream, Unreadable, Wish
from daemon.domain.state import OrderState, Tellable, Told, WorkspaceState


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

    async def tellable(self, now: datetime, limit: int) -> list[Tellable]:
        """Orders whose `tell_due_at` has come, the longest due first, with the same pull-back."""
        ...

    async def save_told(self, told: Sequence[Told]) -> None:
        """Change these orders, which must be known."""
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
