"""Orders as people look for them: by situation, age, customer and words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, or_, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.domain.state import OrderState, Situation
from daemon.store.records import as_record, columns_of
from daemon.store.story import Found
from daemon.store.tables import orders

#: What a word is looked for in.
_WORDS = (
    orders.c.id,
    orders.c.customer,
    orders.c.erp_record,
    orders.c.erp_number,
    orders.c.told_id,
    orders.c.reason,
    orders.c.tell_reason,
    type_coerce(orders.c.missing, Text),
)
_AGE = func.coalesce(orders.c.created_at, orders.c.updated_at)
_ROWS = select(*columns_of(orders, OrderState), orders.c.workspace)
_COUNT = select(func.count()).select_from(orders)
_ORDERS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "newest": (_AGE.desc().nulls_last(), orders.c.workspace, orders.c.id),
    "oldest": (_AGE.nulls_last(), orders.c.workspace, orders.c.id),
    "situation": (orders.c.situation, _AGE.nulls_last(), orders.c.workspace, orders.c.id),
    "customer": (orders.c.customer.nulls_last(), _AGE.nulls_last(), orders.c.workspace, orders.c.id),
    "due": (orders.c.due_at.nulls_last(), _AGE.nulls_last(), orders.c.workspace, orders.c.id),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What is looked for; None and empty let everything through."""

    situations: Sequence[Situation] = ()
    workspace: str | None = None
    customer: str | None = None
    text: str | None = None
    #: Created at or before this moment.
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The first of those that were looked for, and how many there are in all."""

    found: Sequence[Found]
    count: int


async def page(connection: AsyncConnection, which: Which, *, sort: str, limit: int) -> Page:
    """`sort` is one of newest, oldest, situation, customer, due."""
    conditions = tuple(_conditions(which))
    statement: Select[Any] = _ROWS.where(*conditions).order_by(*_ORDERS[sort]).limit(limit)
    rows = await connection.execute(statement)
    count = await connection.scalar(_COUNT.where(*conditions))
    return Page([Found(row.workspace, as_record(OrderState, row)) for row in rows], count or 0)


def _conditions(which: Which) -> Iterator[ColumnElement[bool]]:
    if which.situations:
        yield orders.c.situation.in_(which.situations)
    if which.workspace is not None:
        yield orders.c.workspace == which.workspace
    if which.customer is not None:
        yield func.lower(orders.c.customer) == which.customer.lower()
    if which.before is not None:
        yield which.before >= _AGE
    if which.text:
        yield or_(*(column.icontains(which.text, autoescape=True) for column in _WORDS))
