import asyncio

import psycopg
import pytest
from sqlalchemy import event, text

from daemon.errors import DatabaseError, StoreUnavailable
from daemon.store import engine
from daemon.store.address import parse_address
from daemon.store.database import open_database
from daemon.store.engine import Engine
from daemon.store.questions import open_reader
from daemon.store.schema import migrate
from tests.support.stores import NOW, a_revision, an_order, lead, led_store
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    "url", ["geheim", "sqlite://", "sqlite:///:memory:", "mysql://u:geheim@h/d", "postgresql://u:geheim@h:x/d"]
)
def test_an_unusable_url_is_refused(url):
    """What cannot be a database of ours is told with examples, and never repeated: it may hold a password."""
    with pytest.raises(DatabaseError) as refusal:
        parse_address(url)

    assert refusal.value.exit_code == 4
    assert "sqlite:///" in refusal.value.remedy
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize("url", ["postgresql://u:geheim@h:5433/d?password=geheim", "postgres://h/d", "postgresql+psycopg://h/d"])
def test_a_database_is_spoken_of_without_its_secrets(url):
    """The name of a PostgreSQL database holds host and database only."""
    address = parse_address(url)

    assert address.name in {"postgresql://h:5433/d", "postgresql://h/d"}
    assert "geheim" not in repr(address)


async def test_a_missing_folder_is_told(tmp_path):
    """No folder is ever created for a mistyped path."""
    with pytest.raises(DatabaseError, match="nowhere") as refusal:
        await migrate(f"sqlite:///{tmp_path}/nowhere/sync.db")
    assert "folder" in refusal.value.remedy


async def test_a_missing_file_is_no_empty_database(tmp_path):
    """A mistyped path is told, and leaves no file behind."""
    with pytest.raises(DatabaseError) as refusal:
        async with open_reader(f"sqlite:///{tmp_path}/sync.db"):
            pass
    with pytest.raises(DatabaseError):
        async with open_database(f"sqlite:///{tmp_path}/other.db") as database:
            await lead(database)

    assert "consentio-sync migrate" in refusal.value.remedy
    assert {path.name for path in tmp_path.iterdir()} <= {"other.db.7.lock"}


async def test_a_file_that_is_no_database_is_told(tmp_path):
    """Another file is neither read nor written."""
    file = tmp_path / "sync.db"
    file.write_text("my notes, dear to me\n" * 200)
    with pytest.raises(DatabaseError):
        await migrate(f"sqlite:///{file}")

    assert file.read_text() == "my notes, dear to me\n" * 200


@pytest.mark.parametrize(("pragma", "words"), [("max_page_count = 60", "room"), ("query_only = on", "write")])
async def test_a_disk_that_takes_no_more_is_told(tmp_path, pragma, words):
    """A full or write-protected disk is for a person to mend; what was recorded before stays, and work goes on afterwards."""
    async with led_store(f"sqlite:///{tmp_path}/sync.db") as store:
        event.listen(store._engine._engine.sync_engine, "checkout", lambda raw, *_: execute(raw, pragma))
        with pytest.raises(DatabaseError) as refusal:
            await fill(store)
        assert words in refusal.value.remedy.lower()

    async with open_database(f"sqlite:///{tmp_path}/sync.db") as database:
        await fill(await lead(database))


def execute(raw, pragma):
    cursor = raw.cursor()
    cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


async def fill(store):
    async with store.transaction() as tx:
        await tx.add_revisions(a_revision(str(number), raw=bytes(5000)) for number in range(100))


async def test_a_locked_database_is_away(tmp_path, monkeypatch):
    """Another program's endless transaction is an outage, and over when it ends."""
    monkeypatch.setattr(engine, "_BUSY_TIMEOUT_S", 0.1)
    url = f"sqlite:///{tmp_path}/sync.db"
    async with led_store(url) as store:
        other = Engine(parse_address(url))
        async with other.writing():
            with pytest.raises(StoreUnavailable):
                async with store.transaction():
                    pass
        async with store.transaction():
            pass
        await other.close()


