"""Where the database is: the URL as the operator writes it, read once."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from daemon.errors import DatabaseError

_EXAMPLES = "Write database.url as sqlite:///consentio-sync.db or postgresql://user@host/database"

#: Bounds for everything that the network or another session may hold up; what the operator's URL says goes first.
_POSTGRESQL_QUERY = {
    "application_name": "consentio-sync",
    "connect_timeout": "10",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
#: The same for the server's side: a frozen daemon must not hold a workspace's row, or a dead one its lock, for ever.
_POSTGRESQL_OPTIONS = (
    "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
    # A plan that was made for the first rows of a table must not outlive them: a first backlog comes before any statistics.
    " -c plan_cache_mode=force_custom_plan"
    " -c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=20000"
)


@dataclass(frozen=True, slots=True)
class Address:
    """A database: how to reach it, and how to speak of it without its user and password."""

    #: Kept out of every representation: it may hold a password, in its query too.
    url: URL = field(repr=False)
    name: str
    #: SQLite's file, links resolved, so that one database has one lock; None on PostgreSQL.
    file: Path | None


def parse_address(text: str) -> Address:
    """Reads `database.url`. Raises `DatabaseError`, which never repeats the URL: it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseError("database.url is not a URL", remedy=_EXAMPLES) from None
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url)
        case "postgresql" | "postgres":
            return _postgresql(url)
        case other:
            raise DatabaseError(f"database.url names {other}, and only SQLite and PostgreSQL are supported", remedy=_EXAMPLES)


def _sqlite(url: URL) -> Address:
    if not url.database or url.database == ":memory:" or url.host:
        raise DatabaseError("database.url names no file; a database in memory would forget every order", remedy=_EXAMPLES)
    file = Path(url.database).resolve()
    # "rw" never creates a file: a mistyped path is an error, not a new and empty database. Migrating opens it otherwise.
    query = {**url.query, "uri": "true", "mode": "rw"}
    return Address(URL.create("sqlite+aiosqlite", database=f"file:{quote(str(file))}", query=query), str(file), file)


def _postgresql(url: URL) -> Address:
    given = url.query.get("options", "")
    options = f"{_POSTGRESQL_OPTIONS} {given if isinstance(given, str) else ' '.join(given)}".strip()
    query = {**_POSTGRESQL_QUERY, **url.query, "options": options}
    host = url.host or url.query.get("host") or "localhost"
    name = f"postgresql://{host}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    return Address(url.set(drivername="postgresql+psycopg", query=query), name, None)
