"""Where the errors of SQLite, psycopg and SQLAlchemy become ours, and nowhere else.

Messages name no values: an order's hash works as a password, and PostgreSQL likes to repeat whole rows in its details.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daemon.errors import DaemonError, DatabaseError, PoisonRow, StoreUnavailable
from daemon.store.address import Address

_MIGRATE = "Run `consentio-sync migrate`"
_RESTORE = "Bring back a copy of the database, then run `consentio-sync restored`"
_ROOM = "Make room on the disk, then start again; nothing recorded is lost"
PATH_REMEDY = "Create the folder of database.url, and let the daemon's user write in it"

#: What is to be done, by the beginning of SQLite's own name of the error (https://www.sqlite.org/rescode.html).
_SQLITE_REMEDIES = {
    "SQLITE_FULL": _ROOM,
    "SQLITE_IOERR": "Look at the disk: is it full, over its quota or broken?",
    "SQLITE_READONLY": "Let the daemon's user write the file of database.url and its folder",
    "SQLITE_CANTOPEN": PATH_REMEDY,
    "SQLITE_PERM": PATH_REMEDY,
    "SQLITE_NOTADB": "The file of database.url is no database: check the path",
    "SQLITE_CORRUPT": _RESTORE,
}
_SQLITE_POISON = ("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE")

#: The same by the beginning of PostgreSQL's code (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL_REMEDIES = {
    "53100": _ROOM,
    "25006": "The server is read-only: let database.url name the primary one",
    "28": "Check the user and the password in database.url, and pg_hba.conf",
    "3D000": "Create the database that database.url names",
    "42501": "Give the user of database.url the right to create and write tables there",
    "42": _MIGRATE,
    "3F000": _MIGRATE,
}
#: Bad values, broken constraints, limits of a row; and the refusal to go on after one of them.
_POSTGRESQL_POISON = ("22", "23", "54", "25P02")

#: libpq gives no code for a refused login: its words, as the server speaks them by default.
_LOGIN_REMEDIES = {
    "authentication failed": _POSTGRESQL_REMEDIES["28"],
    "no password supplied": _POSTGRESQL_REMEDIES["28"],
    "no pg_hba.conf entry": _POSTGRESQL_REMEDIES["28"],
    "permission denied": _POSTGRESQL_REMEDIES["28"],
    'FATAL:  role "': _POSTGRESQL_REMEDIES["28"],
    "does not exist": _POSTGRESQL_REMEDIES["3D000"],
    "invalid connection option": "Check what follows the question mark in database.url",
}


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Foreign errors leave this block as `DatabaseError`, `StoreUnavailable` or `PoisonRow`; our own pass."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        raise verdict(error, address) from None


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
        case psycopg.Error():
            return _of_postgresql(cause, address)
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
        return DatabaseError(f"The database {address.name} has another schema: {error}", remedy=_MIGRATE)
    return StoreUnavailable(f"The database {address.name} is away: {error}")


def _of_postgresql(error: psycopg.Error, address: Address) -> DaemonError:
    words = error.diag.message_primary or (str(error).splitlines() or [""])[0]
    for beginning, remedy in _POSTGRESQL_REMEDIES.items():
        if (error.sqlstate or "").startswith(beginning):
            return DatabaseError(f"The database {address.name} cannot be used: {words}", remedy=remedy)
    if (error.sqlstate or "").startswith(_POSTGRESQL_POISON) or isinstance(error, psycopg.DataError):
        return PoisonRow(f"The database refuses a row: {words}")
    if error.sqlstate is None:
        return _of_login(str(error), address)
    return StoreUnavailable(f"The database {address.name} is away: {words}")


def _of_login(words: str, address: Address) -> DaemonError:
    for part, remedy in _LOGIN_REMEDIES.items():
        if part in words:
            return DatabaseError(f"The database {address.name} cannot be used: {words.strip()}", remedy=remedy)
    return StoreUnavailable(f"The database {address.name} is away: {words.strip()}")
