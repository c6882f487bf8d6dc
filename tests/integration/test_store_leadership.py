import asyncio
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from daemon.domain.ledger import Stream
from daemon.errors import DatabaseError, Deposed, StoreUnavailable, WorkspaceLocked
from daemon.store.database import open_database
from daemon.store.schema import migrate
from tests.support.stores import ENDS, NOW, an_order, lead, led_store
from tests.support.waiting import wait_until


async def take_over(store, owner="another"):
    """What a new leader's claim does to the workspace, whatever became of the lock."""
    other = type(store)(store._engine, store._locks, ends=store._ends, owner=owner)
    await other._claim(NOW)
    return other


async def test_every_leader_has_a_new_epoch(database_url):
    """Epochs rise from 1, with each leader."""
    await migrate(database_url)
    for epoch in (1, 2, 3):
        async with open_database(database_url) as database:
            store = await lead(database)
            assert (store.leadership.workspace, store.leadership.epoch) == ("7", epoch)


async def test_a_replaced_leader_records_nothing(database_url):
    """The first commit after another leader came is refused; with a new epoch the workspace may be led again."""
    async with led_store(database_url) as old:
        new = await take_over(old)
        with pytest.raises(Deposed):
            async with old.transaction() as tx:
                await tx.save_orders([an_order()])
        async with new.transaction() as tx:
            assert await tx.orders(["1"]) == {}

        assert await old.renew()
        assert old.leadership.epoch == new.leadership.epoch + 1
        async with old.transaction() as tx:
            await tx.save_orders([an_order()])
        with pytest.raises(Deposed):
            async with new.transaction():
                pass


async def test_a_database_that_forgot_the_workspace(database_url):
    """A leader whose workspace is gone, say after another copy was put in place, is deposed, and may begin anew."""
    async with led_store(database_url) as store:
        async with store._engine.writing() as connection:
            await connection.execute(text("DELETE FROM workspaces"))
        with pytest.raises(Deposed):
            await store.glance(NOW)

        assert await store.renew()
        assert (await store.glance(NOW)).workspace.api_url == ENDS["api_url"]


async def test_a_commit_under_way_is_not_overtaken(database_url):
    """A new leader waits for the old one's open transaction, so nothing is recorded under an epoch that has passed."""
    async with led_store(database_url) as old:
        async with old.transaction() as tx:
            taking_over = asyncio.create_task(take_over(old))
            await tx.save_orders([an_order()])
            for _ in range(20):
                await asyncio.sleep(0)
            assert not taking_over.done()
        new = await taking_over
        async with new.transaction() as tx:
            assert "1" in await tx.orders(["1"])


async def test_renewing_costs_nothing_while_nothing_is_lost(database_url):
    """The start of a cycle may always renew: the epoch stays."""
    async with led_store(database_url) as store:
        assert not await store.renew()
        assert store.leadership.epoch == 1


@pytest.mark.parametrize(("end", "new"), [("api_url", "https://production"), ("adapter", "odoo"), ("adapter_identity", "/srv/b")])
async def test_a_ledger_serves_two_ends_only(database_url, end, new):
    """Another API or ERP is refused with both values and a remedy, and the workspace is free again for the right one (A12)."""
    async with led_store(database_url):
        pass
    async with open_database(database_url) as database:
        with pytest.raises(DatabaseError) as refusal:
            await lead(database, **{end: new})
        assert ENDS[end] in refusal.value.problems[0]
        assert new in refusal.value.problems[0]
        assert refusal.value.remedy

        assert (await lead(database)).leadership.epoch == 2


async def test_a_workspace_is_led_once(database_url):
    """A second leader is refused, in this process and from another connection, until the first releases it."""
    await migrate(database_url)
    async with open_database(database_url) as first, open_database(database_url) as second:
        await lead(first)
        await lead(second, "8")
        with pytest.raises(WorkspaceLocked):
            await lead(first)
        with pytest.raises(WorkspaceLocked, match=first.owner):
            await lead(second)

        await first.release("7")
        assert (await lead(second)).leadership.epoch == 2


