"""`status` and `explain`: questions to the database, whether a daemon runs or not."""

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, InWorkspace

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.store.overview import WorkspaceOverview
    from daemon.store.story import Story


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))

#: The hash works as a password; the raw bytes hold it.
_WITHHELD = frozenset({"hash_id", "raw"})


def status(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how every workspace stands.

    Its orders by situation, and when each direction last went well.
    """
    from daemon.config.load import load

    overview = asyncio.run(_overview(load(config).settings))
    if as_json:
        print(json.dumps([_plain(workspace) for workspace in overview], indent=2))
        return
    lines = [line for workspace in overview for line in _overview_lines(workspace)]
    print("\n".join(lines) or "No workspace was ever opened: start `consentio-sync run`.")


async def _overview(settings: "Settings") -> "list[WorkspaceOverview]":
    from daemon.store.questions import open_reader

    async with open_reader(settings.database.url.get_secret_value()) as reader:
        return await reader.overview()


def _overview_lines(workspace: "WorkspaceOverview") -> Iterator[str]:
    state = workspace.state
    yield f"workspace {state.id}, {state.adapter} at {state.adapter_identity}, {state.api_url}"
    if workspace.config_trouble:
        yield f"  config: the daemon goes on with what it read before; the file was {workspace.config_trouble}"
    moments = (("collected", state.collected_at), ("delivered", state.delivered_at), ("acknowledged", state.acknowledged_at))
    yield from (f"  {pause.direction.value} {pause}" for pause in state.paused)
    yield "  last good: " + ", ".join(f"{name} {_ago(moment)}" for name, moment in moments)
    yield "  orders: " + (", ".join(f"{count} {name.value}" for name, count in workspace.counts.items()) or "none")
    yield from (f"  the brake on {pull.brake} is pulled: {pull.words}" for pull in state.brake.pulls.values())
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


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "never"
    seconds = max(0.0, (datetime.now(UTC) - moment).total_seconds())
    size, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{seconds / size:.0f} {unit} ago"


def explain(
    order: Annotated[str, typer.Argument(help="The order's id.")],
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
        print(json.dumps(_plain(story), indent=2))
        return
    from daemon.cli.story import story_lines
    from daemon.log import visible

    print("\n".join(visible(line) for line in story_lines(story)))


async def _story(settings: "Settings", order: str, workspace: str | None) -> "Story":
    from daemon.store.questions import open_reader

    async with open_reader(settings.database.url.get_secret_value()) as reader:
        return await reader.story(order, workspace=workspace)


def _plain(value: Any) -> Any:
    """What JSON can say of a record."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _WITHHELD]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return _key(value) if isinstance(value, Enum) else value.isoformat() if isinstance(value, datetime) else value


def _key(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
