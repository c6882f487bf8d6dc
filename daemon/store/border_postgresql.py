"""What the errors of PostgreSQL and psycopg mean; the other half of `border`, imported only where such an error is met."""

import psycopg

from daemon.errors import DaemonError, DatabaseError, PoisonRow, StoreUnavailable
from daemon.store.address import Address
from daemon.store.border import MIGRATE, ROOM

#: What is to be done, by the beginning of PostgreSQL's code (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL_REMEDIES = {
    "53100": ROOM,
    "25006": "The server is read-only: let database.url name the primary one",
    "28": "Check the user and the password in database.url, and pg_hba.conf",
    "3D000": "Create the database that database.url names",
    "42501": "Give the user of database.url the right to create and write tables there",
    "42": MIGRATE,
    "3F000": MIGRATE,
}
#: Bad values, broken constraints, limits of a row; and the refusal to go on after one of them.
_POSTGRESQL_POISON = ("22", "23", "54", "25P02")

#: libpq gives no code for a refused login: its words, as the server speaks them by default.
_LOGIN_REMEDIES = {
    "authentication failed": _POSTGRESQL_REMEDIES["28"],
    "no password supplied": _POSTGRESQL_REMEDIES["28"],
    "no pg_hba.conf entry": _POSTGRESQL_REMEDIES["28"],
    "permission denied": _POSTGRESQL_REMEDIES["28"],
    'FATAL: role "': _POSTGRESQL_REMEDIES["28"],
    "does not exist": _POSTGRESQL_REMEDIES["3D000"],
    "invalid connection option": "Check what follows the question mark in database.url",
}


def of_postgresql(error: psycopg.Error, address: Address) -> DaemonError:
    words = error.diag.message_primary or (str(error).splitlines() or [""])[0]
    for beginning, remedy in _POSTGRESQL_REMEDIES.items():
        if (error.sqlstate or "").startswith(beginning):
            return DatabaseError(f"The database {address.name} cannot be used: {words}", remedy=remedy)
    if (error.sqlstate or "").startswith(_POSTGRESQL_POISON) or isinstance(error, psycopg.DataError):
        return PoisonRow(f"The database refuses a row: {words}")
    if error.sqlstate is None:
        return _of_login(str(error), address)
    return StoreUnavailable(f"The database {address.name} is away: {words}")


def _of_login(told: str, address: Address) -> DaemonError:
    words = " ".join(told.split())
    for part, remedy in _LOGIN_REMEDIES.items():
        if part in words:
            return DatabaseError(f"The database {address.name} cannot be used: {words}", remedy=remedy)
    return StoreUnavailable(f"The database {address.name} is away: {words}")
