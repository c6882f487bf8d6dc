"""The kill test: a real daemon, killed again and again while a market lives, and an account of what arrived in the ERP."""

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, cycle, pairwise
from pathlib import Path

from daemon.sandbox.audit import audit
from daemon.sandbox.book import Finding
from daemon.sandbox.folder_erp import FolderErp
from daemon.sandbox.market import Event, Pace, life
from daemon.sandbox.remote import Remote
from tests.support.ledgers import OpenRow, open_rows, rows_left_open
from tests.support.process import Daemon, running, write_config

_LIVELY = Pace(
    acceptance_delay=1.0,
    late_share=0.15,
    late_delay=6.0,
    edit_share=0.4,
    edit_delay=2.0,
    cancel_share=0.12,
    reaccept_share=0.5,
)
#: What goes wrong at the API meanwhile, with which chance. Nothing that makes a `seen` land later than it was sent: what it
#: then covers, nobody can help (A17).
_FAULTS = (
    ("reset", "*", 0.02),
    ("lost_answer", "external", 0.1),
    ("lost_answer", "seen", 0.1),
    ("lost_answer", "list", 0.02),
    ("503", "*", 0.02),
    ("429", "*", 0.02),
    ("truncated", "list", 0.02),
    ("broken_json", "edited", 0.02),
    ("expired_token", "*", 0.02),
)
#: Sweeps and doubts in a hurry; the overlap is so short that late acceptances are left to the sweeps.
_HURRY = {
    "CONSENTIO_SYNC__SYNC__POLL_INTERVAL": "200ms",
    "CONSENTIO_SYNC__SYNC__OVERLAP": "2s",
    "CONSENTIO_SYNC__SYNC__NEAR_SWEEP_INTERVAL": "2s",
    "CONSENTIO_SYNC__SYNC__WIDE_SWEEP_INTERVAL": "30s",
    "CONSENTIO_SYNC__SYNC__WIDE_SWEEP_HORIZON": "7d",
    "CONSENTIO_SYNC__DELIVERY__BACKOFF_INITIAL": "100ms",
    "CONSENTIO_SYNC__DELIVERY__BACKOFF_MAX": "1s",
    "CONSENTIO_SYNC__DELIVERY__LEASE": "1s",
    "CONSENTIO_SYNC__DELIVERY__CALL_TIMEOUT": "1s",
    "CONSENTIO_SYNC__DELIVERY__DOUBT_MARGIN": "1s",
    "CONSENTIO_SYNC__BRAKES__FLOOR": "1000000",
    "CONSENTIO_SYNC__DATABASE__AUTO_MIGRATE": "true",
}
#: What the killer waits for: documents staged or shown, a doubt settled, or requests of these routes. It strikes up to so many
#: seconds later.
_TRIGGERS = ("staged", "shown", "settled", "staged", "list", "staged", "settled", "seen", "shown", "staged", "external", "edited")
_LATER_S = 0.015
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One kill test. `orders_per_second` is how fast the market goes, seen over its whole life; `patience_s` how long the killer
    waits for his moment, and both sides for each other in the end.
    """

    name: str
    database: str
    date_filter: str = "created"
    orders: int = 300
    kills: int = 10
    orders_per_second: float = 15.0
    patience_s: float = 90.0
    seed: int = 7


@dataclass(frozen=True, slots=True)
class Kill:
    """Where one kill landed: `opened` are the open rows that it left, `older` those that a kill before had left and nobody has
    settled yet.
    """

    trigger: str
    is_inside_cycle: bool
    opened: Sequence[OpenRow]
    older: Sequence[OpenRow]

    def __str__(self) -> str:
        where = "inside a cycle" if self.is_inside_cycle else "between cycles"
        rows = ", ".join(map(str, self.opened[:_SHOWN])) + (", ..." if len(self.opened) > _SHOWN else "")
        return f"kill -9 at {self.trigger:<9}{where}; open rows: {len(self.older)} older, {len(self.opened)} new {rows}"


@dataclass(slots=True)
class Account:
    """What a kill test found out. `deeds` counts what happened on the market."""

    kills: list[Kill] = field(default_factory=list)
    deeds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    left_open: list[OpenRow] = field(default_factory=list)
    code: int | None = None
    seconds: float = 0.0

    @property
    def with_open_rows(self) -> int:
        return sum(bool(kill.opened) for kill in self.kills)

    @property
    def inside_cycles(self) -> int:
        return sum(kill.is_inside_cycle for kill in self.kills)

    def __str__(self) -> str:
        return (
            f"{dict(self.deeds)}, {len(self.kills)} kills, {self.inside_cycles} of them inside a cycle and {self.with_open_rows} "
            f"with new open rows; {len(self.findings)} findings, {self.seconds:.0f} s"
        )


def run_kills(plan: Plan, folder: Path, say: Callable[[str], None] = print) -> Account:
    """Does all of it in an empty folder; `say` hears of each kill as it lands."""
    began = time.monotonic()
    with Remote.started("--pace", "0", "--seed", str(plan.seed), "--date-filter", plan.date_filter) as market:
        folder.mkdir(exist_ok=True)
        write_config(folder, market.url, database=plan.database)
        test = KillTest(plan, folder, market, say)
        with test.erp:
            test.kill_often()
            test.come_to_rest()
        test.erp.import_some()
        test.account.findings = audit(market.state(), test.erp.book)
    test.account.left_open = rows_left_open(plan.database)
    test.account.seconds = time.monotonic() - began
    say(f"{plan.name}: {test.account}")
    return test.account


class KillTest:
    """One market, one ERP, and one daemon after the other."""

    def __init__(self, plan: Plan, folder: Path, market: Remote, say: Callable[[str], None]) -> None:
        self.account = Account()
        self.erp = FolderErp(folder / "erp" / "inbox", seed=plan.seed)
        self._plan = plan
        self._folder = folder
        self._market = market
        self._say = say
        self._chance = random.Random(f"{plan.seed}/kills")
        self._rows: list[OpenRow] = []

    def kill_often(self) -> None:
        """Each daemon lives through its portion of the market's course, and not to the end."""
        for kind, route, rate in _FAULTS:
            self._market.fault(kind, route, rate=rate, times=None)
        for trigger, portion in zip(cycle(_TRIGGERS), _portions(self._plan), strict=False):
            with self._trading(portion):
                kill = self._live_and_die(trigger)
            self.account.kills.append(kill)
            self._say(f"{self._plan.name}: {kill}")

    def come_to_rest(self) -> None:
        """The last daemon lives until both sides hold the same, and is then asked to stop."""
        self._market.clear_faults()
        with running(self._folder, **_HURRY) as daemon:
            self._wait(lambda: self._is_at_rest() or daemon.is_over, interval=0.2)
            self.account.code = daemon.end(signal.SIGTERM)

    def _live_and_die(self, trigger: str) -> Kill:
        trigger = "list" if trigger == "settled" and not self._rows else trigger
        born = datetime.now(UTC)
        with running(self._folder, **_HURRY) as daemon:
            has_come, interval = self._watch(trigger)
            in_vain = not self._wait(lambda: has_come() or daemon.is_over, interval=interval)
            assert not daemon.is_over, f"the daemon ended by itself: {daemon.text}"
            time.sleep(self._chance.uniform(0, _LATER_S))  # not to wait for anything: to strike at any instruction
        older, self._rows = self._rows, rows_left_open(self._plan.database)
        return Kill(
            f"{trigger} (in vain)" if in_vain else trigger,
            is_inside_cycle=self._was_inside_cycle(daemon, born),
            opened=[row for row in self._rows if row not in older],
            older=[row for row in self._rows if row in older],
        )

    def _watch(self, trigger: str) -> tuple[Callable[[], bool], float]:
        """A question, whether it has happened since now, and how often it may be asked: what is cheap, more often."""
        if trigger == "settled":
            return lambda: not set(self._rows) <= set(open_rows(self._plan.database)), 0.05
        if trigger in ("staged", "shown"):
            folder = self._folder / "erp" / (".staging" if trigger == "staged" else "inbox")
            before = _names(folder)
            return lambda: bool(_names(folder) - before), 0.0005
        asked = self._market.count(trigger)
        return lambda: self._market.count(trigger) > asked, 0.005

    def _was_inside_cycle(self, daemon: Daemon, born: datetime) -> bool:
        """A request after the last cycle's last line belongs to a cycle that has not come to its end."""
        asked = self._market.last_asked()
        return asked is not None and asked > max(born, _last_cycle(daemon))

    @contextmanager
    def _trading(self, portion: Sequence[Event]) -> Iterator[None]:
        """The market goes on meanwhile, daemon or no daemon."""
        trader = threading.Thread(target=self._trade, args=(portion,))
        trader.start()
        try:
            yield
        finally:
            trader.join()

    def _trade(self, portion: Sequence[Event]) -> None:
        gap = self._plan.orders / self._plan.orders_per_second / self._plan.kills / len(portion)
        for event in portion:
            _, could_happen = self._market.play(event)
            self.account.deeds[event.do] += could_happen
            time.sleep(gap)  # the market's own pace

    def _wait(self, condition: Callable[[], bool], *, interval: float) -> bool:
        """Whether the condition came to hold within the plan's patience."""
        deadline = time.monotonic() + self._plan.patience_s
        while not (holds := condition()) and time.monotonic() < deadline:
            time.sleep(interval)
        return holds

    def _is_at_rest(self) -> bool:
        if self.erp.waiting or open_rows(self._plan.database):
            return False
        state = self._market.state()
        with self.erp.lock:
            return not audit(state, self.erp.book)


def _portions(plan: Plan) -> list[list[Event]]:
    """The whole course of the market, in as many parts as there are kills."""
    lives = (life(plan.seed, n, born=n / plan.orders_per_second, pace=_LIVELY) for n in range(plan.orders))
    course = sorted(chain.from_iterable(lives))
    ends = [len(course) * number // plan.kills for number in range(plan.kills + 1)]
    return [course[start:end] for start, end in pairwise(ends)]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.json")}


def _last_cycle(daemon: Daemon) -> datetime:
    """When the last cycle was done, by the daemon's log, whose last line the kill may have cut."""
    for line in reversed(daemon.lines):
        if '"cycle.done"' in line and line.endswith("}\n"):
            return datetime.fromisoformat(json.loads(line)["ts"])
    return datetime.min.replace(tzinfo=UTC)
