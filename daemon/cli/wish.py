"""`retry` and `restored`: wishes, left for the running daemon, or fulfilled at once where none runs."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import ConfigFile, InWorkspace, Orders, Reason
from daemon.cli.wishing import Wished, reading, wish_for, workspaces_of

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.store.story import Found

_ALL = 1_000_000


def retry(
    orders: Orders = None,
    *,
    all_parked: Annotated[bool, typer.Option("--all-parked", help="Every parked order.")] = False,
    missing: Annotated[str, typer.Option(help="Every order that waits for this key, such as product:TOM-RAF.")] = "",
    config: ConfigFile = None,
    workspace: InWorkspace = None,
    reason: Reason = "",
) -> None:
    """Try parked orders again.

    Mend first what parked them: `consentio-sync explain ORDER` says it. Exit code 8: refused, or not answered yet.
    """
    from daemon.cli.starting import load_all

    if [bool(orders), all_parked, bool(missing)].count(True) != 1:
        raise typer.BadParameter("name orders, or --missing KEY, or --all-parked", param_hint="ORDERS")
    settings = load_all(config).settings
    if missing:
        wanted = asyncio.run(_waiting(settings, missing, workspace))
    else:
        wanted = asyncio.run(_retries(settings, orders or [], workspace))
    raise typer.Exit(asyncio.run(wish_for(settings, wanted, reason)))


def restored(config: ConfigFile = None, workspace: InWorkspace = None, reason: Reason = "") -> None:
    """Say that the database is a restored copy.

    Before anything is sent, the ERP is asked what it really has.
    """
    from daemon.cli.starting import load_all

    settings = load_all(config).settings
    wanted = [Wished(workspace=name, what="restored") for name in workspaces_of(settings, workspace)]
    raise typer.Exit(asyncio.run(wish_for(settings, wanted, reason)))


async def _waiting(settings: "Settings", key: str, workspace: str | None) -> list[Wished]:
    """Where orders wait for the key; where none does, every workspace is to say so."""
    names = workspaces_of(settings, workspace)
    async with reading(settings) as reader:
        waiting, _ = await reader.gaps()
    have = {each.workspace for each in waiting if key in each.missing}
    return [Wished(workspace=name, what="retry", argument=key) for name in names if name in have or not have]


async def _retries(settings: "Settings", orders: Sequence[str], workspace: str | None) -> list[Wished]:
    from daemon.domain.state import Situation

    found: Sequence[Found]
    async with reading(settings) as reader:
        if orders:
            found = [await reader.one_order(order, workspace=workspace) for order in orders]
        else:
            found = await reader.list_orders(workspace=workspace, situation=Situation.PARKED, limit=_ALL)
    return [Wished(workspace=one.workspace, what="retry", order=one.order.id) for one in found]
