"""`run`, for months, and `once`, for one cycle."""

import sys
from typing import TYPE_CHECKING

import typer

from daemon.cli.options import AsJson, ConfigFile, LogLevel

if TYPE_CHECKING:
    from daemon.app import Lane
    from daemon.config.settings import Settings
    from daemon.domain.tally import Tally
    from daemon.sync.cycle import Report


def run(config: ConfigFile = None, log_level: LogLevel = None) -> None:
    """Serve until SIGTERM; a second signal ends it at once."""
    from daemon.cli.starting import as_config_error, finish, load_all, warn
    from daemon.errors import AdapterError
    from daemon.service.runner import run as serve

    try:
        loaded = load_all(config, log_level=log_level, logs=sys.stdout)
    except AdapterError as error:
        raise as_config_error(error) from None
    warn(loaded)
    finish(serve(loaded.settings))


def once(config: ConfigFile = None, log_level: LogLevel = None, as_json: AsJson = False) -> None:
    """Run one cycle for every workspace and say what it did.

    Exit codes: 0 all done, 4 database, 5 Consentio, 6 ERP, 7 another daemon holds a workspace, 8 done, but orders need a person.
    """
    from daemon.cli.starting import finish, load_all, warn

    loaded = load_all(config, log_level=log_level)
    warn(loaded)
    raise typer.Exit(finish(_once(loaded.settings, as_json=as_json)))


async def _once(settings: "Settings", *, as_json: bool) -> int:
    from daemon.app import open_app

    async with open_app(settings) as app:
        return max([await _turn(lane, as_json=as_json) for lane in app.lanes], key=_weight)


def _weight(code: int) -> tuple[bool, int]:
    """An outage outweighs orders that need a person."""
    from daemon.cli.failures import NEEDS_A_PERSON

    return (code not in {0, NEEDS_A_PERSON}, code)


async def _turn(lane: "Lane", *, as_json: bool) -> int:
    from daemon.cli.failures import NEEDS_A_PERSON, code_of, tell

    report = await lane.cycle()
    _print(lane.way.workspace, report, as_json=as_json)
    for trouble in report.troubles.values():
        tell(trouble)
    if report.troubles:
        return max(code_of(trouble) for trouble in report.troubles.values())
    return NEEDS_A_PERSON if await _needs_a_person(lane, report.tally) else 0


async def _needs_a_person(lane: "Lane", tally: "Tally") -> bool:
    raise NotImplementedError


def _print(workspace: str, report: "Report", *, as_json: bool) -> None:
    import json

    counts = report.tally.counts()
    if as_json:
        troubles = {direction.value: str(trouble) for direction, trouble in report.troubles.items()}
        print(json.dumps({"workspace": workspace, "tally": counts, "troubles": troubles}))
    else:
        print(f"workspace {workspace}: " + (", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing to do"))
