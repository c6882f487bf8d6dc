"""SQLite's driver with fewer visits to its thread: a statement and all its rows are one, where SQLAlchemy makes four of them.

Each visit wakes two threads, which costs an idle cycle more than what it asks of the database.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)

Run = Callable[[sqlite3.Cursor, str, Any], object]


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """SQLAlchemy's, but for how it speaks to aiosqlite."""

    __slots__ = ()

    def __init__(self, connection: AsyncAdapt_aiosqlite_connection) -> None:
        self._adapt_connection = connection
        self._connection = connection._connection  # noqa: SLF001  # as its base does
        self._cursor = None  # type: ignore[assignment]  # there is one once something was executed
        self._soft_closed_memoized = {}  # type: ignore[assignment]
        self._rows = deque()

    async def _execute_async(self, operation: str, parameters: Any) -> None:
        await self._visit(sqlite3.Cursor.execute, operation, parameters or ())

    async def _executemany_async(self, operation: str, seq_of_parameters: Any) -> None:
        await self._visit(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _visit(self, run: Run, operation: str, values: Any) -> None:
        connection: Any = self._connection
        async with self._adapt_connection._execute_mutex:  # noqa: SLF001  # as its base does
            self._cursor, rows = await connection._execute(_visited, connection._conn, run, operation, values)  # noqa: SLF001
        self._rows = deque(rows)

    async def _async_soft_close(self) -> None:
        """Nothing is left open in the thread."""

    def close(self) -> None:
        self._rows.clear()


def _visited(connection: sqlite3.Connection, run: Run, operation: str, values: Any) -> tuple[sqlite3.Cursor, list[Any]]:
    """All of a statement, in the connection's thread. A closed cursor still tells what it described and counted."""
    cursor = connection.cursor()
    try:
        run(cursor, operation, values)
        return cursor, cursor.fetchall() if cursor.description else []
    finally:
        cursor.close()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor  # type: ignore[assignment]  # annotated by its value there


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """For `create_async_engine(module=...)`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **options: Any) -> _Connection:
        return _Connection(self, super().connect(*arguments, **options)._connection)  # noqa: SLF001  # the driver's own
