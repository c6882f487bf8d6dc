import asyncio
import shutil
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, inspect, text

from daemon.errors import DatabaseError
from daemon.store import schema
from daemon.store.address import parse_address
from daemon.store.engine import Engine
from daemon.store.schema import current_revision, migrate, require_current
from daemon.store.tables import REVISION, VERSION_TABLE, metadata

NEXT = f"{int(REVISION) + 1:04}"
BROKEN = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{REVISION}"


def upgrade() -> None:
    op.create_table("half_done", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("orders", sa.Column("half_done", sa.Integer()))
    op.execute("INSERT INTO half_done (id) VALUES (1)")
    op.execute("INSERT INTO half_done (id) VALUES (1)")
"""
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname",
}


async def on(url, work):
    engine = Engine(parse_address(url))
    async with engine.writing() as connection:
        answer = await connection.run_sync(work)
    await engine.close()
    return answer


def tables(connection):
    return set(inspect(connection).get_table_names())


def differences(connection):
    options = {"compare_type": True, "version_table": VERSION_TABLE}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def indexes(connection):
    rows = connection.execute(text(INDEXES[connection.dialect.name]))
    return {name: definition for name, definition in rows if VERSION_TABLE not in name}


def set_revision(number):
    return lambda connection: connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{number}'"))


@pytest.fixture
def broken_newer_migration(tmp_path, monkeypatch):
    """A program whose newest migration fails at its last statement."""
    folder = tmp_path / "broken"
    shutil.copytree(schema.migrations(), folder)
    (folder / "versions" / f"{NEXT}_break_off.py").write_text(BROKEN)
    monkeypatch.setattr(schema, "migrations", lambda: folder)
    monkeypatch.setattr(schema, "REVISION", NEXT)


async def test_migrations_lead_to_the_tables(database_url):
    """What the migrations create is what the statements expect: tables, columns, types, keys."""
    assert await migrate(database_url) == (None, REVISION)
    assert await on(database_url, differences) == []


async def test_migrations_lead_to_the_indexes(database_url):
    """The indexes are the same too, down to the conditions of the partial ones, which alembic does not compare."""
    await migrate(database_url)
    migrated = await on(database_url, indexes)
    await on(database_url, metadata.drop_all)
    await on(database_url, metadata.create_all)

    assert "due_at IS NOT NULL" in migrated["ix_orders_due"]
    assert migrated == await on(database_url, indexes)


def test_the_newest_migration_is_the_known_one():
    """The number that a database is compared with is the number of the newest file, and files are named by number."""
    config = Config()
    config.set_main_option("script_location", str(schema.migrations()))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == REVISION
    for file in (schema.migrations() / "versions").glob("*.py"):
        assert scripts.get_revision(file.name[:4]) is not None


async def test_migrating_again_changes_nothing(database_url):
    """A current database is left as it is."""
    await migrate(database_url)
    assert await migrate(database_url) == (REVISION, REVISION)
    assert await current_revision(database_url) == REVISION


async def test_two_that_migrate_at_once(database_url):
    """Two daemons that start together on an empty database: one migrates, the other finds it done."""
    assert sorted(await asyncio.gather(migrate(database_url), migrate(database_url)), key=str) == [
        (REVISION, REVISION),
        (None, REVISION),
    ]


async def test_a_migration_that_fails_leaves_nothing(database_url, broken_newer_migration):
    """An empty database is still empty after a failure in the middle, on both databases."""
    with pytest.raises(Exception, match=r"(?i)unique"):
        await migrate(database_url)
    assert await on(database_url, tables) == set()


async def test_an_update_that_fails_leaves_the_old_schema(database_url, monkeypatch, request):
    """A database with orders in it keeps its old schema, and the older program goes on with it."""
    await migrate(database_url)
    before = await on(database_url, tables)
    request.getfixturevalue("broken_newer_migration")
    with pytest.raises(Exception, match=r"(?i)unique"):
        await migrate(database_url)

    assert await on(database_url, tables) == before
    assert await on(database_url, differences) == []
    assert await current_revision(database_url) == REVISION


async def test_a_newer_schema_is_refused(database_url):
    """A program never touches what a newer one made, asked or not."""
    await migrate(database_url)
    await on(database_url, set_revision("0999"))

    for attempt in (migrate(database_url), require_current(database_url, auto_migrate=True)):
        with pytest.raises(DatabaseError, match="0999") as refusal:
            await attempt
        assert "newer consentio-sync" in refusal.value.remedy


@pytest.mark.parametrize("stored", [None, "0000"])
async def test_an_older_or_missing_schema_is_refused(database_url, stored):
    """Without the permission to migrate, the command that does it is named."""
    if stored:
        await migrate(database_url)
        await on(database_url, set_revision(stored))

    with pytest.raises(DatabaseError) as refusal:
        await require_current(database_url, auto_migrate=False)
    assert "consentio-sync migrate" in refusal.value.remedy
    assert await current_revision(database_url) == stored


async def test_only_sqlite_is_migrated_unasked(database_url):
    """By default a SQLite file is brought up to date at the start, and a PostgreSQL server only by a person."""
    if database_url.startswith("sqlite"):
        await require_current(database_url)
        assert await current_revision(database_url) == REVISION
    else:
        with pytest.raises(DatabaseError):
            await require_current(database_url)
        await require_current(database_url, auto_migrate=True)
        await require_current(database_url)


async def test_records_of_before_are_called_by_their_ids(database_url, tmp_path, monkeypatch):
    """Until 0003 Consentio was told the record's own id: it is its number from then on, and nothing is told again."""
    folder = tmp_path / "older"
    shutil.copytree(schema.migrations(), folder)
    for path in (folder / "versions").glob("*.py"):
        if path.name > "0003":
            path.unlink()
    with monkeypatch.context() as older:
        older.setattr(schema, "migrations", lambda: folder)
        older.setattr(schema, "REVISION", "0002")
        await migrate(database_url)
        await on(database_url, lambda connection: add_order_of_before(connection, record="R1"))
    await migrate(database_url)

    rows = await on(
        database_url, lambda connection: connection.execute(text("SELECT erp_number, erp_cancelled FROM orders")).all()
    )
    assert [(row.erp_number, bool(row.erp_cancelled)) for row in rows] == [("R1", False)]


def add_order_of_before(connection, *, record):
    """A workspace and an order in whatever columns there are; those that must hold something get the least."""
    for name, known in (("workspaces", {"id": "7"}), ("orders", {"workspace": "7", "id": "1", "erp_record": record})):
        table = Table(name, MetaData(), autoload_with=connection)
        least = {column.name: least_of(column) for column in table.c if not column.nullable}
        connection.execute(table.insert().values({**least, **known}))


def least_of(column):
    kind = column.type.python_type
    return datetime.now(UTC) if kind is datetime else kind()
