"""The operator's commands, each in a process of its own, beside the real daemon and without one."""

import asyncio

import pytest

from daemon.sandbox import Sandbox
from tests.support.process import running, write_config


@pytest.fixture
async def box():
    async with Sandbox() as served:
        yield served


def accepted(box: Sandbox) -> str:
    order = box.world.place(123)
    box.world.accept(order.id)
    return str(order.id)


def command(folder, *args: str) -> tuple[int, str]:
    """Runs one to its end: its exit code, and what it printed; its log goes to stderr."""
    with running(folder, *args) as process:
        return process.end(), "".join(process.lines)


async def test_a_pause_beside_the_daemon_outlives_it(box, tmp_path):
    """Obeyed by the next cycle, told by readiness, `status` and `explain`, kept over a restart; `resume` carries what waited."""
    write_config(tmp_path, box.url)

    def rest() -> str:
        with running(tmp_path) as daemon:
            daemon.wait_until_ready()
            assert command(tmp_path, "pause", "deliver", "--reason", "upgrade") == (
                0,
                "workspace 123: deliver paused until `consentio-sync resume`\n",
            )
            order = accepted(box)
            daemon.wait_for("order.recorded")
            body = daemon.wait_until_ready(503)
            assert "upgrade" in body["workspaces"]["123"]["deliver"]
            assert [line["directions"] for line in daemon.told("workspace.paused")] == [["deliver"]]
            return order

    def go_on(order: str) -> None:
        with running(tmp_path) as daemon:
            daemon.wait_for("cycle.done", times=2)
            assert daemon.told("order.created") == []
            _, status = command(tmp_path, "status")
            _, story = command(tmp_path, "explain", order)
            assert "deliver paused by " in status
            assert "deliver of this workspace is paused by " in story
            assert command(tmp_path, "resume", "deliver")[0] == 0
            assert daemon.wait_for("order.created")["order_id"] == order
            daemon.wait_until_ready()

    order = await asyncio.to_thread(rest)
    await asyncio.to_thread(go_on, order)


async def test_decisions_without_a_daemon(box, tmp_path):
    """Where none runs the command does it itself; what makes no sense is refused with 8, and a reason is demanded with 2."""
    config = write_config(tmp_path, box.url)
    config.write_text(config.read_text().replace('folder = "erp"', 'folder = "erp"\nunits = ["pallet"]'))
    order = accepted(box)

    def work() -> None:
        assert command(tmp_path, "once")[0] == 8
        assert command(tmp_path, "dismiss", order)[0] == 2
        assert command(tmp_path, "dismiss", order, "--reason", " ")[0] == 2
        assert command(tmp_path, "dismiss", order, "--reason", "typed in") == (
            0,
            f"{order}: parked before, dismissed now, as revision 1 says it\n",
        )
        assert command(tmp_path, "dismiss", order, "--reason", "typed in") == (8, f"{order}: refused: it is dismissed already\n")
        assert command(tmp_path, "once")[0] == 0
        assert command(tmp_path, "pause", "sideways", "--reason", "x")[0] == 2
        assert command(tmp_path, "pause", "--reason", "x", "--workspace", "9")[0] == 2
        assert command(tmp_path, "pause", "--reason", "stocktaking")[0] == 0
        code, out = command(tmp_path, "once")
        assert (code, out) == (0, "workspace 123: nothing to do\n")

    await asyncio.to_thread(work)
