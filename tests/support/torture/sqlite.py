"""The real store on a real SQLite file, without the driver's threads: a schedule must run the same way twice.

The files lie in memory where that is possible: processes are killed here, never machines, so nothing depends on a flush.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any
from unittest.mock import patch

from aiosqlite.core import Connection

from daemon.store.schema import require_current


@contextmanager
def without_threads() -> Iterator[None]:
    """Aiosqlite carries out each statement where it is asked to."""
    with patch.multiple(Connection, __await__=_connect, _execute=_execute, stop=_stop):
        yield


def _connect(self: Connection) -> Any:
    async def connected() -> Connection:
        if self._connection is None:
            self._connection = self._connector()
        return self

    return connected().__await__()


async def _execute(self: Connection, work: Callable[..., object], *args: object, **options: object) -> object:
    if self._connection is None:
        raise ValueError("Connection closed")
    return work(*args, **options)


def _stop(self: Connection) -> None:
    if self._connection is not None:
        self._connection.close()
        self._connection = None


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else None, prefix="torture-") as folder:
        yield Path(folder)


@cache
def _empty() -> bytes:
    """A migrated database, made once."""
    folder = Path(mkdtemp())
    try:
        with ThreadPoolExecutor(1) as elsewhere:  # a loop may be running here
            elsewhere.submit(asyncio.run, require_current(f"sqlite:///{folder}/empty.db", auto_migrate=True)).result()
        return (folder / "empty.db").read_bytes()
    finally:
        shutil.rmtree(folder)


def make_empty(file: Path) -> None:
    remove(file)
    file.write_bytes(_empty())


def remove(file: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def backup(file: Path, copy: Path) -> None:
    """A copy of what is committed now."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
