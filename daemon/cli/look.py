"""`status` and `explain`: questions to the database, whether a daemon runs or not."""

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from daemon.cli.moments import age, ago
from daemon.cli.options import AsJson, ConfigFile, InWorkspace, OrderName

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.config.settings import Settings
    from daemon.domain.state import WorkspaceState
    from daemon.errors import ConfigError
    from daemon.store.overview import WorkspaceOverview
    from daemon.store.story import Story

#: What each direction has done when it went well.
_DONE = {"collect": "collected", "deliver": "delivered", "acknowledge": "acknowledged"}


def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how every workspace stands.

    Its orders by situation, and when each direction last went well. Exit code 3: the config is wrong, too.
    """
    url, wrong = _database(config)
    overview = asyncio.run(_overview(url))
    if as_json:
        from daemon.cli.contents import plain

        print(json.dumps([plain(workspace) for workspace in overview], indent=2))
    else:
        lines = [line for workspace in overview for line in _overview_lines(workspace)]
        print("\n".join(lines) or "No workspace was ever opened: start `consentio-sync run`.")
    if wrong is not None:
        _tell_wrong(wrong)


def _database(config: ConfigFile) -> "tuple[str, ConfigError | None]":
    """Where to ask. A config that was broken while the daemon runs must not hide how that is; what is wrong with it is told."""
    from daemon.config.load import database_url, load
    from daemon.errors import ConfigError

    try:
        return load(config).settings.database.url.get_secret_value(), None
    except ConfigError as error:
        return database_url(config), error


def _tell_wrong(wrong: "ConfigError") -> None:
    from daemon.cli.failures import CONFIG, tell

    tell(wrong)
    print("A daemon that runs already goes on with the config that it read before.", file=sys.stderr)
    raise typer.Exit(CONFIG)


async def _overview(url: str) -> "list[WorkspaceOverview]":
    from daemon.store.questions import open_reader

    async with open_reader(url) as reader:
        return await reader.overview()


def _overview_lines(workspace: "WorkspaceOverview") -> Iterator[str]:
    from daemon.domain.backfill import in_words

    state = workspace.state
    yield f"workspace {state.id}, {state.adapter} at {state.adapter_identity}, {state.api_url}"
    if workspace.config_trouble:
        yield f"  config: the daemon goes on with what it read before; the file was {workspace.config_trouble}"
    yield from (f"  {pause.direction.value} {pause}" for pause in state.paused)
    yield "  last good: " + ", ".join(f"{name} {ago(moment)}" for name, moment in _last_good(state).items())
    yield from (f"  {outage}" for outage in _outages(state))
    yield "  orders: " + (", ".join(f"{count} {name.value}" for name, count in workspace.counts.items()) or "none")
    yield from (f"  the brake on {pull.brake} is pulled: {pull.words}" for pull in state.brake.pulls.values())
    if workspace.gaps:
        yield f"  keys that the ERP does not know: {workspace.gaps}, see `consentio-sync gaps`"
    yield from (f"  backfill: {in_words(wish)}" for wish in workspace.backfills)
    others = (
        ("to tell Consentio", workspace.to_tell),
        ("to ask of Consentio", workspace.to_ask),
        ("refused by Consentio", workspace.refused),
        ("in doubt", workspace.in_doubt),
        ("booked otherwise", workspace.mismatched),
        ("news that wait for their order", workspace.news),
        ("unreadable", workspace.unreadable),
        ("wishes not yet fulfilled", workspace.wishes),
    )
    if told := [f"{count} {name}" for name, count in others if count]:
        yield "  besides: " + ", ".join(told)


def _outages(state: "WorkspaceState") -> Iterator[str]:
    """A cycle gives all that went well in it the same moment: what bears an older one, the last cycle was cut off in."""
    moments = _last_good(state)
    last = max(filter(None, moments.values()), default=None)
    resting = {_DONE[pause.direction.value] for pause in state.paused if pause.direction.value in _DONE}
    cut_off = [name for name, moment in moments.items() if moment != last and name not in resting]
    for name in cut_off:
        if name == "acknowledged" and "collected" in cut_off:  # one outage of Consentio
            continue
        side, event = ("the ERP", "erp.lost") if name == "delivered" else ("Consentio", "api.lost")
        moment = moments[name]
        since = f"since {moment:%Y-%m-%d %H:%M:%S} UTC ({age(moment)})" if moment else "yet"
        yield f"outage of {side}: nothing was {name} {since}; `{event}` in the log says why"


def _last_good(state: "WorkspaceState") -> "dict[str, datetime | None]":
    return {"collected": state.collected_at, "delivered": state.delivered_at, "acknowledged": state.acknowledged_at}


def explain(
    order: OrderName,
    config: ConfigFile = None,
    workspace: InWorkspace = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of an order.

    Its revisions line by line, every call to the ERP and its answer, and what comes next.
    """
    from daemon.config.load import load

    story = asyncio.run(_story(load(config).settings, order, workspace))
    if as_json:
        from daemon.cli.contents import plain

        print(json.dumps(plain(story), indent=2))
        return
    from daemon.cli.story import story_lines
    from daemon.log import visible

    print("\n".join(visible(line) for line in story_lines(story)))


async def _story(settings: "Settings", order: str, workspace: str | None) -> "Story":
    from daemon.store.questions import open_reader

    async with open_reader(settings.database.url.get_secret_value()) as reader:
        return await reader.story(order, workspace=workspace)
