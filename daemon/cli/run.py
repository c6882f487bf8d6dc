"""`run`, for months, and `once`, for one cycle."""

import asyncio
import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import AsJson, ConfigFile, LogLevel

if TYPE_CHECKING:
    from daemon.app.house import App, Lane
    from daemon.config.settings import Settings
    from daemon.sync.cycle import Report


def run(config: ConfigFile = None, log_level: LogLevel = None) -> None:
    """Serve until SIGTERM; a second signal ends it at once.

    An edited config file is taken up by itself, or at once at SIGHUP. On PostgreSQL it stands by for a workspace that another
    daemon leads, and takes over when that one is gone.
    """
    from daemon.cli.starting import as_config_error, load_all, read_again, spare_the_memory, tune_log, warn
    from daemon.errors import AdapterError

    try:
        loaded = load_all(config, log_level=log_level, logs=sys.stdout)
    except AdapterError as error:
        raise as_config_error(error) from None
    warn(loaded)
    from daemon.service.reload import Config
    from daemon.service.runner import run as serve

    spare_the_memory()
    tune = partial(tune_log, log_level=log_level, logs=sys.stdout)
    asyncio.run(serve(Config(loaded, read=partial(read_again, config), tune_log=tune)))


def once(
    config: ConfigFile = None,
    log_level: LogLevel = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, order by order, and do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run one cycle for every workspace.

    Says what it did. Exit codes: 0 all done, 4 database, 5 Consentio, 6 ERP, 7 another daemon holds a workspace, 8 done, but some
    orders are parked, braked or in doubt.
    """
    from daemon.cli.starting import load_all, warn

    loaded = load_all(config, log_level=log_level)
    warn(loaded)
    if dry_run:
        from daemon.cli.rehearse import rehearse

        raise typer.Exit(asyncio.run(rehearse(loaded.settings, as_json=as_json)))
    raise typer.Exit(asyncio.run(_once(loaded.settings, as_json=as_json)))


async def _once(settings: "Settings", *, as_json: bool) -> int:
    from daemon.app.house import open_app
    from daemon.cli.failures import NEEDS_A_PERSON, told
    from daemon.cli.starting import spare_the_memory

    spare_the_memory()
    async with open_app(settings) as app:
        codes = [await _turn(lane, as_json=as_json) for lane in app.lanes] + [told(app.broken)]
        left = await unsettled(app, as_json=as_json)
    return max(codes) or (NEEDS_A_PERSON if left else 0)


async def _turn(lane: "Lane", *, as_json: bool) -> int:
    """One cycle; returns the code of the worst outage, 0 without one."""
    from daemon.cli.failures import told

    report = await lane.cycle()
    _print(lane.way.workspace, report, as_json=as_json)
    return told(report.troubles.values())


def _print(workspace: str, report: "Report", *, as_json: bool) -> None:
    counts = report.tally.counts()
    if as_json:
        troubles = {direction.value: str(trouble) for direction, trouble in report.troubles.items()}
        print(json.dumps({"workspace": workspace, "tally": counts, "troubles": troubles}))
    else:
        print(f"workspace {workspace}: " + (", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing to do"))


async def unsettled(app: "App", *, as_json: bool) -> int:
    """How many orders a person should look at, whichever cycle left them so."""
    from daemon.domain.state import Situation
    from daemon.store.questions import open_reader

    async with open_reader(app.settings.database.url.get_secret_value()) as reader:
        overview = await reader.overview()
    ours = {lane.way.workspace for lane in app.lanes}
    stands = [stand for stand in overview if stand.state.id in ours]
    held = (Situation.PARKED, Situation.BRAKED)
    count = sum(stand.in_doubt + sum(stand.counts.get(situation, 0) for situation in held) for stand in stands)
    if count and not as_json:
        print(f"{count} orders are parked, braked or in doubt: see `consentio-sync status`")
    return count
