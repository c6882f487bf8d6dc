"""The main job: an imitated market, the real daemon, and a real Tryton, with clerks at work, a network that breaks, and kills."""

import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from urllib.parse import urlsplit

from daemon.sandbox.book import Finding
from daemon.sandbox.market import Event, Pace, life
from daemon.sandbox.remote import Remote
from tests.support.ledgers import open_rows, rows_left_open
from tests.support.process import Daemon, running, write_config
from tests.support.proxy import Proxy
from tests.support.tryton import DATABASE, Tryton
from tests.support.tryton_book import Sale, audit, parked, read_book
from tests.support.tryton_rpc import Fault, Rpc
from tests.support.tryton_shop import mapping
from tests.support.waiting import wait_until_sync

_LIVELY = Pace(
    acceptance_delay=1.0,
    late_share=0.1,
    late_delay=3.0,
    edit_share=0.4,
    edit_delay=2.0,
    cancel_share=0.15,
    reaccept_share=0.5,
)
#: What breaks between the daemon and Tryton: which requests, how, and with which chance.
_FAULTS = (
    ("lost", "POST .*/sale.sale[?]", 0.15),
    ("late", "POST .*/sale.sale[?]", 0.03),
    ("lost", "PUT |/(draft|quote|cancel)", 0.06),
    ("502 after", "PUT |/(draft|quote|cancel)", 0.04),
    ("unsent", "POST |PUT ", 0.02),
    ("502", "GET ", 0.02),
)
_HURRY = {
    "CONSENTIO_SYNC__SYNC__POLL_INTERVAL": "300ms",
    "CONSENTIO_SYNC__SYNC__OVERLAP": "5s",
    "CONSENTIO_SYNC__SYNC__NEAR_SWEEP_INTERVAL": "2s",
    "CONSENTIO_SYNC__SYNC__WIDE_SWEEP_INTERVAL": "30s",
    "CONSENTIO_SYNC__DELIVERY__BACKOFF_INITIAL": "100ms",
    "CONSENTIO_SYNC__DELIVERY__BACKOFF_MAX": "1s",
    "CONSENTIO_SYNC__DELIVERY__LEASE": "1s",
    "CONSENTIO_SYNC__DELIVERY__CALL_TIMEOUT": "5s",
    "CONSENTIO_SYNC__DELIVERY__DOUBT_MARGIN": "1s",
    "CONSENTIO_SYNC__BRAKES__FLOOR": "1000000",
}
_TIMEOUT_S = 4.0
#: The daemon must be seen to write before it is killed.
_WRITES = ("POST /tryton/rest/model/sale.sale?", "PUT ", "/quote")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much happens. The market goes through so many orders in so many seconds."""

    orders: int = 50
    seconds: float = 28.0
    kills: int = 3
    confirmations: int = 8
    #: How many sales a clerk cancels, though Consentio has them as accepted.
    cancellations: int = 2
    patience_s: float = 120.0
    seed: int = 11


@dataclass(slots=True)
class Account:
    """What came of it."""

    deeds: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    #: What the clerk pressed: confirm, cancel.
    pressed: Counter[str] = field(default_factory=Counter)
    open_at_kills: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    sales: list[Sale] = field(default_factory=list)
    came_to_rest: bool = False
    code: int | None = None
    log: list[str] = field(default_factory=list)


def write_tryton_config(folder: Path, url: str, server: Tryton, *, at: str) -> None:
    """The daemon's config for a market and a Tryton that is reached at this address."""
    write_config(folder, url)
    config = folder / "config.toml"
    text = config.read_text().replace('adapter = "files"\nfolder = "erp"\n', _table(at, server))
    (folder / "tryton-key").write_text(server.key)
    config.write_text(text)


def _table(url: str, server: Tryton) -> str:
    says = mapping()
    contents = "\n".join(f"{json.dumps(sku)} = {{ box = {json.dumps(held['box'])} }}" for sku, held in says["contents"].items())
    return f"""\
adapter = "tryton"
base_url = "{url}"
database = "{DATABASE}"
key_file = "tryton-key"
timeout_s = {_TIMEOUT_S}
[erp.default.mapping]
time_zone = "{says["time_zone"]}"
units = {{ unit = "u" }}
[erp.default.mapping.contents]
{contents}
"""


def run_job(plan: Plan, folder: Path, server: Tryton, say: Callable[[str], None] = print) -> Account:
    """Does all of it in an empty folder."""
    with (
        Remote.started("--pace", "0", "--seed", str(plan.seed)) as market,
        Proxy(int(urlsplit(server.url).port or 0), seed=plan.seed) as proxy,
    ):
        write_tryton_config(folder, market.url, server, at=proxy.url)
        job = Job(plan, folder, market=market, proxy=proxy, rpc=server.rpc(), say=say)
        job.go_through_it()
        job.come_to_rest()
        return job.account


