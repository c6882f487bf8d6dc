"""A copy of what a cycle needs of some workspaces, for a rehearsal: as of one moment, the original untouched."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.store.address import Address, parse_address
from daemon.store.engine import Engine
from daemon.store.schema import migrate, require_revision, stored_revision
from daemon.store.tables import (
    KEPT,
    UNDONE,
    UNHEEDED,
    attempts,
    ledger,
    metadata,
    news,
    notes,
    orders,
    revisions,
    unreadable,
    wishes,
    workspaces,
)

#: What only people ask for.
_LEFT_OUT = (attempts, notes, unreadable)
_AT_ONCE = 1000

#: The contents that an effect may carry, or be compared with.
_IN_USE = exists().where(
    orders.c.workspace == revisions.c.workspace,
    orders.c.id == revisions.c.order_id,
    revisions.c.number.in_([orders.c.latest, orders.c.wanted, orders.c.erp_revision, orders.c.body_revision]),
)
_ONLY: dict[str, ColumnElement[bool]] = {
    revisions.name: and_(KEPT, _IN_USE),
    ledger.name: or_(ledger.c.outcome.is_(None), ledger.c.kind == "create", ledger.c.counted),
    wishes.name: and_(UNDONE),
    news.name: and_(UNHEEDED),
}


async def copy_for_rehearsal(source: str, target: str, names: Collection[str]) -> None:
    """Makes `target`, a new SQLite database, and copies what these workspaces have in `source`; nothing if that is not there yet.

    Takes no lock and leaves no trace. Raises `DatabaseError` if the source has another schema.
    """
    await migrate(target)
    address = parse_address(source)
    if address.file and not address.file.exists():
        return
    origin, copy = Engine(address, read_only=True), Engine(parse_address(target))
    try:
        async with origin.snapshot() as reading, copy.writing() as writing:
            await _copy(address, reading, writing, names)
    finally:
        await origin.close()
        await copy.close()


async def _copy(address: Address, reading: AsyncConnection, writing: AsyncConnection, names: Collection[str]) -> None:
    current = await stored_revision(reading)
    if current is None:
        return
    require_revision(current, address)
    for table in metadata.sorted_tables:
        if table not in _LEFT_OUT:
            await _copy_rows(reading, writing, _of(table, names))


def _of(table: Any, names: Collection[str]) -> Select[Any]:
    owner = table.c.id if table is workspaces else table.c.workspace
    wanted = select(table).where(owner.in_(names))
    return wanted.where(_ONLY[table.name]) if table.name in _ONLY else wanted


async def _copy_rows(reading: AsyncConnection, writing: AsyncConnection, wanted: Select[Any]) -> None:
    (table,) = wanted.get_final_froms()
    async with reading.stream(wanted) as rows:
        async for batch in rows.mappings().partitions(_AT_ONCE):
            await writing.execute(insert(table), [dict(row) for row in batch])  # type: ignore[arg-type]  # a table, as it was given
