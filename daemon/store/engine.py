"""Connections. Writers on SQLite begin with the write lock in their hands: a lock taken later would lose updates or fail."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from daemon.errors import StoreUnavailable
from daemon.store.address import Address
from daemon.store.border import translated
from daemon.store.driver import Driver

#: Seconds that a transaction may take from its beginning to its commit.
TRANSACTION_TIMEOUT_S = 120
#: Seconds that SQLite waits for another process (`status`, `retry`) to finish its write.
_BUSY_TIMEOUT_S = 30

#: A property of the file: readers and one writer side by side.
_SQLITE_JOURNAL = "PRAGMA journal_mode = WAL"
#: Properties of each connection.
_SQLITE_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # a commit survives a power cut: the cursor is moved on the strength of it
    "PRAGMA foreign_keys = ON",
)


#: How long a new leader waits for the row of its workspace, in seconds.
_HELD_UP_S = 2.0
_OWN_SESSION = text("SELECT pg_backend_pid()")
_END_BLOCKERS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = ANY (pg_blocking_pids(:session)) AND application_name LIKE 'consentio-sync%'
""")


class Engine:
    """The connections of one process to one database."""

    def __init__(self, address: Address, *, create: bool = False, read_only: bool = False) -> None:
        self.address = address
        self._engine = _open_read_only(address) if read_only else _open(address, create=create)
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT") if address.file is None else self._engine
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE") if address.file else self._engine
        # SQLite knows one writer at a time: ours queue here, where waiting is fair and costs nothing.
        self._turn: AbstractAsyncContextManager[object] = asyncio.Lock() if address.file else nullcontext()

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements each see the database as it is at that moment."""
        with translated(self.address):
            async with _in_time(self.address), self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements all see the database as it was at the first of them, and that changes nothing."""
        whole = {"begin": "BEGIN"} if self.address.file else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with translated(self.address):
            async with _in_time(self.address), self._engine.execution_options(**whole).connect() as connection:
                yield connection

    @asynccontextmanager
    async def beside(self, file: Path, name: str) -> AsyncIterator[AsyncConnection]:
        """SQLite only: a transaction in which another file, read as it was at its first statement, is there under a name."""
        uri = f"file:{quote(str(file))}?{urlencode(_traceless(file))}"
        with translated(self.address):
            async with _in_time(self.address), self._engine.connect() as connection:
                await connection.exec_driver_sql(f"ATTACH DATABASE ? AS {name}", (uri,))
                await connection.exec_driver_sql("BEGIN")
                yield connection
                await connection.exec_driver_sql("COMMIT")

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that alone writes (SQLite), committed when the block ends normally, else rolled back."""
        with translated(self.address):
            async with _in_time(self.address), self._turn, self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def not_held_up(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """Whoever holds a row that this connection waits for has lost the lead: after a while its session is ended.

        A leader that froze in the middle of a transaction would else keep its workspace's row until a timeout of the server.
        """
        if self.address.file:
            yield
            return
        ending = asyncio.create_task(self._end_blockers_of(await connection.scalar(_OWN_SESSION)))
        try:
            yield
        finally:
            ending.cancel()
            await asyncio.gather(ending, return_exceptions=True)

    async def _end_blockers_of(self, session: object) -> None:
        await asyncio.sleep(_HELD_UP_S)
        async with self.reading() as connection:
            await connection.execute(_END_BLOCKERS, {"session": session})


def _open(address: Address, *, create: bool) -> AsyncEngine:
    if address.file is None:
        # Values stay out of error messages: an order's hash works as a password.
        return create_async_engine(address.url, hide_parameters=True)
    url = address.url.update_query_dict({"mode": "rwc"}) if create else address.url
    engine = create_async_engine(
        url,
        hide_parameters=True,
        module=Driver(),
        poolclass=AsyncAdaptedQueuePool,
        # No transactions of the driver's own: it would begin them late, and leave schema changes out.
        connect_args={"isolation_level": None, "timeout": _BUSY_TIMEOUT_S},
    )
    event.listen(engine.sync_engine, "do_connect", _probe_sqlite)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _open_read_only(address: Address) -> AsyncEngine:
    if address.file is None:
        return _open(address, create=False)
    url = address.url.update_query_dict(_traceless(address.file))
    engine = create_async_engine(url, hide_parameters=True, connect_args={"isolation_level": None, "timeout": _BUSY_TIMEOUT_S})
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _traceless(file: Path) -> dict[str, str]:
    """How to read a file and leave nothing: not even what SQLite puts beside it, where nobody has it open."""
    is_at_rest = not file.with_name(f"{file.name}-wal").exists()
    return {"mode": "ro", **({"immutable": "1"} if is_at_rest else {})}


def _probe_sqlite(_dialect: object, _record: object, arguments: Sequence[str], options: Mapping[str, Any]) -> None:
    """Fails here, if the file cannot be used: a connection that fails in aiosqlite leaves a thread and its traceback behind."""
    (file,) = arguments
    with closing(sqlite3.connect(file, **options)) as connection:
        connection.execute(_SQLITE_JOURNAL)


def _prepare_sqlite(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection has no type of its own
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    begin = connection.get_execution_options().get("begin")
    if begin:
        connection.exec_driver_sql(begin)


@asynccontextmanager
async def _in_time(address: Address) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(TRANSACTION_TIMEOUT_S) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise StoreUnavailable(f"The database {address.name} did not answer in {TRANSACTION_TIMEOUT_S} s") from None
