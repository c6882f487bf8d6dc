"""Orders as people ask for them: by any name that they go by, and with all that happened to them."""

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import BindParameter, Column, Select, Table, and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.domain.ledger import ERP_KINDS, Attempt, Errand, LedgerRow, News, Note, Outcome, Recorded, Revision
from daemon.domain.pause import Pause
from daemon.domain.state import OrderState, Situation
from daemon.errors import OrderUnknown
from daemon.store.records import as_record, columns_of
from daemon.store.scope import THIS, Scope
from daemon.store.tables import UNHEEDED, attempts, errands, ledger, news, notes, orders, revisions, workspaces


@dataclass(frozen=True, slots=True)
class Found:
    """An order, and whose it is."""

    workspace: str
    order: OrderState


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that happened to one order, the oldest first."""

    workspace: str
    order: OrderState
    #: The directions of its workspace that rest.
    paused: tuple[Pause, ...] = ()
    revisions: list[Revision]
    ledger: list[LedgerRow]
    attempts: list[Attempt]
    notes: list[Note]
    #: What the ERP told, and what Consentio was asked to do.
    news: list[Recorded] = field(default_factory=list)
    errands: list[Errand] = field(default_factory=list)


_NAME: BindParameter[str] = bindparam("name")
_ORDERS = select(*columns_of(orders, OrderState), orders.c.workspace).order_by(
    orders.c.workspace, orders.c.created_at, orders.c.id
)
_NAMED = _ORDERS.where(
    or_(
        orders.c.id == _NAME,
        orders.c.hash_id == _NAME,
        orders.c.erp_record == _NAME,
        orders.c.erp_number == _NAME,
        orders.c.told_id == _NAME,
    )
)


def _of_order(table: Table, record: type[Any], *by: Column[Any]) -> Select[Any]:
    ours = select(*columns_of(table, record)).where(table.c.workspace == THIS)
    return ours.where(table.c.order_id == bindparam("order")).order_by(*by)


_PAUSED = select(workspaces.c.paused).where(workspaces.c.id == THIS)
_REVISIONS = _of_order(revisions, Revision, revisions.c.number)
_LEDGER = _of_order(ledger, LedgerRow, ledger.c.started_at, ledger.c.key)
_ATTEMPTS = _of_order(attempts, Attempt, attempts.c.number)
_NOTES = _of_order(notes, Note, notes.c.number)
_ERRANDS = _of_order(errands, Errand, errands.c.made_at)
#: Also what waits for the order whose record it is.
_NEWS = (
    select(*columns_of(news, News), news.c.recorded_at, news.c.outcome)
    .where(
        news.c.workspace == THIS, or_(news.c.order_id == bindparam("order"), and_(UNHEEDED, news.c.record == bindparam("record")))
    )
    .order_by(news.c.at, news.c.serial)
)


async def find(connection: AsyncConnection, name: str, *, workspace: str | None) -> list[Found]:
    """The orders with this id, hash, ERP record or reference."""
    return await _found(connection, _only(_NAMED, workspace), name=name)


async def list_orders(
    connection: AsyncConnection, *, workspace: str | None, situation: Situation | None, limit: int
) -> list[Found]:
    """The oldest orders, by workspace."""
    statement = _only(_ORDERS, workspace)
    if situation is not None:
        statement = statement.where(orders.c.situation == situation)
    return await _found(connection, statement.limit(limit))


async def story(connection: AsyncConnection, name: str, *, workspace: str | None) -> Story:
    """Raises `OrderUnknown` unless exactly one order goes by this name."""
    found = await one(connection, name, workspace=workspace)
    return await _tell(Scope(connection, found.workspace), found.order)


async def one(connection: AsyncConnection, name: str, *, workspace: str | None) -> Found:
    """Raises `OrderUnknown` unless exactly one order goes by this name."""
    found = await find(connection, name, workspace=workspace)
    if not found:
        raise OrderUnknown(
            "No order goes by this name",
            remedy="Give its Consentio id, its hash or its ERP record; `consentio-sync status` says how many there are",
        )
    if len(found) > 1:
        several = ", ".join(f"{each.order.id} of workspace {each.workspace}" for each in found)
        raise OrderUnknown(f"Several orders go by this name: {several}", remedy="Name the workspace, or give the Consentio id")
    return found[0]


async def _tell(scope: Scope, order: OrderState) -> Story:
    paused = await scope.connection.scalar(_PAUSED, {"this_workspace": scope.workspace})
    rows = [as_record(LedgerRow, row) for row in await scope.rows(_LEDGER, order=order.id)]
    told = [as_record(Attempt, row) for row in await scope.rows(_ATTEMPTS, order=order.id)]
    return Story(
        workspace=scope.workspace,
        order=order,
        paused=paused or (),
        revisions=[as_record(Revision, row) for row in await scope.rows(_REVISIONS, order=order.id)],
        ledger=rows,
        attempts=_tries(told, rows),
        notes=[as_record(Note, row) for row in await scope.rows(_NOTES, order=order.id)],
        news=[
            Recorded(as_record(News, row), row.recorded_at, row.outcome or "")
            for row in await scope.rows(_NEWS, order=order.id, record=order.erp_record or "")
        ],
        errands=[as_record(Errand, row) for row in await scope.rows(_ERRANDS, order=order.id)],
    )


def _tries(told: list[Attempt], rows: list[LedgerRow]) -> list[Attempt]:
    """Also those that only their rows tell of: a try that did what it was to do, the last one under its key."""
    known = {(attempt.key, attempt.finished_at) for attempt in told if attempt.outcome is Outcome.DONE}
    done = (row for row in rows if row.kind in ERP_KINDS and row.outcome is Outcome.DONE)
    silent = (row.as_attempt(f"record {row.record}") for row in done if (row.key, row.finished_at) not in known)
    return sorted([*told, *silent], key=attrgetter("finished_at"))


def _only(statement: Select[Any], workspace: str | None) -> Select[Any]:
    return statement if workspace is None else statement.where(orders.c.workspace == workspace)


async def _found(connection: AsyncConnection, statement: Select[Any], **values: str) -> list[Found]:
    rows = await connection.execute(statement, values)
    return [Found(row.workspace, as_record(OrderState, row)) for row in rows]
