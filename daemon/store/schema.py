"""The schema: which one the database has, and how it comes to the newest. Alembic is imported only to migrate: it is slow."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import Connection, Select, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

import daemon
from daemon.errors import DatabaseError
from daemon.store.address import Address, parse_address
from daemon.store.border import PATH_REMEDY, ROOM
from daemon.store.engine import Engine
from daemon.store.tables import REVISION, VERSION_TABLE, metadata

_MIGRATE = "Run `consentio-sync migrate`"
#: Two daemons that start together migrate one after the other.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(1668247155, 0)"
#: What SQLite needs beside its file to be opened at all, and a little for a commit.
_A_LITTLE = bytes(64 * 1024)
_STORED: Select[Any] = select(column("version_num")).select_from(table(VERSION_TABLE))


async def require_current(url: str, *, auto_migrate: bool | None = None) -> None:
    """Returns if the database has the newest schema. An older or missing one is migrated first with `auto_migrate`, which is
    by default on for SQLite only; else, and always for a newer one, raises `DatabaseError`.
    """
    address = parse_address(url)
    current = await current_revision(url)
    _refuse_newer(current, address)
    if current == REVISION:
        return
    if auto_migrate is None:
        auto_migrate = address.file is not None
    if not auto_migrate:
        found = f"schema {current}, and {REVISION} is needed" if current else "no schema yet"
        raise DatabaseError(f"The database {address.name} has {found}", remedy=_MIGRATE)
    await migrate(url)


async def current_revision(url: str) -> str | None:
    """The number of the schema that the database has; None if it has none, or is not there yet (SQLite)."""
    address = parse_address(url)
    if address.file and not address.file.exists():
        return None
    engine = Engine(address)
    try:
        async with engine.reading() as connection:
            return await stored_revision(connection)
    finally:
        await engine.close()


def require_revision(current: str, address: Address) -> None:
    """Raises `DatabaseError` unless this is the newest schema."""
    _refuse_newer(current, address)
    if current != REVISION:
        raise DatabaseError(f"The database {address.name} has schema {current}, and {REVISION} is needed", remedy=_MIGRATE)


def require_creatable(url: str) -> None:
    """Raises `DatabaseError` if SQLite's file, which is not there yet, could not be made; touches nothing."""
    file = parse_address(url).file
    if file is not None and not file.exists() and not os.access(file.parent, os.W_OK | os.X_OK):
        raise DatabaseError(f"The database {file} cannot be created", remedy=PATH_REMEDY)


def require_room(url: str) -> None:
    """Raises `DatabaseError` if the disk of SQLite's file takes nothing more; what is written there for it is gone at once."""
    file = parse_address(url).file
    if file is None:
        return
    try:
        with TemporaryFile(dir=file.parent) as probe:
            probe.write(_A_LITTLE)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as problem:
        remedy = ROOM if problem.errno in (errno.ENOSPC, errno.EDQUOT) else PATH_REMEDY
        raise DatabaseError(f"The database {file} cannot be written: {problem.strerror}", remedy=remedy) from None


async def migrate(url: str) -> tuple[str | None, str]:
    """Brings the database to the newest schema, or leaves it untouched. Returns the numbers before and after.

    Creates SQLite's file, but no folder. Raises `DatabaseError`.
    """
    address = parse_address(url)
    engine = Engine(address, create=True)
    try:
        async with engine.writing() as connection:
            if address.file is None:
                await connection.execute(text(_ONE_AT_A_TIME))
            before = await stored_revision(connection)
            _refuse_newer(before, address)
            if before != REVISION:
                await connection.run_sync(_upgrade)
            return before, REVISION
    finally:
        await engine.close()


async def stored_revision(connection: AsyncConnection) -> str | None:
    """The number of the schema behind a connection; None if there is none."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table(VERSION_TABLE)):
        return None
    stored: str | None = await connection.scalar(_STORED)
    return stored


def _refuse_newer(current: str | None, address: Address) -> None:
    # Numbers have four digits: as texts they compare like numbers.
    if current is not None and current > REVISION:
        raise DatabaseError(
            f"The database {address.name} has schema {current}, and this program knows {REVISION} only",
            remedy="Install the newer consentio-sync again, or bring back the copy made before its `consentio-sync migrate`",
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # slow to import, and seldom needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection, "metadata": metadata, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    command.upgrade(config, "head")


def migrations() -> Path:
    """A wheel carries the migrations inside the package; a checkout has them beside it."""
    package = Path(daemon.__file__).parent
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"
