"""The state machine: hypothesis draws what people, machines and the network do; the stage tells it in plain words."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ClassVar
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.domain.order import Status
from daemon.sync import deliver, relief
from daemon.testing import FakeErpSettings, Oddities
from tests.support.torture import sqlite
from tests.support.torture.outside import ERP_CALLS, ERP_FAULTS, MARKET_CALLS, MARKET_FAULTS, Fault
from tests.support.torture.process import Process
from tests.support.torture.stage import MORNINGS, RULES, Scenery, Stage
from tests.support.torture.truth import Broken

#: The kinds of ERP, by what they answer and refuse.
ERPS = {
    "asks creates": FakeErpSettings(),
    "asks every key": FakeErpSettings(find="every", group_size=10),
    "refuses a second key": FakeErpSettings(refuses_second_key=True),
    "a cancel deletes": FakeErpSettings(cancel_deletes=True),
    "asks every key, a cancel deletes": FakeErpSettings(find="every", cancel_deletes=True),
    "cannot be asked": FakeErpSettings(find="nothing", read=False),
    "only refuses a second key": FakeErpSettings(find="nothing", refuses_second_key=True),
    "tells its news, and is followed": FakeErpSettings(reports=True),
}
#: Where a process is stopped: between any two awaits on the outside world.
DOORS = (
    *("committed", "committed", None, None, "erp: before create", "erp: after create", "erp: before update", "erp: after update"),
    *("erp: before cancel", "erp: after cancel", "erp: after find", "erp: after read", "market: after list accepted"),
    *("market: after list canceled", "market: after edited", "market: before references", "market: after references"),
    *("market: before seen", "market: after seen", ""),
)
EFFECTS = ("create", "update", "cancel")
_SECONDS = st.sampled_from((1, 15, 35, 75, 75, 300, 700, 4_000))
_NUMBERS, _BOXES = st.integers(0, 2), st.integers(1, 4)
_DEEDS = st.sampled_from(("edit", "edit", "cancel", "place", "place pending", "edit backwards"))
_ERP_FAULTS = st.sampled_from(ERP_FAULTS)
_SELDOM = st.sampled_from([False, False, True])
_ODDITIES = st.builds(
    Oddities,
    filter_by=st.sampled_from(["updated", "created", "accepted", "delivery"]),
    seen_covers=st.sampled_from(["now", "listed"]),
    keeps_listing=st.booleans(),
    edited_lists_cancels=st.booleans(),
    echoes_references=st.booleans(),
    stamp_stands_still=st.booleans(),
)
_DOORS = st.sampled_from(DOORS)
_SKEWS = st.sampled_from([0, 600, -600, 3_600, -3_600, 3 * 86_400, -3 * 86_400]).map(lambda s: timedelta(seconds=s))


#: One step of a schedule, to be taken again: the rule and its arguments.
Deed = tuple[str, dict[str, Any]]


def deed(**strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """A rule whose every use is remembered."""

    def remembering(work: Callable[..., None]) -> Any:
        @wraps(work)
        def done(self: "Machine", **arguments: Any) -> None:
            self.deeds.append((work.__name__, arguments))
            work(self, **arguments)

        return rule(**strategies)(done)

    return remembering


class Machine(RuleBasedStateMachine):
    """One schedule. Subclasses name the ERP, and may hear of each schedule when it has ended."""

    erp: ClassVar[FakeErpSettings] = ERPS["asks creates"]

    def __init__(self) -> None:
        super().__init__()
        self.stage: Stage
        self.beginning: dict[str, Any] = {}
        self.deeds: list[Deed] = []
        self.error: BaseException | None = None
        self._open = ExitStack()
        self._open.enter_context(sqlite.without_threads())
        # Else a schedule would need hundreds of new orders before one is delivered while others are still collected.
        for module, name, value in ((relief, "WORTH_IT", 1), (deliver, "_REMAINDER", 1_000)):
            self._open.enter_context(patch.object(module, name, value))
        folder = self._open.enter_context(sqlite.folder_in_memory())
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)

    def run(self, deed: Awaitable[Any]) -> Any:
        """Do it; what breaks ends the schedule."""
        try:
            return self._loop.run_until_complete(deed)
        except BaseException as error:
            self.error = error
            raise

    @initialize(oddities=_ODDITIES, morning=st.sampled_from(MORNINGS), boxes=_BOXES)
    def begin(self, oddities: Oddities, morning: datetime, boxes: int) -> None:
        self.beginning = {"oddities": oddities, "morning": morning, "boxes": boxes}
        rules = replace(RULES, cancel_on_consentio=self.erp.reports)
        self.stage = Stage(Scenery(erp=self.erp, oddities=oddities, morning=morning), self._folder, rules=rules)
        self.stage.tell(f"the ERP is {self.erp}; the marketplace {oddities}")
        self.run(self.stage.run(self.stage.a))
        self.stage.place(accepted=True, boxes=boxes)

    # ---- people, and the daemon at once

    def order(self, number: int) -> str:
        return self.stage.orders[number % len(self.stage.orders)]

    def change(self, number: int, deed: str, boxes: int) -> None:
        """One deed of a buyer or a seller; what makes no sense now is another one that does."""
        order_id = self.order(number)
        is_accepted = self.stage.market.order(order_id).status is Status.ACCEPTED
        if deed in ("place", "place pending") and len(self.stage.orders) < 3:
            self.stage.place(accepted=deed == "place", boxes=boxes)
        elif not is_accepted:
            self.stage.accept(order_id)
        elif deed == "cancel":
            self.stage.cancel(order_id)
        else:
            self.stage.edit(order_id, boxes, backwards=deed == "edit backwards")

    @deed(number=_NUMBERS, deed=_DEEDS, boxes=_BOXES)
    def people(self, number: int, deed: str, boxes: int) -> None:
        self.change(number, deed, boxes)

    @deed(number=_NUMBERS, deed=_DEEDS, boxes=_BOXES, door=_DOORS)
    def people_and_step(self, number: int, deed: str, boxes: int, door: str | None) -> None:
        self.change(number, deed, boxes)
        self.run(self.stage.run(self.stage.a, door))

    @deed(number=_NUMBERS, deed=_DEEDS, boxes=_BOXES, call=st.sampled_from(EFFECTS), fault=_ERP_FAULTS)
    def people_and_fault(self, number: int, deed: str, boxes: int, call: str, fault: Fault) -> None:
        self.change(number, deed, boxes)
        self.stage.disturb("erp", call, fault)
        self.run(self.stage.run(self.stage.a))

    @deed(number=_NUMBERS, deeds=st.tuples(_DEEDS, _DEEDS), boxes=st.tuples(_BOXES, _BOXES))
    def people_twice(self, number: int, deeds: tuple[str, str], boxes: tuple[int, int]) -> None:
        """Two deeds between two polls; two edits may end where they began."""
        for deed, amount in zip(deeds, boxes, strict=True):
            self.change(number, deed, amount)

    # ---- daemons

    def daemon(self, is_second: bool) -> Process:
        return self.stage.b if is_second else self.stage.a

    @deed(is_second=_SELDOM, door=_DOORS)
    def step(self, is_second: bool, door: str | None) -> None:
        self.run(self.stage.run(self.daemon(is_second), door))

    @deed(seconds=_SECONDS, door=_DOORS)
    def wait_and_step(self, seconds: int, door: str | None) -> None:
        self.run(self.stage.wait(seconds))
        self.run(self.stage.run(self.stage.a, door))

    @deed(seconds=_SECONDS, times=st.integers(1, 3))
    def live(self, seconds: int, times: int) -> None:
        for _ in range(times):
            self.run(self.stage.wait(seconds))
            self.run(self.stage.run(self.stage.a))

    @deed(is_second=_SELDOM)
    def kill(self, is_second: bool) -> None:
        if self.daemon(is_second).is_up:
            self.run(self.stage.kill(self.daemon(is_second)))

    @deed(seconds=_SECONDS)
    def overtake(self, seconds: int) -> None:
        """The first daemon stands still, loses the lock, and the second one leads."""
        self.stage.lose_lock()
        self.run(self.stage.wait(seconds))
        self.run(self.stage.run(self.stage.b))

    # Limits of the promise: an ERP that cannot be asked cannot say what a database forgot.
    @precondition(lambda self: self.erp.find != "nothing")
    @deed(number=st.integers(0, 3), back_up=st.booleans())
    def copy(self, number: int, back_up: bool) -> None:
        if back_up:
            self.stage.back_up()
        else:
            self.run(self.stage.restore(number))

    # ---- the network, the clocks, the ERP

    @deed(call=st.sampled_from(ERP_CALLS), fault=_ERP_FAULTS)
    def disturb_erp(self, call: str, fault: Fault) -> None:
        self.stage.disturb("erp", call, fault)

    @deed(call=st.sampled_from(MARKET_CALLS), fault=st.sampled_from(MARKET_FAULTS))
    def disturb_market(self, call: str, fault: Fault) -> None:
        self.stage.disturb("market", call, fault)

    @deed(date=_SKEWS, wall=_SKEWS)
    def skew(self, date: timedelta, wall: timedelta) -> None:
        self.stage.skew(date=date, wall=wall)

    @deed(number=_NUMBERS, what=st.sampled_from(["land", "outage", "gap", "poison"]))
    def trouble(self, number: int, what: str) -> None:
        if what == "land":
            self.stage.land_oldest()
        elif what == "poison":
            self.stage.spoil_or_mend(self.order(number))
        else:
            self.stage.begin_or_end(what)

    @deed(number=_NUMBERS, deed=st.sampled_from(["edits", "cancels", "deletes", "ships", "copies"]), meant=_SELDOM)
    def clerk(self, number: int, deed: str, meant: bool) -> None:
        if meant:
            self.stage.clerk(self.order(number), deed)

    # ---- the promise

    @invariant()
    def nothing_doubled_nothing_early(self) -> None:
        if hasattr(self, "stage"):
            try:
                self.stage.truth.during()
            except AssertionError as error:
                self.error = error
                raise

    def teardown(self) -> None:
        """All becomes healthy; then the promise must hold. A schedule that has already failed is only cleared away."""
        try:
            if hasattr(self, "stage") and self.error is None:
                self.run(self._end())
        finally:
            self._close()

    async def _end(self) -> None:
        await self.stage.quiet()
        await self.stage.read_states()
        self.stage.truth.verdict()
        if effects := await self.stage.rest():
            raise Broken("stuck", f"{effects} effects on the ERP after everything was settled")
        self.stage.truth.during()

    def _close(self) -> None:
        if hasattr(self, "stage"):
            self._loop.run_until_complete(self.stage.close())
            self.ended()
        self._loop.close()
        self._open.close()

    def ended(self) -> None:
        """The schedule is over; `error` says what broke, if anything did."""
