import asyncio
from pathlib import Path

import pytest

from daemon.sandbox import External, Faults
from daemon.sandbox.deeds import Stage
from daemon.sandbox.scenario import BadScenario, ScenarioFailed, duration, load, play
from tests.support.waiting import wait_until

EXAMPLE = Path(__file__).parents[3] / "examples" / "scenario.toml"


@pytest.fixture
def stage(world, clock):
    """The parts that a scenario plays on."""
    return Stage(world, Faults(), clock)


@pytest.fixture
def written(tmp_path, world):
    """Writes a scenario file and loads it."""

    def write(text):
        path = tmp_path / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return load(path, world)

    return write


def test_durations_are_read():
    """Hours, minutes and seconds in one word, or bare seconds."""
    told = ["90s", "1m30s", "2h", "0.5s", 7]
    assert [duration(text) for text in told] == [90, 90, 7200, 0.5, 7]
    for nonsense in ("", "soon", "5 s", "s"):
        with pytest.raises(ValueError, match="no duration"):
            duration(nonsense)


def test_the_example_can_be_played(world):
    """The documented example loads, and loading it leaves no trace on the market."""
    assert load(EXAMPLE, world).name == "a Monday morning"
    assert world.orders == {}


async def test_steps_are_played_in_order(written, stage):
    """Orders go by their names, switches and faults are put, and the clock moves."""
    scenario = written("""
        [[step]]
        do = "place"
        order = "one"
        workspace = 456
        [[step]]
        at = "0.01s"
        do = "accept"
        order = "one"
        [[step]]
        do = "switch"
        date_filter = "accepted"
        [[step]]
        do = "fault"
        kind = 500
        [[step]]
        do = "advance"
        seconds = 60
    """)
    before = stage.clock()
    await play(scenario, stage)
    (order,) = stage.world.orders.values()
    assert (order.workspace, order.status) == (456, "accepted")
    assert stage.world.switches.date_filter == "accepted"
    assert [fault.kind for fault in stage.faults.rules] == ["500"]
    assert (stage.clock() - before).total_seconds() == 60


_WAIT = """
    [[step]]
    do = "place"
    order = "one"
    [[step]]
    do = "wait"
    order = "one"
    until = "referenced"
    timeout = "{timeout}"
    [[step]]
    do = "accept"
    order = "one"
"""


async def test_a_wait_goes_on_when_it_is_met(written, stage):
    """The step after a wait is played once the client has done its part, and not before."""
    playing = asyncio.create_task(play(written(_WAIT.format(timeout="10s")), stage))
    (order,) = await wait_until(lambda: list(stage.world.orders.values()), what="the order is placed")
    assert order.status == "pending"
    stage.world.external(123, [External(order.id, external_id="SO-1")])
    await playing
    assert order.status == "accepted"


async def test_a_wait_in_vain_fails_the_scenario(written, stage):
    """The failure names the step, the order and what it waited for."""
    with pytest.raises(ScenarioFailed, match=r"step 2: order 'one' \(5001\) was not referenced within 0.1 s"):
        await play(written(_WAIT.format(timeout="0.1s")), stage)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[step]]\nat = '1s'", "step 1: do is missing"),
        ("[[step]]\ndo = 'dance'", r"step 1 \(dance\): 'dance' is not one of place"),
        ("[[step]]\ndo = 'place'\nat = 'soon'", "step 1: at: 'soon' is no duration"),
        ("[[step]]\ndo = 'accept'\norder = 'x'", "no earlier step has placed an order 'x'"),
        ("[[step]]\ndo = 'accept'", "order: None is no order's id"),
        ("[[step]]\ndo = 'place'\norder = 'x'\n[[step]]\ndo = 'reaccept'\norder = 'x'", r"step 2 \(reaccept\)"),
        ("[[step]]\ndo = 'place'\norder = 'x'\n[[step]]\ndo = 'wait'\norder = 'x'", "until: None is not one of"),
        ("[[steps]]\ndo = 'place'", "unknown: steps"),
        ("[[step", "scenario.toml"),
    ],
)
def test_a_bad_scenario_is_refused_before_it_plays(written, text, complaint):
    """A file that cannot be played is refused when it is loaded, naming the step."""
    with pytest.raises(BadScenario, match=complaint):
        written(text)
