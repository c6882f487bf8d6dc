"""The parts of one workspace, and what its process remembers between two cycles."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.domain.amounts import Tolerance
from daemon.domain.brakes import Brakes, Limits
from daemon.domain.ledger import News, Note, Stream
from daemon.domain.order import Order
from daemon.domain.statuses import Spelling
from daemon.domain.window import Slice, cell
from daemon.ports import ErpAdapter, Marketplace, Say, Store

_ORDINALS_PER_EPOCH = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Whether and how what the ERP booked is compared with the order."""

    check: bool = True
    park: bool = False
    tolerance: Tolerance = field(default_factory=Tolerance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an operator may tune; plain values."""

    overlap: timedelta = timedelta(minutes=10)
    max_window: timedelta = timedelta(days=1)
    near_interval: timedelta = timedelta(minutes=10)
    near_horizon: timedelta = timedelta(days=3)
    wide_interval: timedelta = timedelta(hours=6)
    wide_horizon: timedelta = timedelta(days=14)
    #: How far before the first start accepted orders are still created; `start_from` says the moment itself.
    initial_lookback: timedelta = timedelta(0)
    start_from: datetime | None = None
    concurrency: int = 4
    group_size: int = 500
    max_attempts: int = 8
    backoff_initial: timedelta = timedelta(seconds=5)
    backoff_max: timedelta = timedelta(minutes=15)
    #: How long after its intent's commit an effect may still begin.
    lease: timedelta = timedelta(seconds=30)
    #: How long one call of the ERP may take.
    call_timeout: timedelta = timedelta(seconds=30)
    #: What a doubt waits beyond lease and call timeout.
    doubt_margin: timedelta = timedelta(seconds=10)
    #: How often an order parked for missing keys is tried again by itself.
    missing_recheck: timedelta = timedelta(hours=1)
    #: What the ERP's news do on Consentio: its statuses as they are spelt there, and what is done by itself.
    spelling: Spelling = field(default_factory=Spelling)
    cancel_on_consentio: bool = False
    prepare_on_consentio: bool = False
    #: How long a backfill reads on at the end of a cycle.
    backfill_turn: timedelta = timedelta(seconds=30)
    #: How long contents stay for which nothing is left to be done, and how long what is only told.
    keep_payloads: timedelta = timedelta(days=90)
    keep_history: timedelta = timedelta(days=400)

    #: How many orders may be cancelled or changed within a day before a person has looked.
    brakes: Limits = field(default_factory=Limits)
    #: What becomes of amounts that the ERP booked otherwise.
    amounts: Amounts = field(default_factory=Amounts)

    @property
    def doubt_wait(self) -> timedelta:
        """From here on nothing that an abandoned process sent can still land (A4)."""
        return self.lease + self.call_timeout + self.doubt_margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The clocks of this machine, in seconds but for `wall`. Passed in, so that tests own time."""

    wall: Callable[[], datetime]
    monotonic: Callable[[], float]
    #: Counts on while the machine is suspended: ages of intents are judged by it.
    boot: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer whose orders were all met in it for the first time, and those orders."""

    fingerprint: bytes
    ids: frozenset[str]


#: How many contents are remembered: those of one group or two.
MOST_CONTENTS = 1000


@dataclass(slots=True)
class Contents:
    """Contents that were read a moment ago and are due, with their digests, by order and revision: no revision ever changes.

    The first are due first, so what comes when there is no room is not kept: memory follows what is at work, not what waits.
    """

    _kept: dict[tuple[str, int], tuple[Order, str]] = field(default_factory=dict)

    def keep(self, revision: tuple[str, int], order: Order, digest: str) -> None:
        if len(self._kept) < MOST_CONTENTS:
            self._kept[revision] = order, digest

    def forget(self) -> None:
        self._kept.clear()

    @property
    def count(self) -> int:
        return len(self._kept)

    def lacking(self, wanted: Collection[tuple[str, int]]) -> list[tuple[str, int]]:
        return [revision for revision in wanted if revision not in self._kept]

    def take(self, wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], tuple[Order, str]]:
        """Those that are at hand; each is needed once."""
        return {revision: kept for revision in wanted if (kept := self._kept.pop(revision, None))}


@dataclass(slots=True)
class Memory:
    """What a process remembers of a workspace; all of it may be lost."""

    #: When this process first saw an open row, by its monotonic clock (law 3).
    first_saw: dict[str, float] = field(default_factory=dict)
    #: When this process first saw that a restore is under way.
    saw_restore: float | None = None
    requests: int = 0
    #: The API refused a range that ends in the future (A13).
    future_refused: bool = False
    #: The ERP was away when it was last called: the next call is a single one.
    erp_is_away: bool = False
    #: Cursor moves of answers that brought nothing new; they ride along with the next commit.
    moves: dict[Stream, datetime] = field(default_factory=dict)
    #: What slices said, by slice and status, from one end of a cycle's collecting to the other.
    said: dict[tuple[Slice, str], Said] = field(default_factory=dict)
    contents: Contents = field(default_factory=Contents)
    #: Wishes that must wait, by number: a backfill, an early word about a doubt.
    waiting: set[int] = field(default_factory=set)
    #: How often the size of a group was halved, because the ERP was too slow for it.
    halvings: int = 0
    #: What orders wait for is what was told.
    gaps_told: bool = False
    #: When a wide sweep last met a slice that could not be read.
    wide_broke_at: datetime | None = None
    #: The brakes, as last read or written.
    brakes: Brakes = field(default_factory=Brakes)
    #: The ERP's last news, and the cursor behind them; and earlier cursors, with the moments of the monotonic clock.
    told_news: frozenset[News] = frozenset()
    reports_cursor: str | None = None
    reports_marks: list[tuple[float, str | None]] = field(default_factory=list)
    #: The digests of what could not be read and has no usable id, so that each is told once.
    told_unreadable: set[str] = field(default_factory=set)
    #: Orders whose `seen` was refused: how often, and when it is tried again, by the monotonic clock.
    refused_marks: dict[str, tuple[int, float]] = field(default_factory=dict)
    #: That a wide sweep was cut is told once.
    told_cut: bool = False
    #: That a sweep listed nothing is told once, until one lists something.
    told_empty: bool = False

    def forget(self) -> None:
        """A new epoch was taken: another leader, or another copy of the database, may have come between."""
        self.first_saw.clear()
        self.moves.clear()
        self.contents.forget()
        self.saw_restore = None
        self.told_news = frozenset()
        self.reports_cursor = None
        self.reports_marks.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One workspace: its two ends, its memory, its rules."""

    market: Marketplace
    store: Store
    erp: ErpAdapter
    rules: Rules
    clocks: Clocks
    say: Say
    #: Whether the process is draining: what was not begun is not begun any more.
    stopping: Callable[[], bool] = lambda: False
    memory: Memory = field(default_factory=Memory)

    @property
    def workspace(self) -> str:
        """The workspace's id."""
        return self.store.leadership.workspace

    def ordinal(self) -> int:
        """The number of a request that begins now; larger than any before it, across restarts too."""
        self.memory.requests += 1
        return self.store.leadership.epoch * _ORDINALS_PER_EPOCH + self.memory.requests

    def now(self) -> datetime:
        """The API's clock as far as it is known, else this machine's. Never for windows: those need a `Date` (A9)."""
        return self.market.last_now() or self.clocks.wall()

    def note(self, what: str, *, order_id: str | None = None, reason: str = "", who: str = "daemon") -> Note:
        """A line for the timeline."""
        return Note(at=self.now(), who=who, what=what, reason=reason, order_id=order_id)

    def cell_of(self, piece: Slice) -> Slice:
        """The grid's cell that a slice lies in."""
        return cell(piece[0], self.rules.max_window)
