"""News from the ERP: each is recorded once, and waits until an order may hear it."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, bindparam, exists, insert, or_, select, update

from daemon.domain.ledger import Heard, News
from daemon.store.records import as_columns, as_record, as_values, columns_of
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import IN_DOUBT, UNHEEDED, ledger, news, orders

_COLUMNS = columns_of(news, News)
_KNOWN = select(news.c.digest).where(news.c.workspace == THIS, news.c.digest.in_(WANTED))
_ADD = insert(news)

_row = ledger.alias()
_HAS_OPEN_ROW = exists().where(_row.c.workspace == orders.c.workspace, _row.c.order_id == orders.c.id, IN_DOUBT).correlate(orders)


def _heard(orders_of: ColumnElement[bool], *through: Any) -> Select[Any]:
    """News of orders that have no open row and need not be verified first, in the order in which they happened."""
    source: FromClause = news
    for table, on in (*through, (orders, orders_of)):
        source = source.join(table, and_(table.c.workspace == news.c.workspace, on))
    return (
        select(*_COLUMNS, news.c.serial, orders.c.id.label("of_order"))
        .select_from(source)
        .where(news.c.workspace == THIS, UNHEEDED, orders.c.verify.is_(False), ~_HAS_OPEN_ROW)
        .order_by(news.c.at, news.c.serial)
        .limit(bindparam("limit"))
    )


#: By the record that the order has now: news of a record that it had once are none (A14).
_OF_RECORDS = _heard(orders.c.erp_record == news.c.record)
#: A refused cancel names an effect after which the order has no record any more.
_OF_EFFECTS = _heard(orders.c.id == ledger.c.order_id, (ledger, ledger.c.key == news.c.key))
_HEEDED = (
    update(news)
    .where(news.c.workspace == THIS, news.c.serial == bindparam("which"))
    .values(order_id=bindparam("of_order"), heeded_at=bindparam("now"), outcome=bindparam("said"))
)
#: What an order may still hear waits on: its row may be open for long.
_IS_OURS = or_(
    exists().where(orders.c.workspace == news.c.workspace, orders.c.erp_record == news.c.record).correlate(news),
    exists().where(_row.c.workspace == news.c.workspace, _row.c.key == news.c.key).correlate(news),
)
_EXPIRED = (
    update(news)
    .where(news.c.workspace == THIS, UNHEEDED, news.c.recorded_at < bindparam("before"), ~_IS_OURS)
    .values(heeded_at=bindparam("now"), outcome=bindparam("said"))
)


async def add(scope: Scope, told: Iterable[News], now: datetime) -> int:
    """Inserts what is not known yet; returns how many those were."""
    by_digest = {_digest(one): one for one in told}
    known = {row.digest for row in await scope.rows_among(_KNOWN, by_digest)}
    fresh = {digest: one for digest, one in by_digest.items() if digest not in known}
    await scope.insert(_ADD, {**as_columns(fresh.values()), "digest": list(fresh), "recorded_at": [now] * len(fresh)})
    return len(fresh)


async def heard(scope: Scope, limit: int) -> list[Heard]:
    rows = [*await scope.rows(_OF_RECORDS, limit=limit), *await scope.rows(_OF_EFFECTS, limit=limit)]
    found = {(row.serial, row.of_order): Heard(row.serial, row.of_order, as_record(News, row)) for row in rows}
    return sorted(found.values(), key=lambda one: (one.news.at, one.serial))


async def heed(scope: Scope, outcomes: Mapping[Heard, str], now: datetime) -> None:
    for one, said in outcomes.items():
        await scope.change(_HEEDED, which=one.serial, of_order=one.order_id, now=now, said=said)


async def expire(scope: Scope, before: datetime, now: datetime) -> int:
    return await scope.change(_EXPIRED, before=before, now=now, said="no order has this record")


def _digest(one: News) -> str:
    return hashlib.sha256(repr(tuple(as_values(one).values())).encode(errors="surrogatepass")).hexdigest()
