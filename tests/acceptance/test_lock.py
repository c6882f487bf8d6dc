import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from daemon.errors import WorkspaceLocked
from daemon.store.database import open_database
from daemon.store.schema import migrate
from tests.support.stores import ENDS, lead
from tests.support.waiting import wait_until

LEADER = f"""
import asyncio, sys
from datetime import UTC, datetime
from daemon.store.database import open_database

async def lead():
    async with open_database(sys.argv[1]) as database:
        await database.lead("7", **{ENDS!r}, now=datetime.now(UTC))
        print("leading", flush=True)
        await asyncio.Event().wait()

asyncio.run(lead())
"""


@contextmanager
def a_leader(url):
    """A process that leads workspace 7 until it is killed."""
    process = subprocess.Popen([sys.executable, "-c", LEADER, url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "leading\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
async def database(database_url):
    await migrate(database_url)
    async with open_database(database_url) as database:
        yield database


async def leads(database) -> bool:
    try:
        await lead(database)
    except WorkspaceLocked:
        return False
    return True


async def test_a_second_daemon_is_refused(database, database_url):
    """A workspace that another process leads is refused, and the process is named; other workspaces are free."""
    with a_leader(database_url) as first:
        with pytest.raises(WorkspaceLocked, match=f":{first.pid}:") as refusal:
            await lead(database)
        assert refusal.value.exit_code == 7
        assert refusal.value.remedy
        assert (await lead(database, "8")).leadership.epoch == 1


async def test_a_killed_daemon_frees_its_workspace(database, database_url):
    """After kill -9 nobody has to clean up: the next daemon leads, with the next epoch."""
    with a_leader(database_url) as first:
        first.kill()
        first.wait()
        await wait_until(lambda: leads(database), what="the lock to be free")


async def test_a_frozen_daemon_keeps_its_workspace_on_sqlite(tmp_path):
    """A stopped process may wake at any moment: its workspace stays taken until it is gone."""
    url = f"sqlite:///{tmp_path}/sync.db"
    await migrate(url)
    async with open_database(url) as database:
        with a_leader(url) as first:
            first.send_signal(signal.SIGSTOP)
            assert not await leads(database)
            first.send_signal(signal.SIGCONT)
            assert not await leads(database)
            first.send_signal(signal.SIGSTOP)
            first.kill()
            first.wait()
            await wait_until(lambda: leads(database), what="the lock to be free")


@pytest.mark.postgres
async def test_a_frozen_daemon_loses_its_workspace_on_postgresql(postgres_url):
    """The server gives up a process that says nothing; one that speaks keeps its lead however little it does."""
    await migrate(postgres_url)
    async with open_database(postgres_url) as database, open_database(postgres_url) as living:
        await lead(living, "8")
        with a_leader(postgres_url) as first:
            first.send_signal(signal.SIGSTOP)
            assert not await leads(database)
            await wait_until(lambda: leads(database), timeout=30, what="the server's patience to end")

            assert await database.free_among(["7", "8", "9"]) == ["9"]
