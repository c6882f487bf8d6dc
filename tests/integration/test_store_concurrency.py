import asyncio
import subprocess
import sys

import pytest

from daemon.store.address import parse_address
from daemon.store.database import open_database
from daemon.store.engine import Engine
from daemon.store.questions import open_reader
from daemon.store.schema import migrate
from tests.support.stores import NOW, an_order, lead, led_store

WISHER = """
import asyncio, sys
from daemon.store.questions import open_reader

async def wish():
    async with open_reader(sys.argv[1]) as reader:
        for number in range(25):
            await reader.leave_wish("7", "retry", order_id=str(number), who="me", reason="")

asyncio.run(wish())
"""


async def count_one_more(store):
    async with store.transaction() as tx:
        tx._seen.forget()  # read it anew: several stores under one epoch, which no daemon has, cannot rely on what they recall
        order = (await tx.orders(["1"])).get("1", an_order())
        await asyncio.sleep(0)
        await tx.save_orders([order.evolve(attempts=order.attempts + 1)])


async def test_concurrent_changes_lose_none(database_url):
    """Four tasks that each read, add one and write, twenty times, add up to eighty."""
    async with led_store(database_url) as store:

        async def often():
            for _ in range(20):
                await count_one_more(store)

        await asyncio.gather(*(often() for _ in range(4)))

        async with store.transaction() as tx:
            assert (await tx.orders(["1"]))["1"].attempts == 80


async def test_changes_over_separate_connections_lose_none(database_url):
    """The same holds for connections that share no lock of ours: the database itself lets one change follow the other."""
    async with led_store(database_url) as store:
        engines = [Engine(parse_address(database_url)) for _ in range(4)]
        stores = [type(store)(engine, store._locks, ends=store._ends, owner="me") for engine in engines]
        for each in stores:
            each._leadership = store.leadership

        await asyncio.gather(*(count_one_more(each) for each in stores for _ in range(5)))

        async with store.transaction() as tx:
            assert (await tx.orders(["1"]))["1"].attempts == 20
        for engine in engines:
            await engine.close()


async def test_people_and_daemon_write_side_by_side(database_url):
    """Wishes of two other processes all arrive while the daemon commits as fast as it can."""
    async with led_store(database_url) as store:
        people = [subprocess.Popen([sys.executable, "-c", WISHER, database_url]) for _ in range(2)]
        while any(person.poll() is None for person in people):
            await count_one_more(store)
        assert [person.returncode for person in people] == [0, 0]

        async with store.transaction() as tx:
            wishes = await tx.wishes()
        assert sorted(wish.order_id for wish in wishes) == sorted(str(number) for number in [*range(25)] * 2)


async def test_many_workspaces_commit_side_by_side(database_url):
    """More workspaces than connections take their turns."""
    await migrate(database_url)
    async with open_database(database_url) as database:
        stores = [await lead(database, str(number)) for number in range(12)]
        await asyncio.gather(*(count_one_more(store) for store in stores for _ in range(3)))
        await asyncio.gather(*(store.glance(NOW) for store in stores))

        for store in stores:
            async with store.transaction() as tx:
                assert (await tx.orders(["1"]))["1"].attempts == 3


async def test_a_cancelled_transaction_leaves_nothing(database_url):
    """A task that is cancelled between two statements, or in one, rolls back, and blocks nobody after it."""
    async with led_store(database_url) as store:
        for steps in range(1, 40, 3):
            task = asyncio.create_task(save_slowly(store))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        async with store.transaction() as tx:
            assert await tx.orders(["slow"]) == {}
        await count_one_more(store)


async def save_slowly(store):
    async with store.transaction() as tx:
        await tx.save_orders([an_order("slow")])
        await asyncio.Event().wait()


async def test_reading_waits_for_no_writer(database_url):
    """A glance and people's questions are answered while a transaction is open, as of before it."""
    async with led_store(database_url) as store, open_reader(database_url) as reader, store.transaction() as tx:
        await tx.save_orders([an_order(due_at=NOW)])
        assert not (await store.glance(NOW)).erp_due
        assert await reader.find_orders("1") == []


@pytest.mark.postgres
async def test_a_wish_waits_for_no_transaction(postgres_url):
    """A person need not wait for the daemon's commit."""
    async with led_store(postgres_url) as store, open_reader(postgres_url) as reader, store.transaction():
        number = await asyncio.wait_for(reader.leave_wish("7", "retry", order_id=None, who="me", reason=""), 10)
        assert number == 1
        assert await reader.wish_outcome(number) is None


async def test_a_wish_is_answered(database_url):
    """A wish wakes the daemon once, and its outcome reaches the person."""
    async with led_store(database_url) as store, open_reader(database_url) as reader:
        number = await reader.leave_wish("7", "retry", order_id="1", who="anna", reason="mended")
        assert (await store.glance(NOW)).wishes
        async with store.transaction() as tx:
            (wish,) = await tx.wishes()
            assert (wish.number, wish.what, wish.order_id, wish.who, wish.reason) == (number, "retry", "1", "anna", "mended")
            await tx.answer_wish(number, "done", NOW)

        assert not (await store.glance(NOW)).wishes
        assert await reader.wish_outcome(number) == "done"
