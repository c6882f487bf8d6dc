"""One daemon: its database's connections, its leadership, and the core, stopped and killed at its gate."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.util import LRUCache

from daemon.errors import Deposed, MarketplaceUnavailable, StoreUnavailable, WorkspaceLocked
from daemon.ports import Glance, Transaction
from daemon.store.address import parse_address
from daemon.store.database import SqlDatabase
from daemon.store.store import SqlStore
from daemon.sync.cycle import run_cycle
from daemon.sync.restore import declare_restored
from daemon.sync.way import Clocks, Way
from tests.support.torture.gate import Gate
from tests.support.torture.outside import CURRENT, MarketLine

if TYPE_CHECKING:
    from tests.support.torture.stage import Stage

#: Statements that were compiled once: each process of a schedule would compile them anew.
_STATEMENTS = LRUCache(500)

#: What a service lives through: it leads anew, or ends and is started again.
_LIVED_THROUGH = (StoreUnavailable, Deposed, WorkspaceLocked)


@dataclass(slots=True)
class Lock:
    """The one lock of the workspace. It may be lost without its holder's noticing, as with a connection that was cut."""

    holder: object = None


class LooseLocks:
    """One process's side of the lock: what it believes, until it looks again."""

    def __init__(self, lock: Lock) -> None:
        self._lock, self._believes = lock, False

    async def take(self, workspace: str) -> None:
        if self._lock.holder not in (None, self):
            raise WorkspaceLocked(f"Workspace {workspace} is held by another daemon")
        self._lock.holder, self._believes = self, True

    async def holds(self, _: str) -> bool:
        return self._believes

    def look(self) -> None:
        """The truth dawns on it, as it does at the latest when a cycle begins."""
        self._believes = self._lock.holder is self

    async def release(self, _: str) -> None:
        self._lock.holder = None if self._lock.holder is self else self._lock.holder

    async def close(self) -> None:
        await self.release("")


class GatedStore:
    """The real store; what a process has been shown becomes known with its next commit."""

    def __init__(self, store: SqlStore, process: "Process") -> None:
        self._store, self._process = store, process

    @property
    def leadership(self) -> Any:
        return self._store.leadership

    async def glance(self, now: datetime) -> Glance:
        self._process.gate.must_live()
        return await self._store.glance(now)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self._process.gate.must_live()
        async with self._store.transaction() as tx:
            yield tx
            self._process.gate.must_live()
        self._process.committed()
        await self._process.gate.passed("committed")


class Process:
    """A daemon that is started, runs from door to door, and may be killed at any."""

    def __init__(self, stage: "Stage", name: str) -> None:
        self.stage, self.name = stage, name
        self.gate = Gate(stage.clock.monotonic)
        self._database: SqlDatabase | None = None
        self._task: asyncio.Task[None] | None = None
        self._locks = LooseLocks(stage.lock)
        self._shown: dict[str, int] = {}
        #: What it waits for has come: it stands behind the answer, where no deadline strikes any more.
        self.has_answer = False
        self.way: Way | None = None

    # ---- what it knows

    def knows(self, order_id: str) -> int:
        """The latest version that this process was shown, or that is in the database by its own word."""
        return max(self._shown.get(order_id, 0), self.stage.recorded.get(order_id, 0))

    def was_shown(self, versions: Mapping[str, int]) -> None:
        for order_id, version in versions.items():
            self._shown[order_id] = max(self._shown.get(order_id, 0), version)

    def committed(self) -> None:
        self.stage.recorded |= {order_id: self.knows(order_id) for order_id in self._shown}

    # ---- its life

    @property
    def is_up(self) -> bool:
        return self.way is not None

    @property
    def stands(self) -> bool:
        """Whether a cycle of it stands still at some door."""
        return bool(self.gate.waiting)

    async def start(self, *, restored: bool = False) -> bool:
        """Starts and leads; False if another one leads."""
        self._database = SqlDatabase(parse_address(self.stage.url), owner=self.name)
        self._database._locks = self._locks
        self._database._engine._engine.sync_engine._compiled_cache = _STATEMENTS
        try:
            store = await self._database.lead(
                "123", api_url="fake://market", adapter="fake", adapter_identity="fake", now=self.stage.wall()
            )
        except WorkspaceLocked:
            await self.end()
            return False
        self._store = store
        self.way = self._made(store)
        if restored:
            await declare_restored(self.way, "a backup was restored")
        return True

    def _made(self, store: SqlStore) -> Way:
        monotonic = self.stage.clock.monotonic
        return Way(
            market=MarketLine(self),
            store=GatedStore(store, self),
            erp=self.stage.erp,
            rules=self.stage.rules,
            clocks=Clocks(wall=self.stage.wall, monotonic=monotonic, boot=monotonic),
            say=lambda *_, **__: None,
        )

    async def run(self, stop: str | None = None) -> str:
        """Goes on, or begins a cycle, up to a door; returns the door's name, or "" at the end of the cycle."""
        self.gate.let_on(stop)
        if self._task is None:
            self._task = asyncio.create_task(self._cycle())
        halted = asyncio.ensure_future(self.gate.halted.wait())
        await asyncio.wait({self._task, halted}, return_when=asyncio.FIRST_COMPLETED)
        halted.cancel()
        if not self._task.done():
            return self.gate.waiting[0].door if self.gate.waiting else stop or ""
        task, self._task = self._task, None
        await self._after(task)
        return ""

    async def _after(self, task: "asyncio.Task[None]") -> None:
        try:
            task.result()
        except WorkspaceLocked:
            await self.end()
        except _LIVED_THROUGH:
            return

    async def _cycle(self) -> None:
        CURRENT.set(self)
        assert self.way is not None
        self._locks.look()
        if await self._store.renew(self.stage.wall()):
            self.way.memory.forget()
        await run_cycle(self.way)

    async def kill(self) -> None:
        """Dead where it stands."""
        self.gate.kill()
        if self._task is not None:
            self._task.cancel()
            with suppress(BaseException):
                await self._task
        self._task = None
        await self.end()

    async def end(self) -> None:
        """The operating system closes what it held."""
        if self._database is not None:
            await self._database.close()
        self._database, self.way, self._shown = None, None, {}
        self.gate = Gate(self.stage.clock.monotonic)

    # ---- its calls

    async def call(self, end: str, what: str) -> None:
        """One side of a call: perhaps it stands here, perhaps the call goes wrong; who stood too long gets no answer."""
        stood = await self.gate.passed(f"{end}: {what}")
        timeout = self.stage.rules.call_timeout.total_seconds()
        if what.startswith("after") and stood > timeout and not self.has_answer:
            self.stage.faults.doubts += end == "erp"
            raise TimeoutError(what) if end == "erp" else MarketplaceUnavailable(what)
