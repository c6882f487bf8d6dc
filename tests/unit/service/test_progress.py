"""Whether work goes on, seen from outside the cycles."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from daemon.config.settings import Settings
from daemon.domain.pause import Direction, Pause
from daemon.errors import ErpUnavailable
from daemon.service.progress import Progress, patience_of
from daemon.service.pulse import Pulse
from daemon.sync.cycle import Report

PAUSE = Pause(direction=Direction.DELIVER, who="me", since=datetime.now(UTC), reason="stocktaking")
SETTINGS = Settings(workspaces=[{"id": 7, "api_key_env": "KEY"}], erp={"default": {"adapter": "files"}})


class Post:
    """A post whose cycle a test moves, or does not."""

    def __init__(self, clock) -> None:
        self.pulse = Pulse("7", timedelta(minutes=1), clock=clock)
        self.running = None
        self.cuts = 0

    def cut(self) -> None:
        self.cuts += 1


class House:
    """One post, and a clock that the test owns."""

    def __init__(self) -> None:
        self.now = 0.0
        self.post = Post(lambda: self.now)
        crew = SimpleNamespace(house=SimpleNamespace(settings=SETTINGS), posts={"7": self.post})
        self.progress = Progress(crew, clock=lambda: self.now)

    async def after(self, seconds: float) -> list[tuple[str, str]]:
        """What is told at a look, so many seconds later."""
        self.now += seconds
        with capture_logs() as told:
            await self.progress.look()
        return [(line["event"], line["direction"]) for line in told]


@pytest.fixture
def house():
    return House()


async def test_a_direction_that_went_well_too_long_ago_is_told_once(house):
    """Even when no cycle runs at all; and when it is over."""
    house.post.pulse.turned(Report())
    quiet = await house.after(14 * 60)
    house.post.pulse.turned(Report(troubles={Direction.DELIVER: ErpUnavailable("down")}))
    told = await house.after(2 * 60)
    again = await house.after(60)
    house.post.pulse.turned(Report())

    assert (quiet, again) == ([], [])
    assert told == [("progress.stalled", "deliver")]
    assert await house.after(1) == [("progress.resumed", "deliver")]


async def test_a_workspace_that_another_daemon_leads_is_not_stalled(house):
    """Its leader tells; after a takeover the time begins anew."""
    house.post.pulse.stand_by()
    standing_by = await house.after(3600)
    house.post.pulse.lead()

    assert (standing_by, await house.after(60)) == ([], [])
    assert len(await house.after(16 * 60)) == len(Direction)


async def test_a_direction_that_a_person_lets_rest_is_not_stalled(house):
    """Readiness tells of the pause; when it ends the time begins anew."""
    house.post.pulse.turned(Report(paused={Direction.DELIVER: PAUSE}))
    house.now += 3600
    house.post.pulse.turned(Report(paused={Direction.DELIVER: PAUSE}))

    assert await house.after(60) == []


async def test_a_cycle_in_which_nothing_moves_is_cut_off(house):
    """One that asks and records goes on as long as it likes."""
    patience = patience_of(SETTINGS).total_seconds()
    house.post.running = SimpleNamespace(client=SimpleNamespace(request_count=0), store=SimpleNamespace(commits=0))
    for _ in range(5):
        house.post.running.store.commits += 1
        await house.after(patience - 1)
    moving = house.post.cuts
    await house.after(patience + 1)

    assert (moving, house.post.cuts) == (0, 1)
