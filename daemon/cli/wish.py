"""`retry` and `restored`: wishes, left for the running daemon, or fulfilled at once where none runs."""

import asyncio
import getpass
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import ConfigFile, InWorkspace, Orders, Reason

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.store.questions import SqlReader
    from daemon.store.story import Found, Story

#: A wish: the workspace, what is wished, and the order it names.
Wished = tuple[str, str, str | None]

_LOOK_AGAIN_S = 0.2
_ALL = 1_000_000
#: So many cycles may pass until an answer is given up.
_PATIENCE = 3


def retry(
    orders: Orders = None,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="Every parked order.")] = False,
    config: ConfigFile = None,
    workspace: InWorkspace = None,
    reason: Reason = "",
) -> None:
    """Try parked orders again.

    Mend first what parked them: `consentio-sync explain ORDER` says it.
    """
    from daemon.cli.starting import load_all

    if bool(orders) == all_parked:
        raise typer.BadParameter("name orders, or --all-parked", param_hint="ORDERS")
    settings = load_all(config).settings
    wanted = asyncio.run(_retries(settings, orders or [], workspace))
    asyncio.run(_fulfil(settings, wanted, reason))


def restored(config: ConfigFile = None, workspace: InWorkspace = None, reason: Reason = "") -> None:
    """Say that the database is a restored copy.

    Before anything is sent, the ERP is asked what it really has.
    """
    from daemon.cli.starting import load_all

    settings = load_all(config).settings
    names = [known.name for known in settings.workspaces if workspace in (None, known.name)]
    if not names:
        raise typer.BadParameter(f"the config has no workspace {workspace}", param_hint="--workspace")
    asyncio.run(_fulfil(settings, [(name, "restored", None) for name in names], reason))


async def _retries(settings: "Settings", orders: Sequence[str], workspace: str | None) -> list[Wished]:
    from daemon.domain.state import Situation
    from daemon.store.questions import open_reader

    found: Sequence[Found | Story]
    async with open_reader(settings.database.url.get_secret_value()) as reader:
        if orders:
            found = [await reader.story(order, workspace=workspace) for order in orders]
        else:
            found = await reader.list_orders(workspace=workspace, situation=Situation.PARKED, limit=_ALL)
    return [(one.workspace, "retry", one.order.id) for one in found]


async def _fulfil(settings: "Settings", wanted: Sequence[Wished], reason: str) -> None:
    from daemon.store.questions import open_reader

    async with open_reader(settings.database.url.get_secret_value()) as reader:
        who = _who()
        numbers = [
            await reader.leave_wish(workspace, what, order_id=order, who=who, reason=reason) for workspace, what, order in wanted
        ]
        await _lead_where_free(settings, {workspace for workspace, _, _ in wanted})
        deadline = time.monotonic() + _PATIENCE * settings.sync.poll_interval.total_seconds()
        for number, (workspace, _, order) in zip(numbers, wanted, strict=True):
            print(f"{order or f'workspace {workspace}'}: {await _outcome(reader, number, deadline)}")


async def _lead_where_free(settings: "Settings", workspaces: set[str]) -> None:
    """Where no daemon holds the workspace, this process is the daemon for a moment."""
    from daemon.app import open_app
    from daemon.errors import WorkspaceLocked
    from daemon.sync.wishes import fulfil

    for workspace in workspaces:
        try:
            async with open_app(settings, only={workspace}) as app:
                for lane in app.lanes:
                    await fulfil(lane.way)
        except WorkspaceLocked:
            continue


async def _outcome(reader: "SqlReader", number: int, deadline: float) -> str:
    """What the daemon answered; waits for its next cycles."""
    while (outcome := await reader.wish_outcome(number)) is None and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_AGAIN_S)
    return outcome or "left for the running daemon, which did not answer yet; `consentio-sync status` counts open wishes"


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