class Job:
    """One market, one Tryton with a clerk, and one daemon after the other."""

    def __init__(self, plan: Plan, folder: Path, *, market: Remote, proxy: Proxy, rpc: Rpc, say: Callable[[str], None]) -> None:
        self.account = Account()
        self._plan, self._folder, self._say = plan, folder, say
        self._market, self._proxy, self._rpc = market, proxy, rpc
        self._database = f"sqlite:///{folder / 'sync.db'}"
        self._chance = random.Random(f"{plan.seed}/job")

    def go_through_it(self) -> None:
        """The market lives; each daemon is killed while it writes, and the last one lives on."""
        for kind, match, rate in _FAULTS:
            self._proxy.fault(kind, match, times=None, rate=rate, seconds=_TIMEOUT_S + 0.5)
        *portions, last = _portions(self._plan)
        for number, portion in enumerate(portions, start=1):
            # Whatever chance brings, one answer of each daemon's is lost.
            self._proxy.fault("lost", "POST .*/sale.sale[?]" if number % 2 else "PUT |/quote")
            with running(self._folder, **_HURRY) as daemon:
                self._trade(daemon, portion)
                self._wait_for_a_write(daemon)
            self._tell_kill(number)
        with running(self._folder, **_HURRY) as daemon:
            self._trade(daemon, last, with_outage=True)
            # On a slow machine, clerks have had little to do so far.
            self._press_some("confirm", 2)
            self._press_some("cancel", self._plan.cancellations)
            self._say(f"the daemon is asked to stop: code {daemon.end(signal.SIGTERM)}")
            self.account.log += daemon.lines

    def come_to_rest(self) -> None:
        """Nothing breaks any more; both sides come to hold the same."""
        self._proxy.clear()
        account = self.account
        with running(self._folder, **_HURRY) as daemon:
            deadline = time.monotonic() + self._plan.patience_s
            while not (rests := self._is_at_rest()) and time.monotonic() < deadline and not daemon.is_over:
                time.sleep(0.3)  # the account is dear: not more often than that
            account.came_to_rest = rests
            account.code = daemon.end(signal.SIGTERM)
            account.log += daemon.lines
        account.struck = self._proxy.struck
        account.left = parked(self._folder / "sync.db")

    def _is_at_rest(self) -> bool:
        account = self.account
        try:
            account.sales = read_book(self._rpc)
        except Fault:  # a line that was found is gone: the daemon is still at work
            return False
        account.findings = audit(self._market.state(), account.sales, parked(self._folder / "sync.db"))
        return not account.findings and not open_rows(self._database)

    def _trade(self, daemon: Daemon, portion: Sequence[Event], *, with_outage: bool = False) -> None:
        gap = self._plan.seconds / (self._plan.kills + 1) / max(len(portion), 1)
        confirm_at = set(self._chance.sample(range(len(portion)), self._plan.confirmations // (self._plan.kills + 1)))
        for place, event in enumerate(portion):
            assert not daemon.is_over, f"the daemon ended by itself: {daemon.text}"
            _, could_happen = self._market.play(event)
            self.account.deeds[event.do] += could_happen
            if place in confirm_at:
                self._press("confirm")
            if with_outage and place == len(portion) // 3:
                threading.Thread(target=self._be_away).start()
            time.sleep(gap)  # the market's own pace

    def _press_some(self, button: str, times: int) -> None:
        for _ in range(times):
            wait_until_sync(lambda: self._press(button), timeout=self._plan.patience_s, what=f"a sale to {button}")

    def _press(self, button: str) -> bool:
        """A clerk presses a button of the oldest quotation, whatever the daemon is doing."""
        for sale in self._rpc.read("sale.sale", ["number"], ["state", "=", "quotation"])[:1]:
            try:
                self._rpc.call("sale.sale", button, [sale["id"]])
            except Fault:  # the daemon was faster, and made it a draft to edit it
                return False
            self.account.pressed[button] += 1
            self._say(f"a clerk presses {button} of sale {sale['number']}")
            return True
        return False

    def _be_away(self) -> None:
        self._say("Tryton is away: connections are refused")
        self._proxy.close()
        time.sleep(1.5)  # how long the outage lasts
        self._proxy.open()
        self._say("Tryton is back")

    def _wait_for_a_write(self, daemon: Daemon) -> None:
        before, deadline = len(self._proxy.asked), time.monotonic() + 3
        while time.monotonic() < deadline and not daemon.is_over:
            if any(write in line for line in self._proxy.asked[before:] for write in _WRITES):
                break
            time.sleep(0.002)  # the moment is short
        time.sleep(self._chance.uniform(0, 0.03))  # not to wait for anything: to strike at any instruction

    def _tell_kill(self, number: int) -> None:
        left = rows_left_open(self._database)
        self.account.open_at_kills.append(len(left))
        self._say(f"kill -9 number {number}; open rows: {', '.join(map(str, left)) or 'none'}")


def _portions(plan: Plan) -> list[list[Event]]:
    """The whole course of the market, in one part more than there are kills."""
    gap = plan.seconds / plan.orders
    course = sorted(chain.from_iterable(life(plan.seed, n, born=n * gap, pace=_LIVELY) for n in range(plan.orders)))
    ends = [len(course) * number // (plan.kills + 1) for number in range(plan.kills + 2)]
    return [course[start:end] for start, end in pairwise(ends)]
