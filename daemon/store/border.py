"""Where the errors of SQLite, psycopg and SQLAlchemy become ours, and nowhere else.

Messages name no values: an order's hash works as a password, and PostgreSQL likes to repeat whole rows in its details.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeGuard

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daemon.errors import DaemonError, DatabaseError, PoisonRow, StoreUnavailable
from daemon.store.address import Address

if TYPE_CHECKING:
    import psycopg

MIGRATE = "Run `consentio-sync migrate`"
_RESTORE = "Bring back a copy of the database, then run `consentio-sync restored`"
ROOM = "Make room on the disk, then start again; nothing recorded is lost"
PATH_REMEDY = "Create the folder of database.url, and let the daemon's user write in it"

#: What is to be done, by the beginning of SQLite's own name of the error (https://www.sqlite.org/rescode.html).
_SQLITE_REMEDIES = {
    "SQLITE_FULL": ROOM,
    "SQLITE_IOERR": "Look at the disk: is it full, over its quota or broken?",
    "SQLITE_READONLY": "Let the daemon's user write the file of database.url and its folder",
    "SQLITE_CANTOPEN": PATH_REMEDY,
    "SQLITE_PERM": PATH_REMEDY,
    "SQLITE_NOTADB": "The file of database.url is no database: check the path",
    "SQLITE_CORRUPT": _RESTORE,
}
_SQLITE_POISON = ("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE")


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Foreign errors leave this block as `DatabaseError`, `StoreUnavailable` or `PoisonRow`; our own pass."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise verdict(error, address) from None
    except Exception as error:
        if _is_psycopg(error):
            raise verdict(error, address) from None
        raise


def _is_psycopg(error: BaseException) -> TypeGuard["psycopg.Error"]:
    """Whether it is psycopg's; where psycopg was never imported, nothing is."""
    module = sys.modules.get("psycopg")
    return module is not None and isinstance(error, module.Error)


def verdict(error: Exception, address: Address) -> Exception:
    """What a foreign error means for us; an error that is a bug of ours stays itself."""
    cause = error.orig if isinstance(error, StatementError) and error.orig else error
    match cause:
        case DaemonError():
            return cause
        case OverflowError():
            return PoisonRow("A number is too large for the database")
        case sqlite3.Error():
            return _of_sqlite(cause, address)
        case _ if _is_psycopg(cause):
            from daemon.store.border_postgresql import of_postgresql  # noqa: PLC0415  # psycopg is large

            return of_postgresql(cause, address)
        case PoolTimeout():
            return StoreUnavailable(f"No connection to {address.name} came free in time")
    disconnected = isinstance(error, DBAPIError) and error.connection_invalidated
    return StoreUnavailable(f"The connection to {address.name} was lost") if disconnected else error


def _of_sqlite(error: sqlite3.Error, address: Address) -> DaemonError:
    name: str = getattr(error, "sqlite_errorname", "") or ""
    for beginning, remedy in _SQLITE_REMEDIES.items():
        if name.startswith(beginning):
            return DatabaseError(f"The database {address.name} cannot be used: {error}", remedy=remedy)
    if name.startswith(_SQLITE_POISON) or isinstance(error, (sqlite3.DataError, sqlite3.IntegrityError)):
        return PoisonRow(f"The database refuses a row: {error}")
    if str(error).startswith("no such "):
        return DatabaseError(f"The database {address.name} has another schema: {error}", remedy=MIGRATE)
    return StoreUnavailable(f"The database {address.name} is away: {error}")
