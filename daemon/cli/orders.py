"""`orders`: a list, narrowed to what somebody looks for."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.options import AsJson, ConfigFile
from daemon.cli.wishing import workspaces_of
from daemon.domain.state import Situation

if TYPE_CHECKING:
    from daemon.store.listing import Page, Which
    from daemon.store.story import Found

_HEADS = ("ORDER", "WORKSPACE", "SITUATION", "STATUS", "AGE", "CUSTOMER", "ERP", "REASON")


class Sort(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    SITUATION = "situation"
    CUSTOMER = "customer"
    DUE = "due"


def _span(text: str) -> timedelta:
    from daemon.config.durations import read_duration

    try:
        return read_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Situations = Annotated[
    list[Situation] | None,
    typer.Option("--situation", "-s", help="Only orders in this situation; may be given several times.", show_default=False),
]
OlderThan = Annotated[
    timedelta | None,
    typer.Option(
        "--older-than", parser=_span, metavar="SPAN", help="Only orders created longer ago, such as 2h or 1d.", show_default=False
    ),
]


def orders(
    *,
    situation: Situations = None,
    older_than: OlderThan = None,
    customer: Annotated[str | None, typer.Option(help="Only orders of this customer's code.", show_default=False)] = None,
    text: Annotated[
        str | None,
        typer.Option(help="Only orders that name this: id, customer, ERP record, reference, reason, key.", show_default=False),
    ] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", "-w", help="Only this workspace.", show_default=False)] = None,
    sort: Annotated[Sort, typer.Option(help="What comes first.")] = Sort.NEWEST,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="At most so many.")] = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List orders.

    On a terminal in columns, the reason below them where it is narrow; in a pipe with a tab between two cells, whole. What lies
    beyond the limit is told on stderr. `explain ORDER` tells one order's story.
    """
    from daemon.config.load import load
    from daemon.store.listing import Which

    before = None if older_than is None else datetime.now(UTC) - older_than
    which = Which(situations=situation or (), workspace=workspace, customer=customer, text=text, before=before)
    settings = load(config).settings
    page = asyncio.run(_page(settings.database.url.get_secret_value(), which, sort=sort, limit=limit))
    if not page.found:
        workspaces_of(settings, workspace)  # a mistyped one has no orders, either
    if as_json:
        print(json.dumps([_plain(found) for found in page.found], indent=2))
    else:
        _show(page)
    if page.count > len(page.found):
        print(f"{len(page.found)} of {page.count} orders; more with --limit", file=sys.stderr)


async def _page(url: str, which: "Which", *, sort: str, limit: int) -> "Page":
    from daemon.store.questions import open_reader

    async with open_reader(url) as reader:
        return await reader.orders(which, sort=sort, limit=limit)


def _show(page: "Page") -> None:
    from daemon.cli.table import print_table

    if page.found:
        print_table(_HEADS, [row(found) for found in page.found])
    else:
        print("No such order.", file=sys.stderr)


def row(found: "Found") -> tuple[str, ...]:
    """One order's cells."""
    from daemon.cli.moments import age

    order = found.order
    why = f"missing {', '.join(order.missing)}" if order.missing else order.reason or order.tell_reason or order.mismatch
    born = age(order.created_at or order.updated_at)
    named = order.erp_number or order.erp_record or ""
    return order.id, found.workspace, order.situation.value, order.latest_status, born, order.customer or "", named, why


def _plain(found: "Found") -> dict[str, Any]:
    from daemon.cli.contents import plain

    return {"workspace": found.workspace, **plain(found.order)}
