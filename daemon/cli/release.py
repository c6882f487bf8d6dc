"""`release`: what a brake holds, and letting go of exactly that."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile, Reason
from daemon.cli.wishing import Wished, reading, wish_for, workspaces_of
from daemon.domain.brakes import Brake, Brakes, Pull

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.domain.state import OrderState

#: A pulled brake and the orders that it holds.
Held = tuple[Pull, "list[OrderState]"]

_ALL = 1_000_000
#: So many orders are named on a screen; `--json` names all.
_SHOWN = 20


def release(
    workspace: Annotated[str, typer.Argument(help="The workspace's id.")],
    brake: Annotated[Brake | None, typer.Argument(help="Which orders to release; without it they are only shown.")] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Release them without asking.")] = False,
    config: ConfigFile = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Show the orders that a brake holds, and release them.

    Released are exactly the orders that are shown, with the content that they have now; what comes later counts anew.

    Exit codes: 0 released, or nothing is held; 8 something is still held.
    """
    from daemon.cli.failures import NEEDS_A_PERSON
    from daemon.cli.starting import load_all

    settings = load_all(config).settings
    workspaces_of(settings, workspace)
    held = asyncio.run(_held(settings, workspace, brake))
    _show(workspace, held, as_json=as_json)
    if not held:
        return
    if brake is None or not _is_wanted(yes=yes):
        raise typer.Exit(NEEDS_A_PERSON)
    raise typer.Exit(asyncio.run(wish_for(settings, [_wish(workspace, held[0])], reason)))


async def _held(settings: "Settings", workspace: str, brake: Brake | None) -> list[Held]:
    from daemon.domain.plan import brake_of
    from daemon.domain.state import Situation

    async with reading(settings) as reader:
        known = {stand.state.id: stand.state.brake for stand in await reader.overview()}
        found = await reader.list_orders(workspace=workspace, situation=Situation.BRAKED, limit=_ALL)
    pulls: Brakes = known.get(workspace, Brakes())
    states = [each.order for each in found]
    return [
        (pull, [state for state in states if brake_of(state) is pull.brake])
        for pull in pulls.pulls.values()
        if brake in (None, pull.brake)
    ]


def _is_wanted(*, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        print("Nothing was released: add --yes to release them.", file=sys.stderr)
        return False
    return typer.confirm("Release them?", err=True)


def _wish(workspace: str, held: Held) -> Wished:
    from daemon.sync.brakes import set_of

    pull, states = held
    return Wished(workspace=workspace, what="release", argument=set_of(pull.brake, states))


def _show(workspace: str, held: Sequence[Held], *, as_json: bool) -> None:
    from daemon.log import visible

    if as_json:
        print(json.dumps({"workspace": workspace, "held": [_plain(*each) for each in held]}, indent=2))
        return
    lines = [line for each in held for line in _lines(*each)]
    print("\n".join(map(visible, lines)) or f"workspace {workspace}: no brake is pulled")


def _plain(pull: Pull, states: Sequence["OrderState"]) -> dict[str, Any]:
    orders = [
        {"id": state.id, "customer": state.customer, "record": state.erp_record, "revision": state.wanted} for state in states
    ]
    figures = {"at": pull.at.isoformat(), "count": pull.count, "limit": pull.limit, "listed": pull.listed}
    return {"brake": pull.brake.value, **figures, "orders": orders}


def _lines(pull: Pull, states: Sequence["OrderState"]) -> Iterator[str]:
    yield f"the brake on {pull.brake} is pulled since {pull.at:%Y-%m-%d %H:%M:%S} UTC: {pull.words}"
    yield f"  it holds {len(states)} order{'' if len(states) == 1 else 's'}:"
    yield from (f"    {state.id}, customer {state.customer or 'unknown'}, record {state.erp_record}" for state in states[:_SHOWN])
    if len(states) > _SHOWN:
        yield f"    and {len(states) - _SHOWN} more; --json names them all"
