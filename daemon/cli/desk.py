"""`dismiss`, `settle`, `cancel`, `prepare`, `pause` and `resume`: what a person decides, with a reason that is kept."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.options import ConfigFile, InWorkspace, OrderName, Reason, Why, said
from daemon.cli.wishing import Wished, reading, wish_for, workspaces_of
from daemon.domain.pause import Direction

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.store.story import Found

Directions = Annotated[
    list[Direction] | None,
    typer.Argument(help="collect, deliver (and reports), reports, acknowledge; none means all.", show_default=False),
]


def dismiss(order: OrderName, reason: Why, config: ConfigFile = None, workspace: InWorkspace = None) -> None:
    """Leave an order alone, as it is now.

    Nothing of it is sent any more, and nothing is acknowledged. If its content changes it parks again, for a person to decide
    anew. `consentio-sync retry` takes the dismissal back. Exit code 8: refused, or not answered yet.
    """
    _ask("dismiss", order, config, workspace, reason=reason)


def cancel(order: OrderName, reason: Why, config: ConfigFile = None, workspace: InWorkspace = None) -> None:
    """Cancel an order on Consentio.

    Its record in the ERP is cancelled as well, once Consentio lists the order as canceled. Exit code 8: refused, or not answered
    yet.
    """
    _ask("cancel", order, config, workspace, reason=reason)


def prepare(order: OrderName, config: ConfigFile = None, workspace: InWorkspace = None, reason: Reason = "") -> None:
    """Mark every item of an order as prepared on Consentio.

    That cannot be taken back there. Exit code 8: refused, or not answered yet.
    """
    _ask("prepare", order, config, workspace, reason=reason)


def _ask(what: str, order: str, config: ConfigFile, workspace: InWorkspace, *, reason: str) -> None:
    from daemon.cli.starting import load_all

    settings = load_all(config).settings
    found = asyncio.run(one_order(settings, order, workspace))
    raise typer.Exit(asyncio.run(wish_for(settings, [_about(found, what)], reason)))


def pause(reason: Why, directions: Directions = None, config: ConfigFile = None, workspace: InWorkspace = None) -> None:
    """Let a workspace rest, or one direction of it.

    What is under way is finished. A collect that rests leaves its cursor, so nothing is missed; a deliver that rests neither
    calls the ERP nor asks it about doubts. Restarts change nothing: it rests until `consentio-sync resume`, and is not ready
    meanwhile. Exit code 8: refused, or not answered yet.
    """
    _steer("pause", directions, config, workspace, reason=reason)


def resume(directions: Directions = None, config: ConfigFile = None, workspace: InWorkspace = None, reason: Reason = "") -> None:
    """Let go on what `pause` stopped.

    It goes on from where it stopped. Exit code 8: refused, or not answered yet.
    """
    _steer("resume", directions, config, workspace, reason=reason)


def _steer(what: str, directions: list[Direction] | None, config: ConfigFile, workspace: InWorkspace, *, reason: str) -> None:
    from daemon.cli.starting import load_all

    settings = load_all(config).settings
    argument = ",".join(dict.fromkeys(directions or []))
    wanted = [Wished(workspace=name, what=what, argument=argument) for name in workspaces_of(settings, workspace)]
    raise typer.Exit(asyncio.run(wish_for(settings, wanted, reason)))


def settle(
    order: OrderName,
    reason: Why,
    holds: Annotated[
        str, typer.Option("--as", help="The id of the ERP's record for it; or `absent`: the ERP has none.", callback=said)
    ],
    config: ConfigFile = None,
    workspace: InWorkspace = None,
) -> None:
    """Say what the ERP holds of an order.

    Where the daemon cannot find out: for an order parked as `outcome unknown`, or because several records may be it. Look into
    the ERP first. A record is taken over and brought up to date; `absent` frees the order for one more attempt. A cancelled
    record counts as absent. Waits until no call that was given up can arrive any more. Exit code 8: refused, or not answered yet.
    """
    from daemon.cli.starting import load_all

    settings = load_all(config).settings
    found = asyncio.run(one_order(settings, order, workspace))
    delivery = settings.delivery
    wait = delivery.lease + delivery.call_timeout + delivery.doubt_margin
    wished = replace(_about(found, "settle", holds), asks_the_erp=True)
    raise typer.Exit(asyncio.run(wish_for(settings, [wished], reason, patience_s=wait.total_seconds())))


async def one_order(settings: "Settings", name: str, workspace: str | None) -> "Found":
    """The one order that goes by this name; OrderUnknown else."""
    async with reading(settings) as reader:
        return await reader.one_order(name, workspace=workspace)


def _about(found: "Found", what: str, argument: str = "") -> Wished:
    return Wished(workspace=found.workspace, what=what, order=found.order.id, argument=argument)
