"""`gaps`: what the ERP does not know, each key once, with the orders and the money that wait for it."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import typer

from daemon.cli.options import AsJson, ConfigFile, InWorkspace
from daemon.cli.wishing import workspaces_of

if TYPE_CHECKING:
    from daemon.domain.order import Order
    from daemon.store.gaps import Waiting

_HEADS = ("KEY", "ORDERS", "VALUE", "SINCE", "NEXT DELIVERY", "WORKSPACE")
_HINT = (
    "Make a key known in the ERP; its orders are tried again by themselves (delivery.missing_recheck), "
    "or at once: consentio-sync retry --missing KEY"
)


@dataclass(slots=True, kw_only=True)
class Gap:
    """One key that the ERP does not know."""

    workspace: str
    key: str
    since: datetime | None
    #: The orders that wait for it, the oldest first.
    orders: list[str] = field(default_factory=list)
    #: What they are worth, by currency, and when the first of them is to be delivered.
    values: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    next_delivery: datetime | None = None

    def add(self, order_id: str, order: "Order | None") -> None:
        """One more order waits; its content is None once it is forgotten."""
        self.orders.append(order_id)
        if order is None:
            return
        if order.price is not None:
            self.values[order.currency or "?"] += order.price
        wanted = order.delivery_estimated_at or order.pickup_estimated_at
        self.next_delivery = min(filter(None, (self.next_delivery, wanted)), default=None)

    @property
    def value(self) -> str:
        """In words."""
        return " + ".join(f"{value:,.2f} {currency}" for currency, value in sorted(self.values.items())) or "unknown"


def gaps(config: ConfigFile = None, workspace: InWorkspace = None, as_json: AsJson = False) -> None:
    """List what the ERP does not know.

    Each missing product, customer, unit or address once, with the number and the value of the orders that wait for it, since
    when, and when the first of them is to be delivered. Exit code 8 while there are any.
    """
    from daemon.cli.contents import plain
    from daemon.cli.failures import NEEDS_A_PERSON
    from daemon.config.load import load

    settings = load(config).settings
    found = asyncio.run(_gaps(settings.database.url.get_secret_value(), workspace))
    if not found:
        workspaces_of(settings, workspace)  # a mistyped one has no gaps, either
    if as_json:
        print(json.dumps([plain(gap) for gap in found], indent=2))
    else:
        _show(found)
    raise typer.Exit(NEEDS_A_PERSON if found else 0)


def _show(found: Sequence[Gap]) -> None:
    import sys

    from daemon.cli.moments import stamp
    from daemon.cli.table import print_table

    if not found:
        print("The ERP knows all that orders ask for.", file=sys.stderr)
        return
    rows = [
        (gap.key, str(len(gap.orders)), gap.value, stamp(gap.since), stamp(gap.next_delivery), gap.workspace) for gap in found
    ]
    print_table(_HEADS, rows)
    print(_HINT, file=sys.stderr)


async def _gaps(url: str, workspace: str | None) -> list[Gap]:
    from daemon.store.questions import open_reader

    async with open_reader(url) as reader:
        waiting, since = await reader.gaps()
    return by_key([each for each in waiting if workspace in (None, each.workspace)], since)


def by_key(waiting: Iterable["Waiting"], since: Mapping[tuple[str, str], datetime]) -> list[Gap]:
    """The keys that hold back most orders first."""
    from daemon.cli.contents import content_of

    found: dict[tuple[str, str], Gap] = {}
    for each in waiting:
        order = content_of(each.raw)
        for key in each.missing:
            name = (each.workspace, key)
            found.setdefault(name, Gap(workspace=each.workspace, key=key, since=since.get(name))).add(each.order_id, order)
    return sorted(found.values(), key=lambda gap: (-len(gap.orders), gap.workspace, gap.key))
