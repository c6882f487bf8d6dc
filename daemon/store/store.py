"""The port `Store` on SQLAlchemy: one workspace under one leader."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from daemon.domain.brakes import Brake
from daemon.domain.ledger import Attempt, Errand, Heard, Kind, LedgerRow, News, Note, Revision, Stream, Unreadable, Wish
from daemon.domain.state import OrderState, Tellable, Told, WorkspaceState
from daemon.errors import Deposed, StoreUnavailable
from daemon.ports import Glance, Leadership
from daemon.store import (
    brakes,
    cursors,
    errands,
    gaps,
    ledger,
    news,
    notes,
    orders,
    prune,
    revisions,
    tellings,
    unreadable,
    wishes,
    workspaces,
)
from daemon.store.engine import Engine
from daemon.store.locks import Locks
from daemon.store.recall import Recall, Seen
from daemon.store.scope import Scope


class SqlStore:
    """The memory of one workspace. Made by `SqlDatabase.lead`."""

    def __init__(self, engine: Engine, locks: Locks, *, ends: WorkspaceState, owner: str) -> None:
        self._engine = engine
        self._locks = locks
        self._ends = ends
        self._recall = Recall()
        # One at a time, as the database has it anyway: what is recalled is what the last one committed.
        self._turn = asyncio.Lock()
        #: Epoch 0 leads nothing: the first one is 1.
        self._leadership = Leadership(ends.id, 0, owner)
        self._config_trouble = ""
        #: How many commits there were: they show that work goes on.
        self.commits = 0

    @property
    def leadership(self) -> Leadership:
        """The right to record, as last taken."""
        return self._leadership

    async def glance(self, now: datetime) -> Glance:
        """All that the start of a cycle must know, in one statement."""
        with self._losing():
            async with self._engine.reading() as connection:
                return await workspaces.glance(Scope(connection, self._ends.id), now)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SqlTransaction"]:
        """One commit, under the epoch that it began with. See `daemon.ports.Store`."""
        async with self._turn:
            seen = Seen(self._recall)
            try:
                await self._require_lock()
                async with self._engine.writing() as connection:
                    scope = Scope(connection, self._ends.id)
                    with self._losing():
                        await workspaces.require_epoch(scope, self._leadership.epoch)
                    yield SqlTransaction(scope, seen)
            except BaseException:
                self._recall.forget()  # it may have been committed, or the database may be another one
                raise
            seen.committed()
            self.commits += 1

    def is_leading(self) -> bool:
        """Whether nothing says that the lead was lost; asks nobody, so it may be asked before every effect."""
        return self._leadership.epoch > 0 and self._locks.seems_held(self._ends.id)

    async def renew(self, now: datetime | None = None) -> bool:
        """Leads again, with a new epoch, after the lock's connection was lost or another leader had come and gone.

        Returns False, at next to no cost, if nothing was lost. `now` is told to people; by default the machine's.
        Raises `WorkspaceLocked` while another daemon holds the workspace, `StoreUnavailable` while the database is away.
        """
        if not await self._locks.holds(self._ends.id):
            self._lose()
            await self._locks.take(self._ends.id)
        if self._leadership.epoch:
            return False
        await self._claim(now or datetime.now(UTC))
        return True

    async def note_config(self, trouble: str) -> None:
        """How the config file differs from what the leader has in force, for `status`; kept until it is said again."""
        self._config_trouble = trouble
        async with self.transaction() as tx:
            await tx.note_config(trouble)

    async def _claim(self, now: datetime) -> None:
        async with self._engine.writing() as connection:
            scope, owner = Scope(connection, self._ends.id), self._leadership.owner
            async with self._engine.not_held_up(connection):
                epoch = await workspaces.claim(scope, self._ends, owner=owner, now=now, config_trouble=self._config_trouble)
        self._leadership = replace(self._leadership, epoch=epoch)

    async def _require_lock(self) -> None:
        if not await self._locks.holds(self._ends.id):
            raise StoreUnavailable(f"The lock of workspace {self._ends.id} was lost; leadership must be taken anew")

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except Deposed:
            self._lose()
            raise

    def _lose(self) -> None:
        self._recall.forget()
        self._leadership = replace(self._leadership, epoch=0)


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """The port `Transaction`: every question and its file."""

    _scope: Scope
    _seen: Seen

    async def orders(self, ids: Iterable[str]) -> dict[str, OrderState]:
        return await orders.load(self._scope, self._seen, ids)

    async def save_orders(self, states: Iterable[OrderState]) -> None:
        await orders.save(self._scope, self._seen, states)

    async def due(self, now: datetime, limit: int) -> list[OrderState]:
        return await orders.due(self._scope, self._seen, now, limit)

    async def tellable(self, now: datetime, limit: int) -> list[Tellable]:
        return await tellings.tellable(self._scope, now, limit)

    async def save_told(self, told: Sequence[Told]) -> None:
        await tellings.save(self._scope, self._seen, told)

    async def edited_marks(self, limit: int, after: str = "") -> list[OrderState]:
        return await orders.ackable(self._scope, self._seen, limit, after)

    async def watched_slices(self, before: datetime) -> list[tuple[datetime, datetime]]:
        return await orders.watched_slices(self._scope, before)

    async def ids_in_slice(self, start: datetime, end: datetime) -> list[str]:
        return await orders.ids_in_slice(self._scope, start, end)

    async def count_braked(self, brake: Brake, *, since: datetime, now: datetime) -> int:
        return await brakes.count(self._scope, brake, since=since, now=now)

    async def count_listed(self, since: datetime) -> int:
        return await brakes.count_listed(self._scope, since)

    async def braked(self, brake: Brake, limit: int) -> list[OrderState]:
        return await brakes.held(self._scope, brake, limit)

    async def unknown_all(self) -> int:
        return await orders.forget(self._scope, self._seen)

    async def revisions(self, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Revision]:
        return await revisions.load(self._scope, wanted)

    async def add_revisions(self, found: Iterable[Revision]) -> None:
        await revisions.add(self._scope, found)

    async def holders(self, record: str) -> list[str]:
        return await orders.holders(self._scope, record)

    async def waited_for(self) -> Mapping[str, int]:
        return await gaps.waited_for(self._scope)

    async def waiting_for(self, key: str) -> list[str]:
        return await gaps.waiting_for(self._scope, key)

    async def known_gaps(self) -> Mapping[str, datetime]:
        return await gaps.known(self._scope)

    async def save_gaps(self, found: Iterable[str], closed: Iterable[str], since: datetime) -> None:
        await gaps.save(self._scope, found, closed, since)

    async def open_rows(self) -> list[LedgerRow]:
        return await ledger.open_rows(self._scope)

    async def ledger_rows(self, keys: Iterable[str]) -> dict[str, LedgerRow]:
        return await ledger.load(self._scope, keys)

    async def save_rows(self, rows: Iterable[LedgerRow]) -> None:
        await ledger.save(self._scope, rows)

    async def close_rows(self, rows: Iterable[LedgerRow]) -> None:
        await ledger.close(self._scope, rows)

    async def add_attempts(self, attempts: Iterable[Attempt]) -> None:
        await ledger.add_attempts(self._scope, attempts)

    async def add_notes(self, happened: Iterable[Note]) -> None:
        await notes.add(self._scope, happened)

    async def add_unreadables(self, elements: Iterable[Unreadable]) -> int:
        return await unreadable.add(self._scope, elements)

    async def move_cursors(self, positions: Mapping[Stream, datetime]) -> None:
        await cursors.move(self._scope, positions)

    async def workspace(self) -> WorkspaceState:
        return await workspaces.load(self._scope)

    async def save_workspace(self, state: WorkspaceState) -> None:
        await workspaces.save(self._scope, state)

    async def stamp(self, *, reports_cursor: str | None = None, **moments: datetime | None) -> None:
        await workspaces.stamp(self._scope, {**moments, "reports_cursor": reports_cursor})

    async def add_news(self, told: Iterable[News], now: datetime) -> int:
        return await news.add(self._scope, told, now)

    async def heard(self, limit: int) -> list[Heard]:
        return await news.heard(self._scope, limit)

    async def heed(self, outcomes: Mapping[Heard, str], now: datetime) -> None:
        await news.heed(self._scope, outcomes, now)

    async def expire_news(self, before: datetime, now: datetime) -> int:
        return await news.expire(self._scope, before, now)

    async def errands(self, ids: Iterable[str]) -> list[Errand]:
        return await errands.of_orders(self._scope, ids)

    async def due_errands(self, now: datetime, limit: int) -> list[Errand]:
        return await errands.due(self._scope, now, limit)

    async def count_errands(self, kind: Kind, who: str, *, since: datetime) -> int:
        return await errands.count(self._scope, kind, who, since=since)

    async def save_errands(self, made: Iterable[Errand]) -> None:
        await errands.save(self._scope, made)

    async def note_config(self, trouble: str) -> None:
        await workspaces.note_config(self._scope, trouble)

    async def prune(self, *, payloads_before: datetime, history_before: datetime, limit: int) -> int:
        return await prune.prune(self._scope, payloads_before=payloads_before, history_before=history_before, limit=limit)

    async def wishes(self) -> list[Wish]:
        return await wishes.undone(self._scope)

    async def note_progress(self, number: int, progress: str) -> None:
        await wishes.note_progress(self._scope, number, progress)

    async def answer_wish(self, number: int, outcome: str, at: datetime) -> None:
        await wishes.answer(self._scope, number, outcome=outcome, at=at)
