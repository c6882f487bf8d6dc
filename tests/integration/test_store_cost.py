import re
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event, text

from daemon.domain.ledger import Kind, Outcome, Stream
from daemon.domain.state import Situation
from tests.support.stores import NOW, a_revision, a_row, an_order, led_store
from tests.support.waiting import wait_until

MANY = 4000
#: What an idle cycle may not do with these tables: read them from end to end.
SCANS = {
    "sqlite": re.compile(r"SCAN (orders|revisions|ledger)"),
    "postgresql": re.compile(r"Seq Scan on (orders|revisions|ledger)"),
}
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}


@pytest.fixture
async def full_store(database_url):
    """A workspace with thousands of settled orders and finished rows."""
    async with led_store(database_url) as store:
        async with store.transaction() as tx:
            await tx.save_orders([settled(number) for number in range(MANY)])
            await tx.add_revisions([a_revision(str(number), raw=b"{}") for number in range(MANY)])
            await tx.save_rows([a_row(f"k{n}", str(n), kind=Kind.UPDATE, outcome=Outcome.DONE) for n in range(MANY)])
            await tx.move_cursors(dict.fromkeys(Stream, NOW))
        yield store


def settled(number):
    start = NOW - timedelta(minutes=number)
    return an_order(
        str(number),
        situation=Situation.SETTLED,
        slice_from=start,
        slice_to=start + timedelta(minutes=1),
        latest_status="accepted",
    )


async def explained(store, work):
    """Every statement that `work` runs, with the plan of the database for it."""
    seen = []
    engine = store._engine._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))
    await work()
    plans = []
    async with store._engine.reading() as connection:
        for statement, values in [each for each in seen if each[0].lstrip().startswith(("SELECT", "UPDATE"))]:
            rows = await connection.exec_driver_sql(EXPLAIN[connection.dialect.name] + statement, values)
            plans.append(f"{statement}\n" + "\n".join(str(row[-1]) for row in rows))
    return plans


def dialect_of(store):
    return store._engine.address.url.get_backend_name()


async def analyze(store):
    async with store._engine.writing() as connection:
        await connection.execute(text("ANALYZE"))


async def idle_cycle(store):
    await store.glance(NOW)
    async with store.transaction() as tx:
        await tx.move_cursors({Stream.ACCEPTED: NOW, Stream.EDITED: NOW})
        await tx.stamp(collected_at=NOW, delivered_at=NOW, acknowledged_at=None)


async def busy_cycle(store):
    async with store.transaction() as tx:
        await tx.orders(["1", "2"])
        await tx.due(NOW, 10)
        await tx.tellable(NOW, 10)
        await tx.edited_marks(10)
        await tx.watched_slices(NOW)
        await tx.ids_in_slice(NOW, NOW + timedelta(minutes=1))
        await tx.revisions([("1", 1), ("2", 1)])
        await tx.open_rows()
        await tx.ledger_rows(["k1", "k2"])
        await tx.wishes()


@pytest.mark.parametrize("cycle", [idle_cycle, busy_cycle])
@pytest.mark.parametrize("analyzed", [True, False])
async def test_no_statement_reads_a_table_from_end_to_end(full_store, cycle, analyzed):
    """What is stored does not make a cycle slower: every statement goes by an index, with statistics and without."""
    dialect = dialect_of(full_store)
    if not analyzed and dialect == "postgresql":
        pytest.skip("PostgreSQL gathers its statistics by itself")
    if analyzed:
        await analyze(full_store)

    plans = await explained(full_store, lambda: cycle(full_store))

    assert len(plans) >= 3
    assert [plan for plan in plans if SCANS[dialect].search(plan)] == []


async def test_the_glance_goes_by_the_narrow_indexes(full_store):
    """Looking for work touches only what is at work: no plan walks through the orders of a workspace. Nobody tells SQLite to
    gather statistics, so it must find the way without.
    """
    if dialect_of(full_store) == "postgresql":
        await analyze(full_store)
    (plan,) = await explained(full_store, lambda: full_store.glance(NOW))

    for index in ("ix_orders_due", "ix_orders_tell_due", "ix_orders_ackable", "ux_ledger_in_doubt"):
        assert index in plan


async def test_a_glance_is_one_statement(full_store):
    """The start of a cycle asks the database once."""
    assert len(await explained(full_store, lambda: full_store.glance(NOW))) == 1


async def test_a_first_backlog_is_not_read_again_for_each_of_its_rows(postgres_url):
    """No statistics yet, and statements prepared while tables were empty: a row costs as much at the end as at first."""
    groups, size = 20, 100
    async with led_store(postgres_url) as store:
        for group in range(groups):
            rows = [a_row(f"c{group}-{number}", f"{group}-{number}") for number in range(size)]
            async with store.transaction() as tx:
                await tx.save_rows(rows)
            async with store.transaction() as tx:
                await tx.close_rows([replace(row, outcome=Outcome.DONE, finished_at=NOW) for row in rows])

    read = await wait_until(lambda: _read_of_ledger(postgres_url), what="the counts of the sessions that ended")
    assert read < 200 * groups * size


def _read_of_ledger(url):
    with psycopg.connect(url, autocommit=True) as connection:
        (read,) = connection.execute(
            "SELECT sum(idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'ledger')"
            " FROM pg_stat_user_indexes WHERE relname = 'ledger'"
        ).fetchone()
    return int(read)
