"""A small world around the real sync core and the real store: an imitated marketplace and ERP, and time that a test owns."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from daemon.domain.content import digest
from daemon.domain.order import Order, Status
from daemon.domain.state import OrderState, Situation
from daemon.ports import Glance, Transaction
from daemon.store.address import parse_address
from daemon.store.database import SqlDatabase
from daemon.store.schema import require_current
from daemon.store.store import SqlStore
from daemon.sync.cycle import Report, run_cycle
from daemon.sync.way import Clocks, Rules, Way
from daemon.testing import FakeClock, FakeErp, FakeErpSettings, FakeMarketplace, Oddities


class Crash(BaseException):
    """The process is gone: nothing that follows happens, not even a `finally`."""


@dataclass(slots=True)
class Doors:
    """Counts every call through a port and every commit; breaks off at the n-th, and at all that follow."""

    break_at: int | None = None
    passed: int = 0
    names: list[str] = field(default_factory=list)

    def knock(self, what: str) -> None:
        """Pass, or crash."""
        self.passed += 1
        self.names.append(what)
        if self.break_at is not None and self.passed >= self.break_at:
            raise Crash(f"at door {self.passed}: {what}")


class DooredStore:
    """The real store; each commit is a door, before and after."""

    def __init__(self, store: SqlStore, doors: Doors) -> None:
        self._store, self._doors = store, doors

    @property
    def leadership(self) -> Any:
        """The real one's."""
        return self._store.leadership

    async def glance(self, now: Any) -> Glance:
        """As it is: nothing can happen between it and the door before it."""
        return await self._store.glance(now)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Crashes before the commit (nothing of it stays) or after it (all of it does)."""
        async with self._store.transaction() as tx:
            yield tx
            self._doors.knock("before commit")
        self._doors.knock("after commit")


class World:
    """One workspace. `start` and `crash` may alternate; the outside world lives on."""

    def __init__(
        self,
        url: str,
        *,
        erp: FakeErpSettings | None = None,
        oddities: Oddities | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.url = url
        self.clock = FakeClock()
        self.market = FakeMarketplace(self.clock, oddities=oddities)
        self.erp = FakeErp(erp)
        self.erp.now = self.clock.now
        self.rules = rules or Rules()
        self.doors = Doors()
        self.said: list[tuple[str, dict[str, object]]] = []
        self._database: SqlDatabase | None = None
        self.way: Way
        self.use_hooks()

    def use_hooks(self, *, market: Callable[[str], None] = lambda _: None, erp: Callable[[str], None] = lambda _: None) -> None:
        """What happens at each call, besides counting doors."""

        def through(hook: Callable[[str], None]) -> Callable[[str], None]:
            def knock(what: str) -> None:
                self.doors.knock(what)
                hook(what)

            return knock

        self.market.on_call, self.erp.on_call = through(market), through(erp)

    async def start(self) -> Way:
        """A process starts and leads."""
        await require_current(self.url, auto_migrate=True)
        self._database = SqlDatabase(parse_address(self.url))
        store = await self._database.lead(
            "123", api_url="fake://market", adapter="fake", adapter_identity=self.erp.identity, now=self.clock.now()
        )
        clocks = Clocks(wall=self.clock.now, monotonic=self.clock.monotonic, boot=self.clock.monotonic)
        self.way = Way(
            market=self.market,
            store=DooredStore(store, self.doors),
            erp=self.erp,
            rules=self.rules,
            clocks=clocks,
            say=lambda event, **fields: self.said.append((event, fields)),
        )
        return self.way

    async def stop(self) -> None:
        """The process is gone, cleanly or not."""
        if self._database is not None:
            await self._database.close()
            self._database = None

    async def restart(self) -> None:
        """Gone, and there again."""
        await self.stop()
        await self.start()

    async def cycle(self, times: int = 1, *, after: float = 60.0) -> Report:
        """Some seconds pass, then a cycle runs; so many times."""
        report = Report()
        for _ in range(times):
            self.clock.advance(after)
            report = await run_cycle(self.way)
        return report

    async def live_on(self, hours: float = 8) -> None:
        """Long enough for every doubt, back-off and sweep."""
        for _ in range(int(hours * 12)):
            await self.cycle(after=300)

    async def state(self, order_id: str) -> OrderState:
        """What the database knows of an order."""
        async with self.way.store.transaction() as tx:
            return (await tx.orders([order_id]))[order_id]

    def events(self, name: str) -> list[dict[str, object]]:
        """The log lines of one event."""
        return [fields for event, fields in self.said if event == name]

    def content_in_erp(self, order_id: str) -> Order | None:
        """The content of the order's live record; fails on two."""
        live = self.erp.live(order_id)
        assert len(live) < 2, f"order {order_id} is doubled: {[record.id for record in live]}"
        return live[0].order if live else None

    async def assert_promise(self, *order_ids: str, told: bool = True) -> None:
        """Once in the ERP and equal to Consentio's latest content, its reference told; canceled orders not there at all."""
        for order_id in order_ids:
            order, state = self.market.order(order_id), await self.state(order_id)
            held = self.content_in_erp(order_id)
            if order.status is Status.CANCELED:
                assert held is None, f"order {order_id} is canceled, yet live in the ERP"
            else:
                assert held is not None, f"order {order_id} is lost: {state}"
                assert digest(held) == digest(order), f"order {order_id} is stale"
                if told:
                    record = self.erp.live(order_id)[0]
                    called = record.number or (None if self.erp.capabilities.numbers_later else record.id)
                    assert order.external_id == called, f"order {order_id} bears no or a wrong reference"
            assert state.situation is Situation.SETTLED, f"order {order_id} is not settled: {state}"


@asynccontextmanager
async def world(url: str, **options: Any) -> AsyncIterator[World]:
    """A world whose process has started and had its first cycle over an empty market."""
    made = World(url, **options)
    await made.start()
    try:
        await run_cycle(made.way)
        yield made
    finally:
        await made.stop()
