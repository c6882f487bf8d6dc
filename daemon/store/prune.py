"""Forgetting, in bounded portions: each statement walks an index of moments from its old end, so what is young costs nothing."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    Delete,
    TextClause,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    null,
    select,
    tuple_,
    update,
)

from daemon.store.scope import THIS, Scope
from daemon.store.tables import FINISHED, KEPT, attempts, errands, ledger, news, notes, orders, revisions, unreadable, wishes

_BEFORE: BindParameter[datetime] = bindparam("before")
_LIMIT: BindParameter[int] = bindparam("limit")

#: What the ERP has, should have, was first sent, and what Consentio shows.
_NEEDED = revisions.c.number.in_(
    [func.coalesce(orders.c.erp_revision, 0), orders.c.wanted, orders.c.body_revision, orders.c.latest]
)
_OLD_PAYLOADS = (
    select(*revisions.primary_key)
    .join(orders, and_(orders.c.workspace == revisions.c.workspace, orders.c.id == revisions.c.order_id))
    .where(revisions.c.workspace == THIS, KEPT, revisions.c.recorded_at < _BEFORE, not_(and_(orders.c.watched, _NEEDED)))
    .order_by(revisions.c.recorded_at)
    .limit(_LIMIT)
    .correlate(None)
)
_KEY = tuple_(*revisions.primary_key)
_BLANK = select(*(null() if column.name == "raw" else column for column in revisions.c)).where(_KEY.in_(_OLD_PAYLOADS))
#: A revision stays without its bytes: by its digest the next reading is still compared. SQLite would keep the room of a row that
#: shrinks, page by half-empty page, and the file would grow for ever; a row that is replaced leaves it to those that come.
_BLANK_PAYLOADS = {
    "sqlite": insert(revisions).prefix_with("OR REPLACE").from_select(list(revisions.c), _BLANK),
    "postgresql": update(revisions).where(_KEY.in_(_OLD_PAYLOADS)).values(raw=None),
}


def _forget(key: Column[Any], moment: Column[Any], *conditions: TextClause) -> Delete:
    """The oldest rows of a table whose moment is long past."""
    workspace = key.table.c.workspace
    old = select(key).where(workspace == THIS, moment < _BEFORE, *conditions).order_by(moment).limit(_LIMIT)
    return delete(key.table).where(workspace == THIS, key.in_(old.correlate(None)))


_UNREADABLE = _forget(unreadable.c.digest, unreadable.c.last_seen_at)
_HISTORY = (
    _forget(ledger.c.key, ledger.c.finished_at, FINISHED),
    _forget(attempts.c.number, attempts.c.finished_at),
    _forget(notes.c.number, notes.c.at),
    _forget(news.c.serial, news.c.recorded_at),
    _forget(wishes.c.number, wishes.c.done_at),
    _forget(errands.c.key, errands.c.done_at),
)


async def prune(scope: Scope, *, payloads_before: datetime, history_before: datetime, limit: int) -> int:
    blank = _BLANK_PAYLOADS[scope.connection.dialect.name]
    portions = [(blank, payloads_before), (_UNREADABLE, payloads_before), *((forget, history_before) for forget in _HISTORY)]
    left = limit
    for statement, before in portions:
        left -= await scope.change(statement, before=before, limit=left)
    return limit - left
