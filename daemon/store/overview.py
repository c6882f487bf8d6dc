"""How the workspaces stand: what `status` and the metrics tell. Counts every order, so it is nothing for a cycle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, Table, TextClause, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.domain.backfill import BACKFILL
from daemon.domain.ledger import Stream, Wish
from daemon.domain.state import Situation, WorkspaceState
from daemon.store.records import as_record, columns_of
from daemon.store.tables import (
    IN_DOUBT,
    UNDONE,
    UNHEEDED,
    cursors,
    errands,
    gaps,
    ledger,
    news,
    orders,
    unreadable,
    wishes,
    workspaces,
)
from daemon.store.wishes import undone_of_all


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceOverview:
    """How one workspace stands."""

    state: WorkspaceState
    epoch: int
    #: Who led it last, and since when by that machine's clock.
    owner: str
    led_at: datetime
    #: How the config file differs from what the leader has in force; empty when it does not.
    config_trouble: str
    cursors: Mapping[Stream, datetime]
    #: Orders by situation, and when the oldest of them was created; situations without an order are left out.
    counts: Mapping[Situation, int]
    oldest: Mapping[Situation, datetime | None]
    #: Orders of which Consentio must still be told something.
    to_tell: int
    #: Orders that the ERP booked otherwise than they say.
    mismatched: int
    #: What Consentio is still to be asked for, and what it refused for good.
    to_ask: int
    refused: int
    #: Open rows of effects on the ERP.
    in_doubt: int
    #: News from the ERP that wait for their order.
    news: int
    unreadable: int
    #: Keys that orders miss in the ERP, each once.
    gaps: int
    #: Wishes that no daemon answered yet.
    wishes: int
    #: The backfills among them.
    backfills: Sequence[Wish]


_STATES = select(*columns_of(workspaces, WorkspaceState), workspaces).order_by(workspaces.c.id)
_CURSORS = select(cursors)
_SITUATIONS = select(
    orders.c.workspace, orders.c.situation, func.count().label("many"), func.min(orders.c.created_at).label("oldest")
).group_by(orders.c.workspace, orders.c.situation)


def _count(table: Table, condition: ColumnElement[bool] | TextClause | None = None) -> Executable:
    counted = select(table.c.workspace, func.count().label("many")).group_by(table.c.workspace)
    return counted if condition is None else counted.where(condition)


_COUNTS = {
    "to_tell": _count(orders, orders.c.tell_due_at.is_not(None)),
    "mismatched": _count(orders, orders.c.mismatch != ""),
    "to_ask": _count(errands, errands.c.due_at.is_not(None)),
    "refused": _count(errands, and_(errands.c.due_at.is_(None), errands.c.done_at.is_(None))),
    "in_doubt": _count(ledger, IN_DOUBT),
    "news": _count(news, UNHEEDED),
    "unreadable": _count(unreadable),
    "gaps": _count(gaps),
    "wishes": _count(wishes, UNDONE),
}


async def overview(connection: AsyncConnection) -> list[WorkspaceOverview]:
    """Every workspace, by id."""
    states = await _rows(connection, _STATES)
    positions = await _rows(connection, _CURSORS)
    situations = await _rows(connection, _SITUATIONS)
    undone = await undone_of_all(connection)
    counts = {name: await _by_workspace(connection, statement) for name, statement in _COUNTS.items()}
    return [
        WorkspaceOverview(
            state=as_record(WorkspaceState, row),
            epoch=row.epoch,
            owner=row.owner,
            led_at=row.led_at,
            config_trouble=row.config_trouble,
            cursors={each.stream: each.position for each in positions if each.workspace == row.id},
            counts={each.situation: each.many for each in situations if each.workspace == row.id},
            oldest={each.situation: each.oldest for each in situations if each.workspace == row.id},
            backfills=[wish for wish in undone.get(row.id, ()) if wish.what == BACKFILL],
            **{name: many.get(row.id, 0) for name, many in counts.items()},
        )
        for row in states
    ]


async def _by_workspace(connection: AsyncConnection, statement: Executable) -> dict[str, int]:
    return {row.workspace: row.many for row in await _rows(connection, statement)}


async def _rows(connection: AsyncConnection, statement: Executable) -> list[Row[Any]]:
    return list((await connection.execute(statement)).all())
