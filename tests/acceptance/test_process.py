"""The real process against the sandbox: it starts, serves, survives outages, and ends as its signals say."""

import asyncio
import json
import signal

import pytest

from daemon.sandbox import Sandbox
from tests.support.process import running, write_config
from tests.support.waiting import wait_until

TERM, INT = signal.SIGTERM, signal.SIGINT


@pytest.fixture
async def box():
    async with Sandbox() as served:
        yield served


def accepted(box: Sandbox) -> str:
    order = box.world.place(123)
    box.world.accept(order.id)
    return str(order.id)


def inbox(folder):
    return [json.loads(path.read_text()) for path in sorted((folder / "erp" / "inbox").glob("*.json"))]


@pytest.mark.parametrize("number", [TERM, INT])
async def test_it_carries_an_order_and_drains_at_the_first_signal(tmp_path, box, number):
    """An accepted order becomes a document, the daemon is ready, and SIGTERM or SIGINT ends it with 0."""
    write_config(tmp_path, box.url)
    order = accepted(box)

    def work():
        with running(tmp_path) as daemon:
            daemon.wait_for("order.created")
            ready = daemon.wait_until_ready()
            return ready, daemon.end(number), daemon

    ready, code, daemon = await asyncio.to_thread(work)

    assert ready == {"status": "ready"}
    assert code == 0
    assert [document["order"]["id"] for document in inbox(tmp_path)] == [order]
    assert daemon.told("daemon.stopped")
    assert daemon.errors == []


async def test_it_works_on_any_database(tmp_path, box, database_url):
    """On SQLite and PostgreSQL, from an empty database on."""
    write_config(tmp_path, box.url, database=database_url)
    order = accepted(box)

    def work():
        with running(tmp_path, "migrate") as migrating:
            assert migrating.end() == 0
        with running(tmp_path) as daemon:
            daemon.wait_for("order.created")
            daemon.wait_until_ready()
            return daemon.end(TERM), daemon.told("cycle.failed")

    assert await asyncio.to_thread(work) == (0, [])
    assert [document["order"]["id"] for document in inbox(tmp_path)] == [order]


async def test_the_second_signal_ends_it_at_once(tmp_path, box):
    """A cycle that hangs does not hold up a person who means it."""
    write_config(tmp_path, box.url, more='[service]\ndrain_grace = "1h"')
    box.faults.add("hang", "list", times=1000, seconds=3600)

    def work():
        with running(tmp_path) as daemon:
            daemon.wait_for("daemon.started")
            asyncio.run_coroutine_threadsafe(_asked(box), loop).result(30)
            daemon.process.send_signal(TERM)
            daemon.wait_for("daemon.draining")
            return daemon.end(TERM)

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(work) == 130


async def _asked(box):
    """The first cycle is under way."""
    await wait_until(lambda: box.requests.count("login") > 0, timeout=30)


async def test_the_grace_time_is_kept(tmp_path, box):
    """A cycle that hangs is cut off after the grace time, and the exit is still clean."""
    write_config(tmp_path, box.url, more='[service]\ndrain_grace = "100ms"')
    box.faults.add("hang", "list", times=1000, seconds=3600)

    def work():
        with running(tmp_path) as daemon:
            daemon.wait_for("daemon.started")
            asyncio.run_coroutine_threadsafe(_asked(box), loop).result(30)
            code = daemon.end(TERM)
            return code, daemon.told("drain.cut")

    loop = asyncio.get_running_loop()
    code, cut = await asyncio.to_thread(work)

    assert code == 0
    assert cut[0]["cycles"] == 1


async def test_with_consentio_away_it_stays_up_and_says_so(tmp_path, box):
    """The outage is told at its two edges, readiness goes and comes back, and the order that waited is carried."""
    write_config(tmp_path, box.url)
    loop = asyncio.get_running_loop()

    def on_loop(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)

    def work():
        with running(tmp_path) as daemon:
            daemon.wait_until_ready()
            on_loop(box.stop())
            reason = daemon.wait_until_ready(503)
            daemon.wait_for("api.lost")
            accepted(box)
            on_loop(box.start())
            daemon.wait_for("api.recovered")
            daemon.wait_for("order.created")
            daemon.wait_until_ready()
            return reason, daemon.end(TERM), len(daemon.told("api.lost")), len(daemon.told("api.recovered"))

    reason, code, lost, recovered = await asyncio.to_thread(work)

    assert reason["workspaces"]["123"]["collect"]
    assert (code, lost, recovered) == (0, 1, 1)


async def test_a_refused_key_keeps_it_up_until_the_key_is_mended(tmp_path, box):
    """The key is read again at each login: no restart is needed."""
    write_config(tmp_path, box.url)
    (tmp_path / "key").write_text("wrong")

    def work():
        with running(tmp_path) as daemon:
            lost = daemon.wait_for("api.lost")
            daemon.wait_until_ready(503)
            (tmp_path / "key").write_text("sk_test_sandbox")
            daemon.wait_until_ready()
            return lost, daemon.end(TERM), daemon.text

    lost, code, text = await asyncio.to_thread(work)

    assert lost["remedy"]
    assert code == 0
    assert "wrong" not in text


async def test_with_the_erp_away_it_collects_and_waits(tmp_path, box):
    """An ERP that cannot be opened at the start is told, and opened as soon as it can be; no order is lost meanwhile."""
    write_config(tmp_path, box.url)
    (tmp_path / "erp").write_text("a file where the folder should be")
    order = accepted(box)

    def work():
        with running(tmp_path) as daemon:
            lost = daemon.wait_for("erp.lost")
            reason = daemon.wait_until_ready(503)
            daemon.wait_for("cycle.done", times=2)
            (tmp_path / "erp").unlink()
            daemon.wait_for("erp.recovered")
            daemon.wait_for("order.created")
            return lost, reason, daemon.end(TERM)

    lost, reason, code = await asyncio.to_thread(work)

    assert lost["reason"]
    assert list(reason["workspaces"]["123"]) == ["deliver"]
    assert code == 0
    assert [document["order"]["id"] for document in inbox(tmp_path)] == [order]


async def test_a_second_daemon_is_refused_with_7(tmp_path, box):
    """A workspace has one daemon; the first one does not notice the second."""
    write_config(tmp_path, box.url)

    def work():
        with running(tmp_path) as first:
            first.wait_until_ready()
            with running(tmp_path) as second:
                code = second.end()
            return code, second.text, first.ready()[0]

    code, text, first_ready = await asyncio.to_thread(work)

    assert code == 7
    assert "→ " in text
    assert first_ready == 200