async def test_names_of_workspaces_may_hold_anything(database_url):
    """Neither a slash nor an umlaut in a workspace's id troubles its lock."""
    await migrate(database_url)
    async with open_database(database_url) as database:
        for name in ("../7", "größe", "a b"):
            assert (await lead(database, name)).leadership.workspace == name


async def test_a_removed_lock_file_is_noticed(tmp_path):
    """Whoever removes the lock's file ends the leadership: another daemon could hold a new file by now."""
    async with led_store(f"sqlite:///{tmp_path}/sync.db") as store:
        (tmp_path / "sync.db.7.lock").unlink()
        with pytest.raises(StoreUnavailable):
            async with store.transaction():
                pass
        assert await store.renew()
        async with store.transaction():
            pass


@pytest.mark.postgres
async def test_a_lost_lock_is_noticed_before_the_next_commit(postgres_url):
    """When the lock's connection is gone, nothing is recorded until leadership is taken anew, with a new epoch."""
    async with led_store(postgres_url) as store:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        await wait_until(lambda: is_away(store), what="the loss to be noticed")

        assert await store.renew()
        assert store.leadership.epoch == 2
        async with store.transaction() as tx:
            await tx.move_cursors({Stream.EDITED: NOW})


@pytest.mark.postgres
async def test_a_lost_lock_may_be_another_daemons_by_now(postgres_url):
    """Renewing is refused while another daemon holds the workspace."""
    async with led_store(postgres_url) as store, open_database(postgres_url) as other:
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        await wait_until(lambda: is_away(store), what="the loss to be noticed")
        await lead(other)

        with pytest.raises(WorkspaceLocked):
            await store.renew()


async def is_away(store) -> bool:
    try:
        async with store.transaction():
            return False
    except StoreUnavailable:
        return True


async def test_a_workspace_keeps_its_state(database_url):
    """What is saved of a workspace is what its next leader reads; the cursors come with the glance."""
    async with led_store(database_url) as store:
        async with store.transaction() as tx:
            state = replace(
                await tx.workspace(), start_wall=NOW, restored_at=NOW, restore_open=True, skew_s=-1.5, collected_at=NOW
            )
            await tx.save_workspace(state)
            await tx.move_cursors({Stream.NEAR: NOW})
            await tx.move_cursors({Stream.NEAR: NOW, Stream.WIDE: NOW})

        glance = await store.glance(NOW)
    assert glance.workspace == state
    assert glance.cursors == {Stream.NEAR: NOW, Stream.WIDE: NOW}


async def test_a_stamp_changes_nothing_else(database_url):
    """The last good moments are written one by one: a direction that was cut off keeps its own, and so does all else."""
    async with led_store(database_url) as store, store.transaction() as tx:
        state = replace(await tx.workspace(), start_wall=NOW, restore_open=True, delivered_at=NOW)
        await tx.save_workspace(state)
        later = NOW + timedelta(minutes=1)
        await tx.stamp(collected_at=later, delivered_at=None, acknowledged_at=None)

        assert await tx.workspace() == replace(state, collected_at=later)


@pytest.mark.postgres
async def test_a_leader_that_froze_within_a_transaction_holds_up_nobody(postgres_url):
    """It keeps the row of its workspace; whoever leads next ends its session after a moment, and nothing of it is recorded."""
    async with led_store(postgres_url) as frozen:
        stuck = await psycopg.AsyncConnection.connect(postgres_url, application_name="consentio-sync")
        async with stuck:
            await stuck.execute("UPDATE workspaces SET skew_s = 9")

            leader = await asyncio.wait_for(take_over(frozen), 15)

            async with leader.transaction() as tx:
                assert (await tx.workspace()).skew_s is None
            with pytest.raises(psycopg.OperationalError):
                await stuck.execute("SELECT 1")