async def test_a_transaction_has_a_limit(database_url, monkeypatch):
    """A database that does not answer is away, and the next transaction finds it again."""
    async with led_store(database_url) as store:
        with monkeypatch.context() as patch:
            patch.setattr(engine, "TRANSACTION_TIMEOUT_S", 0.1)
            with pytest.raises(StoreUnavailable, match="did not answer"):
                async with store.transaction():
                    await asyncio.Event().wait()
        async with store.transaction() as tx:
            await tx.save_orders([an_order()])


async def test_an_outside_timeout_is_not_the_databases(database_url):
    """A TimeoutError of other origin passes through as it is."""
    async with led_store(database_url) as store:
        with pytest.raises(TimeoutError):
            async with store.transaction():
                raise TimeoutError


async def test_a_database_without_tables_is_told(database_url):
    """What was migrated by nobody is refused with the remedy, also by those who did not look first."""
    if address_is_file(database_url):
        address_is_file(database_url).touch()
    async with open_database(database_url) as database:
        with pytest.raises(DatabaseError) as refusal:
            await lead(database)
    assert "consentio-sync migrate" in refusal.value.remedy


def address_is_file(url):
    return parse_address(url).file


@pytest.mark.postgres
class TestPostgres:
    async def test_a_server_that_is_away(self):
        """A refused connection is an outage: the daemon stays up and tries again."""
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
            await migrate("postgresql://me:geheim@127.0.0.1:1/sync")

    @pytest.mark.parametrize(("part", "remedy"), [("postgres@", "user"), ("/test", "Create the database")])
    async def test_a_wrong_name_is_told(self, postgres_url, part, remedy):
        """A user or database that the server does not know is for a person to mend."""
        wrong = postgres_url.replace(part, {"postgres@": "stranger:geheim@", "/test": "/missing"}[part])
        with pytest.raises(DatabaseError) as refusal:
            await migrate(wrong)
        assert remedy in refusal.value.remedy
        assert "geheim" not in repr(refusal.value)

    async def test_a_restart_of_the_server(self, postgres_url):
        """After every connection was cut, the store is away once or twice, then works under a new epoch."""
        async with led_store(postgres_url) as store:
            await store.glance(NOW)
            with psycopg.connect(postgres_url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

            await wait_until(lambda: works(store), what="the store to work again")
            assert store.leadership.epoch == 2

    async def test_a_connection_cut_inside_a_transaction(self, postgres_url):
        """A transaction that lost its connection is an outage, not a bug."""
        async with led_store(postgres_url) as store:
            with pytest.raises(StoreUnavailable):  # noqa: PT012  # what is done with the lost connection is the point
                async with store.transaction() as tx:
                    await cut(postgres_url)
                    await tx.save_orders([an_order()])

    async def test_a_standby_is_told(self, postgres_url):
        """A server that takes no writes is for a person to mend."""
        await migrate(postgres_url)
        async with open_database(f"{postgres_url}?options=-c%20default_transaction_read_only%3Don") as database:
            with pytest.raises(DatabaseError) as refusal:
                await lead(database)
        assert "primary" in refusal.value.remedy

    async def test_bounds_reach_the_server(self, postgres_url):
        """A frozen daemon holds a row for a minute at most, and an operator's own options stay in force."""
        engine = Engine(parse_address(f"{postgres_url}?options=-c%20lock_timeout%3D7s"))
        async with engine.reading() as connection:
            assert await connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"
            assert await connection.scalar(text("SHOW lock_timeout")) == "7s"
        await engine.close()


async def cut(url):
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as admin:
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'")


async def works(store) -> bool:
    try:
        await store.renew()
        async with store.transaction():
            pass
        await store.glance(NOW)
    except StoreUnavailable:
        return False
    return True
