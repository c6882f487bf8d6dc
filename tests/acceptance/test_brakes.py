"""A25 with the real process: a marketplace that lists everything as canceled, first as a trickle, then all at once."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox import Sandbox
from tests.support.process import PATIENCE_S, Daemon, running, write_config
from tests.support.waiting import wait_until_sync

MANY, FLOOR = 200, 20


@pytest.fixture
async def box():
    async with Sandbox(control=True) as served:
        yield served


def documents(folder: Path, kind: str) -> int:
    """How many documents of a kind were written for the ERP."""
    found = (json.loads(path.read_text()) for path in (folder / "erp" / "inbox").glob("*.json"))
    return sum(document["kind"] == kind for document in found)


def ask(folder: Path, *args: str) -> tuple[int, str]:
    """One command beside the running daemon: its exit code, and what it printed."""
    with running(folder, *args) as process:
        return process.end(), "".join(process.lines)


def ask_json(folder: Path, *args: str) -> Any:
    return json.loads(ask(folder, *args, "--json")[1])


def wait_for_documents(folder: Path, kind: str, many: int, daemon: Daemon) -> None:
    wait_until_sync(
        lambda: documents(folder, kind) >= many or daemon.is_over,
        timeout=2 * PATIENCE_S,
        what=f"{many} of {kind}, there are {documents(folder, kind)}: {daemon.text[-3000:]}",
    )


async def test_everything_is_canceled(box, tmp_path):
    """Twenty cancels pass in a day, and not one more: told, not ready, kept over a restart; once released, all go."""
    write_config(tmp_path, box.url)
    orders = [box.world.place(123) for _ in range(MANY)]
    for order in orders:
        box.world.accept(order.id)

    def trickle_and_flood() -> None:
        with running(tmp_path) as daemon:
            wait_for_documents(tmp_path, "create", MANY, daemon)
            for start in range(0, FLOOR, 5):
                for order in orders[start : start + 5]:
                    box.world.cancel(order.id)
                wait_for_documents(tmp_path, "cancel", start + 5, daemon)
            box.world.cancel(orders[FLOOR].id)
            told = daemon.wait_for("brake.pulled")
            assert (told["level"], told["count"], told["limit"]) == ("warning", FLOOR + 1, FLOOR)
            for order in orders[FLOOR + 1 :]:
                box.world.cancel(order.id)
            wait_until_sync(
                lambda: status(tmp_path)["counts"].get("braked") == MANY - FLOOR, timeout=2 * PATIENCE_S, what="all are braked"
            )
            assert "brake on cancels" in daemon.wait_until_ready(503)["workspaces"]["123"]
            assert daemon.end(signal.SIGTERM) == 0

    def restart_and_release() -> None:
        with running(tmp_path) as daemon:
            daemon.wait_for("cycle.done", times=3)
            assert documents(tmp_path, "cancel") == FLOOR
            assert "the brake on cancels is pulled: 21 orders would be cancelled" in ask(tmp_path, "status")[1]
            assert "release 123" in ask(tmp_path, "explain", str(orders[-1].id))[1]
            assert ask(tmp_path, "release", "123", "cancels")[0] == 8  # nobody said yes
            (held,) = ask_json(tmp_path, "release", "123")["held"]
            assert {order["id"] for order in held["orders"]} == {str(order.id) for order in orders[FLOOR:]}

            code, said = ask(tmp_path, "release", "123", "cancels", "--yes", "--reason", "the buyer closes")
            assert (code, f"{MANY - FLOOR} cancels released" in said) == (0, True), said
            wait_for_documents(tmp_path, "cancel", MANY, daemon)
            daemon.wait_until_ready()
            assert daemon.end(signal.SIGTERM) == 0
        assert "released by" in ask(tmp_path, "explain", str(orders[-1].id))[1]
        assert ask(tmp_path, "release", "123") == (0, "workspace 123: no brake is pulled\n")

    await asyncio.to_thread(trickle_and_flood)
    await asyncio.to_thread(restart_and_release)
    assert documents(tmp_path, "cancel") == MANY


def status(folder: Path) -> Any:
    (workspace,) = ask_json(folder, "status")
    return workspace
