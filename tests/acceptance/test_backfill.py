"""`backfill` beside the real daemon, without one, and killed at either."""

import asyncio
import json
import signal
from datetime import timedelta

import pytest

from daemon.sandbox import Sandbox
from tests.support.process import running, write_config
from tests.support.waiting import wait_until_sync

_ORDERS = 20
_DAYS = 120


@pytest.fixture
async def box():
    async with Sandbox() as served:
        yield served


def place_old_ones(box: Sandbox) -> list[str]:
    """Accepted orders of every season of the last year, none of them within a sweep's reach."""
    days = (20 + (_DAYS - 20) * n / _ORDERS for n in range(_ORDERS))
    return sorted(str(box.world.place(123, status="accepted", at=box.clock() - timedelta(days=each)).id) for each in days)


def created(folder) -> list[str]:
    documents = [json.loads(path.read_text()) for path in (folder / "erp" / "inbox").glob("*.json")]
    return sorted(document["order"]["id"] for document in documents if document["kind"] == "create")


def since(box: Sandbox) -> str:
    return f"{box.clock() - timedelta(days=_DAYS + 5):%Y-%m-%d}"


async def test_beside_the_daemon_it_goes_on_where_a_killed_one_was(tmp_path, box):
    """The command only asks and tells; the daemon reads within its cycles, and after kill -9 the next one goes on."""
    config = write_config(tmp_path, box.url)
    config.write_text(config.read_text().replace("[sync]", '[sync]\nmax_window = "8h"'))
    orders = place_old_ones(box)
    ask = ("backfill", "--from", since(box), "--create-older", "--reason", "they were never typed in")

    def work():
        with running(tmp_path) as first:
            first.wait_until_ready()
            with running(tmp_path, *ask) as asking:
                # Until it has heard that it need not read by itself.
                wait_until_sync(lambda: len(asking.errors) > 1, timeout=30, what=f"two words of progress: {asking.text}")
                first.process.kill()
                first.end()
                with running(tmp_path, "status") as status:
                    assert status.end() == 0
                with running(tmp_path) as second:
                    on = second.wait_for("backfill.moved")
                    code = asking.end()
                    wait_until_sync(lambda: len(created(tmp_path)) == _ORDERS, timeout=30, what="all orders")
                    assert second.end(signal.SIGTERM) == 0
        return first.told("backfill.moved")[-1]["position"], on["position"], code, asking, status.text

    left_off, went_on, code, asking, status = await asyncio.to_thread(work)

    assert went_on > left_off
    assert code == 0, asking.text
    assert f"{_ORDERS} older than the start wall, let through" in "".join(asking.lines)
    assert "".join(asking.errors).startswith("workspace 123: ")
    assert "  backfill: " in status
    assert created(tmp_path) == orders


async def test_without_a_daemon_the_command_reads_and_the_next_run_delivers(tmp_path, box):
    """Killed, the same command goes on; by default what is older than going live parks, and a second word lets it through."""
    write_config(tmp_path, box.url)
    orders = place_old_ones(box)
    ask = ("backfill", "--from", since(box))

    def work():
        with running(tmp_path, "once") as once:
            assert once.end() == 0, once.text
        before = box.requests.count("list")
        with running(tmp_path, *ask) as killed:
            wait_until_sync(lambda: box.requests.count("list") > before + 100, timeout=30, what="the first part")
            killed.process.kill()
        half = box.requests.count("list") - before
        with running(tmp_path, *ask) as resumed:
            code = resumed.end()
        rest = box.requests.count("list") - before - half
        with running(tmp_path, *ask, "--create-older", "--json") as vouched:
            assert vouched.end() == 0, vouched.text
        parked = created(tmp_path)
        with running(tmp_path, "once") as once:
            assert once.end() == 0, once.text
        return half, rest, code, resumed, json.loads(vouched.lines[-1]), parked

    half, rest, code, resumed, vouched, parked = await asyncio.to_thread(work)

    assert code == 0, resumed.text
    assert f"{_ORDERS} older than the start wall, parked for a person" in "".join(resumed.lines)
    assert half + rest < 3 * (_DAYS + 5) + 60
    assert (vouched["workspace"], vouched["let_through"], vouched["fetched"], vouched["unread"]) == ("123", _ORDERS, _ORDERS, 0)
    assert (parked, created(tmp_path)) == ([], orders)
