"""The scene of one schedule: time, people, clerks, processes and backups. Every deed is told in plain words."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from daemon.domain.order import Status
from daemon.sync.way import Rules
from daemon.testing import FakeClock, FakeErpSettings, Oddities
from tests.support.torture import sqlite
from tests.support.torture.outside import BACKWARDS, CURRENT, Fault, Faults, WatchedErp, WatchedMarket
from tests.support.torture.process import Lock, Process
from tests.support.torture.truth import Truth

#: Short intervals and horizons keep a schedule short; nothing else is different from what an operator might choose.
RULES = Rules(
    near_horizon=timedelta(hours=12),
    wide_horizon=timedelta(days=2),
    wide_interval=timedelta(hours=1),
    missing_recheck=timedelta(minutes=30),
    start_from=datetime(2026, 1, 1, tzinfo=UTC),
)
#: Half an hour before either change of the clocks in Europe, and an ordinary morning.
MORNINGS = (
    datetime(2026, 11, 23, 6, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 30, tzinfo=UTC),
)
_SENT = ("erp: before create", "erp: before update", "erp: before cancel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenery:
    """What both ends are like."""

    erp: FakeErpSettings = field(default_factory=FakeErpSettings)
    oddities: Oddities = field(default_factory=Oddities)
    morning: datetime = MORNINGS[0]


class Stage:
    """One workspace, its two ends, and up to two daemons for it. `close` it, and run within `sqlite.without_threads`."""

    def __init__(self, scenery: Scenery, folder: Path, *, rules: Rules = RULES) -> None:
        self.scenery, self.rules, self.folder = scenery, rules, folder
        self.clock = FakeClock(scenery.morning)
        self.market = WatchedMarket(self.clock, oddities=scenery.oddities)
        self.erp = WatchedErp(scenery.erp)
        self.erp.now = self.clock.now
        self.faults, self.lock = Faults(), Lock()
        self.market.on_call, self.erp.on_call = self._market_call, self._erp_call
        #: How far the API's `Date`, and the machine's clock, are from the truth.
        self.date_skew = self.wall_skew = timedelta(0)
        #: Whether both ran ahead at once, by more than the overlap: then nothing tells how far the edited list was read.
        self.both_ran_ahead = False
        self.spoilt: set[str] = set()
        #: The latest version of each order that was recorded, as far as the outside can tell.
        self.recorded: dict[str, int] = {}
        self._backups: list[tuple[Path, dict[str, int]]] = []
        self._deadlines: dict[str, list[float]] = {"erp": [], "market": []}
        self.story: list[str] = []
        self.injected: Counter[str] = Counter()
        self.orders: list[str] = []
        self._file = folder / "sync.db"
        sqlite.make_empty(self._file)
        self.truth = Truth(self)
        self.a, self.b = Process(self, "daemon A"), Process(self, "daemon B")

    @property
    def url(self) -> str:
        return f"sqlite:///{self._file}"

    def wall(self) -> datetime:
        """The machine's clock."""
        return self.clock.now() + self.wall_skew

    def tell(self, sentence: str, *, fault: str = "") -> None:
        """A line of the story; a fault is counted."""
        self.story.append(f"{self.clock.now():%d %b %H:%M:%S}  {sentence}")
        self.injected[fault] += bool(fault)

    async def close(self) -> None:
        await self.a.kill()
        await self.b.kill()

    # ---- calls

    async def _market_call(self, what: str) -> None:
        process = CURRENT.get()
        if process is not None:
            await process.call("market", what)
        self._strike("market", what, self.faults.strike_market)

    async def _erp_call(self, what: str) -> None:
        process = CURRENT.get()
        if process is not None:
            await process.call("erp", what)
        self._strike("erp", what, self.faults.strike_erp)

    def _strike(self, end: str, what: str, strike: Callable[[str], None]) -> None:
        before = self.faults.struck
        try:
            strike(what)
        finally:
            if self.faults.struck > before:
                self.tell(f"  (the {end} {what} goes wrong)", fault="call")
            late = self.erp.late if end == "erp" else self.market.late
            self._note_late(end, len(late))

    def _note_late(self, end: str, count: int) -> None:
        """A request is under way at most as long as a call may take. (The fake takes it up just after this.)"""
        deadlines = self._deadlines[end]
        while len(deadlines) < count:
            deadlines.append(self.clock.monotonic() + self.rules.call_timeout.total_seconds())

    # ---- time

    async def wait(self, seconds: float) -> None:
        """Time passes; what was under way lands in its time, and what stood before the socket is sent within the margin."""
        await self._let_send(seconds)
        end = self.clock.monotonic() + seconds
        while (due := self._next_landing()) <= end:
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            self._land_due()
        self.clock.advance(end - self.clock.monotonic())

    async def _let_send(self, seconds: float) -> None:
        """A limit of the promise: a machine frozen between its last check and the socket beyond the margin can double."""
        margin = self.rules.doubt_margin.total_seconds() - 1
        for process in (self.a, self.b):
            stood = [self.clock.monotonic() - each.since for each in process.gate.waiting if each.door.startswith(_SENT)]
            if any(already + seconds > margin for already in stood):
                await process.run("")

    def _next_landing(self) -> float:
        self._note_late("erp", len(self.erp.late))
        self._note_late("market", len(self.market.late))
        return min((deadlines[0] for deadlines in self._deadlines.values() if deadlines), default=float("inf"))

    def _land_due(self) -> None:
        for end in ("erp", "market"):
            while self._deadlines[end] and self._deadlines[end][0] <= self.clock.monotonic():
                self.land(end)

    def land(self, end: str) -> None:
        """The oldest request under way arrives."""
        self._deadlines[end][:1] = []
        self.tell(f"  (what was under way to the {end} lands)")
        (self.erp if end == "erp" else self.market).land(1)

    def land_oldest(self) -> None:
        for end, late in (("erp", self.erp.late), ("market", self.market.late)):
            if late:
                self.land(end)

    # ---- people

    def place(self, *, accepted: bool, boxes: int) -> None:
        self.clock.advance(1)
        order_id = self.market.place(accepted=False, more_info="", delivery_estimated_at=self.clock.now() + timedelta(hours=20))
        self.orders.append(order_id)
        self._set_boxes(order_id, boxes)
        if accepted:
            self.market.accept(order_id)
        self.tell(f"order {order_id} of {boxes} boxes is placed{', and accepted' if accepted else ''}")

    def accept(self, order_id: str) -> None:
        self.clock.advance(1)
        again = " again" if self.market.order(order_id).status is Status.CANCELED else ""
        self.market.accept(order_id)
        self.tell(f"order {order_id} is accepted{again}")

    def edit(self, order_id: str, boxes: int, *, backwards: bool = False) -> None:
        self.clock.advance(1)
        stamp = {"updated_at": self.clock.now() - BACKWARDS} if backwards else {}
        self._set_boxes(order_id, boxes, **stamp)
        self.tell(f"order {order_id} is edited to {boxes} boxes{', with a stamp that runs backwards' if backwards else ''}")

    def _set_boxes(self, order_id: str, boxes: int, **stamp: object) -> None:
        line = replace(self.market.order(order_id).lines[0], amount=Decimal(boxes))
        self.market.edit(order_id, lines=(line,), **stamp)

    def cancel(self, order_id: str) -> None:
        self.clock.advance(1)
        self.market.cancel(order_id)
        self.tell(f"order {order_id} is canceled by its buyer")

    def clerk(self, order_id: str, deed: str) -> None:
        """Somebody at the ERP lays hands on our record."""
        ours = [record for record in self.erp.live(order_id) if record.id not in self.erp.typed_by_clerks]
        if not ours:
            return
        record = ours[0]
        self.truth.touched_by_clerk.add(order_id)
        if deed == "edits":
            record.order = replace(record.order, more_info="as agreed on the phone")
        elif deed == "copies":
            self.erp.typed_by_clerks.add(self.erp.clerk_types(record.order, key=record.key).id)
        else:
            {"cancels": self.erp.clerk_cancels, "deletes": self.erp.clerk_deletes, "ships": self.erp.clerk_ships}[deed](record.id)
        self.tell(f"a clerk {deed} record {record.id} of order {order_id}", fault="clerk")

    # ---- machines

    def disturb(self, end: str, call: str, fault: Fault) -> None:
        """The next such call goes wrong."""
        (self.faults.erp if end == "erp" else self.faults.market)[call] = fault
        self.tell(f"the next {call} {fault}")

    async def run(self, process: Process, stop: str | None = None) -> None:
        """A cycle, or the part of it up to a door."""
        if not process.is_up and not await process.start():
            return
        where = await process.run(stop)
        self.tell(f"{process.name} runs {f'up to [{where}]' if where else 'to the end of its cycle'}")

    async def kill(self, process: Process) -> None:
        where = f" at [{process.gate.waiting[0].door}]" if process.stands else ""
        self.tell(f"{process.name} is killed{where}", fault="crash")
        self.truth.kills_in_flight += process.stands
        await process.kill()

    def lose_lock(self) -> None:
        self.lock.holder = None
        self.tell("the lock is lost, and its holder does not notice", fault="lock")

    def back_up(self) -> None:
        copy = self.folder / f"{len(self._backups)}.backup"
        sqlite.backup(self._file, copy)
        self._backups.append((copy, dict(self.recorded)))
        self.tell("the database is backed up")

    async def restore(self, number: int) -> None:
        """A person stops all daemons, restores a copy (or begins anew), and says so.

        Unsaid and unnoticed it is a limit of the promise: an order that came back to what the copy holds can stay wrong.
        """
        await self.a.kill()
        await self.b.kill()
        which = number % (len(self._backups) + 1)
        sqlite.make_empty(self._file)
        self.recorded = {}
        if which:
            copy, recorded = self._backups[which - 1]
            self._file.write_bytes(copy.read_bytes())
            self.recorded = dict(recorded)
        self.tell("an older copy of the database is restored" if which else "the database is lost; a new one", fault="restore")
        self.truth.losses += not which
        await self.a.start(restored=True)

    def skew(self, *, date: timedelta, wall: timedelta) -> None:
        self.date_skew, self.wall_skew = date, wall
        self.both_ran_ahead = self.both_ran_ahead or min(date, wall) > self.rules.overlap
        self.tell(f"the API's clock is off by {date}, the machine's by {wall}", fault="clock")

    def begin_or_end(self, what: str) -> None:
        """An outage of the ERP, or a product that it does not know."""
        if what == "outage":
            self.faults.erp_is_away = not self.faults.erp_is_away
            self.tell(f"the ERP is {'away' if self.faults.erp_is_away else 'back'}", fault="outage")
            return
        self.erp.products = set() if self.erp.products is None else None
        self.tell(f"the ERP {'knows' if self.erp.products is None else 'does not know'} the product", fault="gap")

    def spoil_or_mend(self, order_id: str) -> None:
        """The listings show the order in a way that cannot be read."""
        (self.spoilt.discard if order_id in self.spoilt else self.spoilt.add)(order_id)
        self.tell(f"order {order_id} {'cannot' if order_id in self.spoilt else 'can'} be read", fault="poison")

    # ---- the end

    async def quiet(self) -> None:
        """Everything is healthy, and time passes: long enough for every doubt, back-off and sweep."""
        self.tell("from here on everything is healthy")
        await self._heal()
        for seconds in (80, 80, 80, 80, *(600,) * 9):
            await self._calm_cycle(seconds)
        for _ in range(12):
            if not self.truth.findings():
                break
            await self._calm_cycle(1_800)

    async def _heal(self) -> None:
        self.date_skew = self.wall_skew = timedelta(0)
        self.faults.erp.clear()
        self.faults.market.clear()
        self.faults.erp_is_away, self.erp.products = False, None
        self.spoilt.clear()
        if self.b.is_up:
            await self.kill(self.b)
        if self.a.stands:
            await self.run(self.a)
        if self.lock.holder not in (None, self.a._locks):
            self.lock.holder = None

    async def _calm_cycle(self, seconds: float) -> None:
        await self.wait(seconds)
        if not self.a.is_up:
            await self.a.start()
        await self.a.run()

    async def rest(self) -> int:
        """Two more cycles, across every sweep: how many effects there were, of which none is needed."""
        before = len(self.erp.effects)
        await self._calm_cycle(700)
        await self._calm_cycle(4_000)
        return len(self.erp.effects) - before

    async def read_states(self) -> None:
        """What the orders' situations are at the end."""
        if not self.a.is_up:
            await self.a.start()
        assert self.a.way is not None
        async with self.a.way.store.transaction() as tx:
            self.truth.states = await tx.orders(self.orders)
            self.truth.open_rows = {row.order_id for row in await tx.open_rows()}
