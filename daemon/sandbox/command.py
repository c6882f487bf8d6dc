"""The sandbox as a program: `python -m daemon.sandbox`."""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from daemon.sandbox.box import Sandbox
from daemon.sandbox.market import Pace, fill
from daemon.sandbox.records import Workspace
from daemon.sandbox.scenario import BadScenario, Scenario, ScenarioFailed, load, play
from daemon.sandbox.switches import Switches, UnknownSwitch

_USAGE, _CANNOT_START, _SCENARIO_FAILED = 2, 3, 8
_USUAL_PACE = 6.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the sandbox until it is told to end; returns its exit code.

    0 ended as asked (SIGTERM, SIGINT or the end of the scenario), 2 usage, 3 cannot listen, 8 the scenario failed.
    """
    options = _parser().parse_args(argv)
    try:
        box = _sandbox(options)
        scenario = load(options.scenario, box.world) if options.scenario else None
    except (UnknownSwitch, BadScenario) as problem:
        return _complain(problem, _USAGE)
    if options.orders:
        fill(box.world, options.orders, days=options.days)
    try:
        return asyncio.run(_serve(box, scenario, exits=options.exit))
    except OSError as problem:
        return _complain(f"cannot listen on {box.url}: {problem.strerror}; try another --port", _CANNOT_START)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox",
        description="Imitates the Consentio Partner API on this machine, with a lifelike produce market behind it.",
        epilog="The control API (this machine only): GET /_sandbox/state and /_sandbox/requests, POST /_sandbox/"
        "orders, faults, outage, switches, clock and market.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    add("--port", type=int, default=8090, help="port to listen on, 0 for any free one (%(default)s)")
    add("--workspace", type=int, action="append", metavar="ID", help="may be repeated (123)")
    add("--api-key", default="sk_test_sandbox", help="the key of every workspace (%(default)s)")
    add("--seed", type=int, default=7, help="the same seed brings the same market (%(default)s)")
    add("--pace", type=float, metavar="N", help="new orders a minute, 0 for none (6; 0 with a scenario)")
    add("--orders", type=int, default=0, metavar="N", help="begin with so many orders (%(default)s),")
    add("--days", type=float, default=7.0, metavar="N", help="which arrived over so many days (%(default)s)")
    add("--scenario", type=Path, metavar="FILE", help="play this TOML file (see examples/scenario.toml)")
    add("--exit", action="store_true", help="end with the scenario: 0 if it went well, 8 if not")
    add("--date-filter", choices=["created", "updated", "accepted", "delivery"], help="what a range is about")
    add("--switch", action="append", default=[], metavar="NAME=VALUE", help="may be repeated; a wrong NAME lists all")
    add("--no-control", action="store_true", help="without the control API")
    return parser


def _sandbox(options: argparse.Namespace) -> Sandbox:
    pace = options.pace if options.pace is not None else 0.0 if options.scenario else _USUAL_PACE
    ids = dict.fromkeys(options.workspace or [123])
    return Sandbox(
        [Workspace(id, api_key=options.api_key) for id in ids],
        switches=_switches(options),
        seed=options.seed,
        host=options.host,
        port=options.port,
        control=not options.no_control,
        pace=Pace(orders_per_minute=pace),
    )


def _switches(options: argparse.Namespace) -> Switches:
    switches = Switches()
    for told in options.switch:
        name, equals, value = told.partition("=")
        if not equals:
            raise UnknownSwitch(f"--switch {told}: write NAME=VALUE")
        switches = switches.changed(**{name: _value(value)})
    return switches.changed(date_filter=options.date_filter) if options.date_filter else switches


def _value(text: str) -> object:
    """true, 3.5, null and [5001] as what they say, anything else as the text that it is."""
    try:
        return json.loads(text) if text not in ("400", "413") else text
    except ValueError:
        return text


async def _serve(box: Sandbox, scenario: Scenario | None, *, exits: bool) -> int:
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    async with box:
        workspaces = ", ".join(map(str, box.world.workspaces))
        _say(f"sandbox ready on {box.url} (workspace {workspaces}, seed {box.world.seed})")
        waiting = asyncio.create_task(ended.wait())
        code = 0
        if scenario is not None:
            code = await _perform(scenario, box, waiting)
        if scenario is None or not exits:
            await waiting
        waiting.cancel()
    return code


async def _perform(scenario: Scenario, box: Sandbox, ended: asyncio.Task[bool]) -> int:
    """Plays the scenario until its end or the program's."""
    playing = asyncio.create_task(play(scenario, box.stage))
    await asyncio.wait({playing, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not playing.done():
        playing.cancel()
        return 0
    try:
        playing.result()
    except ScenarioFailed as failure:
        return _complain(f"scenario {scenario.name!r}: {failure}", _SCENARIO_FAILED)
    _say(f"scenario {scenario.name!r}: all {len(scenario.steps)} steps done")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _complain(problem: object, code: int) -> int:
    sys.stderr.write(f"sandbox: {problem}\n")
    return code
