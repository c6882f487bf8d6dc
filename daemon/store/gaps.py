"""Mapping gaps: keys that the ERP does not know, each once, and the orders that wait for them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.store.columns import Words
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import MISSING, gaps, orders, revisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One order that waits for keys, and its wanted content as it was received (None once pruned)."""

    workspace: str
    order_id: str
    missing: tuple[str, ...]
    raw: bytes | None


#: A key longer than this is no name of anything: PostgreSQL refuses an index row of 2,704 bytes, and a character may take four.
_LONGEST = 600

_COUNTED = (
    select(orders.c.missing, func.count().label("many")).where(orders.c.workspace == THIS, MISSING).group_by(orders.c.missing)
)
_THEIRS = select(orders.c.id, orders.c.missing).where(orders.c.workspace == THIS, MISSING).order_by(orders.c.id)
_KNOWN = select(gaps.c.key, gaps.c.since).where(gaps.c.workspace == THIS)
_FIND = insert(gaps)
_CLOSE = delete(gaps).where(gaps.c.workspace == THIS, gaps.c.key.in_(WANTED))
_SINCE = select(gaps)
_WAITING = (
    select(orders.c.workspace, orders.c.id.label("order_id"), orders.c.missing, revisions.c.raw)
    .outerjoin(
        revisions,
        and_(
            revisions.c.workspace == orders.c.workspace,
            revisions.c.order_id == orders.c.id,
            revisions.c.number == orders.c.wanted,
        ),
    )
    .where(MISSING)
    .order_by(orders.c.created_at, orders.c.id)
)


async def waited_for(scope: Scope) -> Mapping[str, int]:
    counted: Counter[str] = Counter()
    for row in await scope.rows(_COUNTED):
        counted.update(dict.fromkeys(map(_as_kept, row.missing), row.many))
    return counted


def _as_kept(key: str) -> str:
    """The key as its gap is kept under: what is compared with that must be cleaned like that."""
    return (Words().say(key) or "")[:_LONGEST]


async def known(scope: Scope) -> Mapping[str, datetime]:
    return {row.key: row.since for row in await scope.rows(_KNOWN)}


async def save(scope: Scope, found: Iterable[str], closed: Iterable[str], since: datetime) -> None:
    keys = list(found)
    await scope.insert(_FIND, {"key": keys, "since": [since] * len(keys)})
    if over := list(closed):
        await scope.change(_CLOSE, wanted=over)


async def waiting_for(scope: Scope, key: str) -> list[str]:
    return [row.id for row in await scope.rows(_THEIRS) if _as_kept(key) in map(_as_kept, row.missing)]


async def waiting(connection: AsyncConnection) -> list[Waiting]:
    """Every order that waits for keys, the oldest first."""
    rows = await connection.execute(_WAITING)
    return [Waiting(workspace=row.workspace, order_id=row.order_id, missing=row.missing, raw=row.raw) for row in rows]


async def since(connection: AsyncConnection) -> Mapping[tuple[str, str], datetime]:
    """When each gap was found, by workspace and key."""
    return {(row.workspace, row.key): row.since for row in await connection.execute(_SINCE)}
