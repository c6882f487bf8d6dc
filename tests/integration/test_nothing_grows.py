"""An idle cycle costs the same whatever is stored: requests, statements, and how the database finds its way."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from daemon.domain.brakes import Brake
from daemon.domain.ledger import Attempt, Kind, Note, Outcome
from daemon.domain.state import Situation
from daemon.store import tables
from tests.support.bulk import multiply
from tests.support.stores import a_revision, a_row, an_order
from tests.support.world import world

FEW, MANY = 100, 20_000
APART = timedelta(minutes=5)
#: Reading one of these tables from end to end.
SCAN = re.compile(r"(SCAN|Seq Scan on) (orders|revisions|ledger|attempts|notes)")
EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}

REQUESTS = ["before list accepted", "before list canceled", "before edited"]
#: The glance; and in one commit the epoch, the cursors and the last good moments.
STATEMENTS = ["SELECT", "SELECT", "INSERT", "UPDATE"]


async def explained(store, statements):
    """What the database plans to do for each of them."""
    plans = []
    async with store._engine.reading() as connection:
        for statement, values in statements:
            rows = await connection.exec_driver_sql(EXPLAIN[connection.dialect.name] + statement, values)
            plans.append(f"{statement}\n" + "\n".join(str(row[-1]) for row in rows))
    return plans


async def fill(w, many):
    """So many orders that have nothing left to be done, with all that is remembered of them."""
    store, now = w.way.store._store, w.clock.now()
    order = an_order("model", situation=Situation.SETTLED, latest=1, wanted=1, erp_revision=1, slice_from=now, slice_to=now)
    done = {"started_at": now, "finished_at": now, "outcome": Outcome.DONE}
    async with store.transaction() as tx:
        await tx.save_orders([order])
        await tx.add_revisions([a_revision("model", recorded_at=now)])
        await tx.save_rows([a_row("model", "model", kind=Kind.UPDATE, **done)])
        await tx.add_attempts([Attempt(key="model", order_id="model", **done)])
        await tx.add_notes([Note(at=now, who="daemon", what="model", order_id="model")])
    for table, names, moments in (
        (tables.orders, ("id",), ("slice_from", "slice_to")),
        (tables.revisions, ("order_id",), ("recorded_at",)),
        (tables.ledger, ("order_id", "key"), ("started_at", "finished_at")),
        (tables.attempts, ("order_id", "key"), ("started_at", "finished_at")),
        (tables.notes, ("order_id",), ("at",)),
    ):
        await multiply(store, table, many=many, names=names, moments=moments, apart=APART)
    async with store._engine.writing() as connection:
        await connection.execute(text("ANALYZE"))


@pytest.fixture
async def idle(database_url, many):
    """A world at rest, with so many orders in its database."""
    async with world(database_url) as w:
        await fill(w, many)
        await w.cycle()
        yield w


async def watched(w, work):
    """Does the work; returns the statements that it ran, with their values, and how many commits it made."""
    engine, statements, commits = w.way.store._store._engine._engine.sync_engine, [], []

    def on_statement(_connection, _cursor, statement, values, _context, is_many):
        if statement != "BEGIN IMMEDIATE":
            statements.append((statement, values[0] if is_many else values))

    event.listen(engine, "before_cursor_execute", on_statement)
    event.listen(engine, "commit", commits.append)
    await work()
    return list(statements), len(commits)


@pytest.mark.parametrize("many", [FEW, MANY])
async def test_an_idle_cycle_costs_the_same_whatever_is_stored(idle, many):
    """Three requests, one read, and one commit of three statements: at a hundred stored orders, and at twenty thousand, where
    none of them reads a table from end to end.
    """
    requests = []
    idle.use_hooks(market=requests.append)
    statements, commits = await watched(idle, idle.cycle)

    assert [request for request in requests if request.startswith("before")] == REQUESTS
    assert [statement.split()[0] for statement, _ in statements] == STATEMENTS
    assert commits == 1
    if many == MANY:
        plans = await explained(idle.way.store._store, statements)
        assert [plan for plan in plans if SCAN.search(plan)] == []


@pytest.mark.parametrize("many", [MANY])
async def test_counting_for_a_brake_reads_no_table(idle, many):
    """Before each run of updates or cancels: what is due, and the rows of a day, are found by their indexes."""

    async def count():
        async with idle.way.store.transaction() as tx:
            now = idle.clock.now()
            for brake in Brake:
                assert await tx.count_braked(brake, since=now - timedelta(days=1), now=now) == 0
                assert await tx.braked(brake, 1) == []
            await tx.count_listed(now - timedelta(days=7))

    statements, _ = await watched(idle, count)

    plans = await explained(idle.way.store._store, statements)
    assert [plan for plan in plans if SCAN.search(plan)] == []


@pytest.mark.parametrize("many", [MANY])
async def test_looking_for_what_may_be_forgotten_reads_no_table(idle, many):
    """Where all is young, the indexes of moments say so at once."""

    async def look():
        async with idle.way.store.transaction() as tx:
            long_ago = idle.clock.now() - timedelta(days=90)
            assert await tx.prune(payloads_before=long_ago, history_before=long_ago, limit=1_000) == 0

    statements, _ = await watched(idle, look)

    assert len(statements) > 7
    plans = await explained(idle.way.store._store, statements)
    assert [plan for plan in plans if SCAN.search(plan)] == []
