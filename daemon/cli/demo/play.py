"""What the demo shows: a market that lives for a while, an outage, a kill -9, and the reckoning."""

import heapq
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from operator import itemgetter
from pathlib import Path

from daemon.cli.demo.child import DaemonProcess
from daemon.cli.demo.summary import summarize
from daemon.cli.demo.teller import Teller
from daemon.sandbox.audit import audit
from daemon.sandbox.folder_erp import Answers, FolderErp
from daemon.sandbox.market import Event, Pace, events
from daemon.sandbox.remote import Remote

_API_KEY = "sk_test_demo"
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What happens when, in seconds from the opening of the market."""

    pace: Pace
    closing: float
    outage: float
    outage_end: float
    kill: float
    restart: float


USUAL = Script(
    pace=Pace(
        orders_per_minute=40,
        acceptance_delay=2,
        late_share=0.15,
        late_delay=12,
        edit_share=0.4,
        edit_delay=5,
        cancel_share=0.15,
        reaccept_share=0.5,
    ),
    closing=44,
    outage=11,
    outage_end=17,
    kill=26,
    restart=28,
)
FAST = Script(
    pace=Pace(
        orders_per_minute=160,
        acceptance_delay=0.5,
        late_share=0.15,
        late_delay=3,
        edit_share=0.4,
        edit_delay=1.5,
        cancel_share=0.15,
        reaccept_share=0.5,
    ),
    closing=9,
    outage=2.5,
    outage_end=4.5,
    kill=6,
    restart=6.5,
)

Act = tuple[float, Callable[[], None]]


class Play:
    """One performance in one folder."""

    def __init__(self, folder: Path, *, script: Script, seed: int) -> None:
        self._folder = folder
        self._script = script
        self._seed = seed
        self._teller = Teller()

    def perform(self) -> bool:
        """Whether the ERP holds in the end what the market holds."""
        tell = self._teller.tell
        with Remote.started("--pace", "0", "--seed", str(self._seed), "--api-key", _API_KEY) as market:
            tell("an imitated Consentio opens; so do the daemon, and an ERP that imports from a folder")
            with DaemonProcess(self._folder, url=market.url, api_key=_API_KEY) as daemon:
                with self._erp(daemon) as erp:
                    self._trade(market, daemon, erp)
                tell("the daemon is asked to stop")
                code = daemon.stop()
            erp.import_some()
            balances = summarize(market.state(), erp.book, self._teller)
        if code != 0:
            tell(f"the daemon ended with {code}, not with 0")
        return balances and code == 0

    def _erp(self, daemon: DaemonProcess) -> FolderErp:
        answers = Answers(daemon.erp / "replies", refusal_share=0.15)
        return FolderErp(daemon.erp / "inbox", seed=self._seed, pause=1.0, tell=self._teller.imported, answers=answers)

    def _trade(self, market: Remote, daemon: DaemonProcess, erp: FolderErp) -> None:
        _wait(lambda: market.count("list") > 0 or not daemon.is_alive)
        if not daemon.is_alive:
            return
        opened = time.monotonic()
        for moment, act in self._acts(market, daemon):
            time.sleep(max(0.0, opened + moment - time.monotonic()))
            act()
        self._teller.tell("the market closes; what is under way may still arrive")
        _wait(lambda: _balances(market, erp) or not daemon.is_alive)

    def _acts(self, market: Remote, daemon: DaemonProcess) -> Iterator[Act]:
        script = self._script
        course = takewhile(lambda event: event.after < script.closing, events(self._seed, script.pace))
        daily: Iterator[Act] = ((event.after, partial(self._happen, market, event)) for event in course)
        incidents: list[Act] = [
            (script.outage, partial(self._begin_outage, market)),
            (script.outage_end, partial(self._end_outage, market)),
            (script.kill, partial(self._kill, market, daemon)),
            (script.restart, partial(self._restart, daemon)),
        ]
        return heapq.merge(daily, incidents, key=itemgetter(0))

    def _happen(self, market: Remote, event: Event) -> None:
        order, could_happen = market.play(event)
        if could_happen:
            self._teller.happened(event.do, order)

    def _begin_outage(self, market: Remote) -> None:
        self._teller.tell(f"Consentio goes away for {self._script.outage_end - self._script.outage:g} seconds")
        market.outage()

    def _end_outage(self, market: Remote) -> None:
        market.clear_faults()
        self._teller.tell("Consentio is back")

    def _kill(self, market: Remote, daemon: DaemonProcess) -> None:
        """In the middle of a delivery, if one can be met."""
        for _ in range(3):
            order = market.place()
            market.do(order, "accept")
            self._teller.happened("accept", order)
        _wait(lambda: any((daemon.erp / ".staging").glob("*")), patience=5.0, interval=0.0005)
        daemon.kill()
        self._teller.tell("kill -9 hits the daemon; orders go on")

    def _restart(self, daemon: DaemonProcess) -> None:
        self._teller.tell("the daemon starts again: whatever it had begun, it asks about before it does anything")
        daemon.start()


def _balances(market: Remote, erp: FolderErp) -> bool:
    if erp.waiting:
        return False
    state = market.state()
    with erp.lock:
        return not audit(state, erp.book)


def _wait(condition: Callable[[], bool], *, patience: float = _PATIENCE_S, interval: float = 0.1) -> None:
    """Until the condition holds, or patience ends: what is wrong then, the summary says."""
    deadline = time.monotonic() + patience
    while not condition() and time.monotonic() < deadline:
        time.sleep(interval)
