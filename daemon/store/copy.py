"""A copy of what a cycle needs of some workspaces, for a rehearsal: as of one moment, the original untouched."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import MetaData, Select, Table, and_, exists, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from daemon.store.address import Address, parse_address
from daemon.store.engine import Engine
from daemon.store.schema import migrate, require_revision, stored_revision
from daemon.store.tables import KEPT, UNDONE, UNHEEDED, metadata

#: What only people ask for.
_LEFT_OUT = ("attempts", "notes", "unreadable")
_AT_ONCE = 1000
#: What the original is called beside the copy.
_ORIGIN = "origin"

Tables = Mapping[str, Table]


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
        async with origin.snapshot() as reading:
            if not await _is_filled(address, reading):
                return
            if address.file is None:
                async with copy.writing() as writing:
                    await _carry(reading, writing, names)
        if address.file is not None:
            async with copy.beside(address.file, _ORIGIN) as writing:
                await _let_sqlite_copy(writing, names)
    finally:
        await origin.close()
        await copy.close()


async def _is_filled(address: Address, reading: AsyncConnection) -> bool:
    current = await stored_revision(reading)
    if current is not None:
        require_revision(current, address)
    return current is not None


async def _let_sqlite_copy(writing: AsyncConnection, names: Collection[str]) -> None:
    beside = MetaData()
    origin = {table.name: table.to_metadata(beside, schema=_ORIGIN) for table in metadata.sorted_tables}
    for name, wanted in _wanted(origin, names).items():
        columns = [column.name for column in origin[name].c]
        await writing.execute(insert(metadata.tables[name]).from_select(columns, wanted))


async def _carry(reading: AsyncConnection, writing: AsyncConnection, names: Collection[str]) -> None:
    for name, wanted in _wanted(metadata.tables, names).items():
        async with reading.stream(wanted) as rows:
            async for batch in rows.mappings().partitions(_AT_ONCE):
                await writing.execute(insert(metadata.tables[name]), [dict(row) for row in batch])


def _wanted(tables: Tables, names: Collection[str]) -> dict[str, Select[Any]]:
    """The rows of each table, in an order in which they may be inserted."""
    return {table.name: _of(tables, table.name, names) for table in metadata.sorted_tables if table.name not in _LEFT_OUT}


def _of(tables: Tables, name: str, names: Collection[str]) -> Select[Any]:
    table = tables[name]
    wanted = select(table).where((table.c.id if name == "workspaces" else table.c.workspace).in_(names))
    match name:
        case "revisions":
            return wanted.where(KEPT, _is_in_use(tables))
        case "ledger":
            return wanted.where(or_(table.c.outcome.is_(None), table.c.kind == "create", table.c.counted))
        case "wishes":
            return wanted.where(UNDONE)
        case "news":
            return wanted.where(UNHEEDED)
    return wanted


def _is_in_use(tables: Tables) -> Any:
    """The contents that an effect may carry, or be compared with."""
    orders, revisions = tables["orders"], tables["revisions"]
    numbers = [orders.c.latest, orders.c.wanted, orders.c.erp_revision, orders.c.body_revision]
    same = and_(orders.c.workspace == revisions.c.workspace, orders.c.id == revisions.c.order_id)
    return exists().where(same, revisions.c.number.in_(numbers))
