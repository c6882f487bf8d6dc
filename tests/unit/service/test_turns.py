"""One workspace's cycles, whatever they end with."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from daemon.domain.pause import Direction
from daemon.domain.tally import Tally
from daemon.errors import (
    DatabaseError,
    Deposed,
    ErpUnavailable,
    MarketplaceRefused,
    MarketplaceUnavailable,
    StoreUnavailable,
    WorkspaceLocked,
)
from daemon.service.pulse import Pulse
from daemon.service.turns import Turns
from daemon.sync.cycle import Report
from tests.support.waiting import wait_until

HANGS = Report()


class Lane:
    """Cycles end as the test says, one after the other."""

    def __init__(self, *ends: Report | Exception) -> None:
        self.ends = list(ends)
        self.way = SimpleNamespace(
            store=SimpleNamespace(leadership=SimpleNamespace(epoch=4)), memory=SimpleNamespace(erp_is_away=False)
        )

    async def cycle(self, _patience_s: float) -> Report:
        end = self.ends.pop(0)
        if end is HANGS:
            await asyncio.Event().wait()
        if isinstance(end, Exception):
            raise end
        return end


async def turned(*ends: Report | Exception) -> tuple[list[dict], Pulse, list[Exception]]:
    """What was told, the pulse, and what ended the process."""
    pulse, fatal = Pulse("123", timedelta(minutes=1)), []
    turns, lane = Turns(pulse, fatal.append), Lane(*ends)
    with capture_logs() as told:
        for _ in ends:
            await turns.turn(lane)
    return told, pulse, fatal


def cut_off(direction: Direction, trouble: Exception) -> Report:
    return Report(troubles={direction: trouble})


async def test_a_cycle_ends_in_one_line():
    """At info with its tally when something happened, at debug when nothing did."""
    told, pulse, _ = await turned(Report(tally=Tally(fetched=1, created=1)), Report(tally=Tally(fetched=1, unchanged=1)))

    assert [(line["event"], line["log_level"]) for line in told] == [("cycle.done", "info"), ("cycle.done", "debug")]
    assert told[0]["created"] == 1
    assert pulse.not_ready() == {}


async def test_a_bug_is_told_with_its_traceback_and_the_next_cycle_runs():
    """Nothing that a cycle raises ends the daemon, unless it never heals."""
    told, pulse, fatal = await turned(KeyError("x"), Report())

    assert [line["event"] for line in told] == ["cycle.failed", "cycle.done"]
    assert isinstance(told[0]["exc_info"], KeyError)
    assert (pulse.cycles, pulse.failures, fatal) == (2, 1, [])


@pytest.mark.parametrize("error", [DatabaseError("disk full"), WorkspaceLocked("held")])
async def test_what_waiting_does_not_mend_ends_the_process(error):
    """The process ends with the error's own exit code."""
    _, _, fatal = await turned(error)

    assert fatal == [error]


@pytest.mark.parametrize("error", [StoreUnavailable("restarting"), Deposed()])
async def test_a_lost_database_is_told_at_its_two_edges(error):
    """However long it lasts, there are two lines about it."""
    told, pulse, fatal = await turned(error, error, Report())

    assert [line["event"] for line in told] == ["store.lost", "store.recovered", "cycle.done"]
    assert (pulse.failures, fatal) == (2, [])


async def test_each_end_has_its_own_outage():
    """Consentio and the ERP are lost and found by themselves, a refusal with its remedy."""
    refused = MarketplaceRefused("key refused", remedy="Get a new key.")
    told, _, fatal = await turned(
        cut_off(Direction.COLLECT, refused),
        cut_off(Direction.COLLECT, refused),
        cut_off(Direction.DELIVER, ErpUnavailable("down")),
        cut_off(Direction.ACKNOWLEDGE, MarketplaceUnavailable("503")),
        Report(),
    )

    edges = [line["event"] for line in told if line["event"] != "cycle.done"]
    assert edges == ["api.lost", "api.recovered", "erp.lost", "api.lost", "erp.recovered", "api.recovered"]
    assert told[0]["remedy"] == "Get a new key."
    assert fatal == []


async def test_an_erp_that_nobody_asked_is_not_back():
    """With nothing due after an outage, only the next good call says that the ERP is back."""
    lane = Lane(cut_off(Direction.DELIVER, ErpUnavailable("down")), Report(), Report())
    turns = Turns(Pulse("123", timedelta(minutes=1)), lambda _: None)

    with capture_logs() as told:
        await turns.turn(lane)
        lane.way.memory.erp_is_away = True
        await turns.turn(lane)
        quiet = [line["event"] for line in told]
        lane.way.memory.erp_is_away = False
        await turns.turn(lane)

    assert "erp.recovered" not in quiet
    assert told[-2]["event"] == "erp.recovered"


async def test_a_cycle_that_hangs_can_be_cut_off():
    """It is told, readiness says it, and the next cycle runs."""
    pulse, fatal = Pulse("123", timedelta(minutes=1)), []
    turns, lane = Turns(pulse, fatal.append), Lane(HANGS, Report())

    with capture_logs() as told:
        turn = asyncio.create_task(turns.turn(lane))
        limit = await wait_until(lambda: turns.limit)
        limit.reschedule(0)
        await turn
        reasons = dict(pulse.not_ready())
        await turns.turn(lane)

    assert [line["event"] for line in told] == ["cycle.cut", "cycle.done"]
    assert "was cut off" in reasons["collect"]
    assert (turns.limit, pulse.not_ready(), fatal) == (None, {}, [])
