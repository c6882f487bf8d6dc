"""The daemon's open ledger rows, read from its database by somebody who knows nothing of the daemon."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.waiting import wait_until_sync

_OPEN = "SELECT kind, order_id, key FROM ledger WHERE outcome IS NULL AND kind IN ('create', 'update', 'cancel') ORDER BY 1, 2"
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass(frozen=True, slots=True)
class OpenRow:
    """One effect on the ERP that nobody knows the end of."""

    kind: str
    order: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind} {self.order}"


def rows_left_open(database: str) -> list[OpenRow]:
    """What a dead daemon left open; the look changes nothing."""
    if database.startswith("sqlite"):
        with _copy_of(_file(database)) as file:
            return _from_sqlite(file)
    with psycopg.connect(database, autocommit=True) as connection:
        # The server may still be busy with the dead process's last commit.
        wait_until_sync(lambda: connection.execute(_OTHERS).fetchone() == (0,), what="the dead daemon's connections to end")
    return open_rows(database)


def open_rows(database: str) -> list[OpenRow]:
    """What is open while the daemon lives."""
    if database.startswith("sqlite"):
        return _from_sqlite(_file(database))
    with psycopg.connect(database, autocommit=True) as connection:
        return [OpenRow(*row) for row in connection.execute(_OPEN)]


def _file(database: str) -> Path:
    return Path(database.removeprefix("sqlite:///"))


def _from_sqlite(file: Path) -> list[OpenRow]:
    with closing(sqlite3.connect(file)) as connection:
        return [OpenRow(*row) for row in connection.execute(_OPEN)]


@contextmanager
def _copy_of(file: Path) -> Iterator[Path]:
    """Whoever opens the database itself would tidy up after the dead process, before its heir can."""
    with tempfile.TemporaryDirectory() as folder:
        for part in file.parent.glob(f"{file.name}*"):
            shutil.copy(part, folder)
        yield Path(folder) / file.name
