"""The operator's commands, each in a process of its own, beside the real daemon and without one."""

import asyncio
import json

import pytest

from daemon.sandbox import Sandbox
from tests.support.process import running, write_config
from tests.support.slow_erp import Slow


@pytest.fixture
async def box():
    async with Sandbox() as served:
        yield served


def accepted(box: Sandbox) -> str:
    order = box.world.place(123)
    box.world.accept(order.id)
    return str(order.id)


def command(folder, *args: str, **environ: str) -> tuple[int, str]:
    """Runs one to its end: its exit code, and what it printed; its log goes to stderr."""
    with running(folder, *args, **environ) as process:
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


SOON = '[delivery]\nlease = "1s"\ncall_timeout = "1s"\ndoubt_margin = "1s"'


async def test_a07_a_doubt_that_only_settle_wakes(box, tmp_path):
    """A create without an answer at an ERP that cannot be asked: no edit, retry or restart sends another; a person's word does.

    Beside the daemon the record is taken over; without one, the command waits until nothing can arrive, and frees the order.
    """
    slow = Slow(tmp_path)
    slow.install()
    config = write_config(tmp_path, box.url, more=SOON)
    config.write_text(config.read_text().replace('adapter = "files"', 'adapter = "slow"\nmute = true'))
    order = accepted(box)
    environ = slow.environ

    def settled_beside_the_daemon() -> str:
        with running(tmp_path, **environ) as daemon:
            slow.wait_for_record()
            daemon.wait_for("order.parked")
            box.world.edit(int(order))
            daemon.wait_for("order.changed")
            code, refusal = command(tmp_path, "retry", order, **environ)
            assert (code, "consentio-sync settle" in refusal) == (8, True)
            _, story = command(tmp_path, "explain", order, **environ)
            assert f"consentio-sync settle {order} --as" in story
        with running(tmp_path, **environ) as daemon:
            daemon.wait_for("cycle.done", times=3)
            record = f"c123-{order}"
            assert slow.records == [record]
            code, said = command(tmp_path, "settle", order, "--as", record, "--reason", "seen there", **environ)
            assert (code, said) == (0, f"{order}: parked before, waiting now\n")
            assert daemon.wait_for("order.updated")["order_id"] == order
            slow.fail("create")
            other = accepted(box)
            assert daemon.wait_for("order.parked", times=1)["order_id"] == other
            return other

    def settled_without_one(other: str) -> None:
        slow.recover()
        slow.answer()
        code, said = command(tmp_path, "settle", other, "--as", "absent", "--reason", "not there", **environ)
        assert (code, said) == (0, f"{other}: parked before, waiting now\n")
        code, out = command(tmp_path, "once", **environ)
        assert (code, "created 1" in out) == (0, True)

    other = await asyncio.to_thread(settled_beside_the_daemon)
    await asyncio.to_thread(settled_without_one, other)
    assert slow.records == sorted([f"c123-{order}", f"c123-{other}"])


async def test_a_gap_is_listed_and_closed(box, tmp_path):
    """`gaps` ends with 8 while there are any; `orders` lists who waits, whole cells in a pipe; a mapped key is sent at once."""
    config = write_config(tmp_path, box.url)
    mended = config.read_text()
    config.write_text(mended.replace('folder = "erp"', 'folder = "erp"\nunits = ["pallet"]'))
    order = accepted(box)

    def work() -> None:
        assert command(tmp_path, "once")[0] == 8
        code, out = command(tmp_path, "gaps", "--json")
        (key, *_) = [gap["key"] for gap in json.loads(out)]
        assert (code, key.startswith("unit:")) == (8, True)
        assert json.loads(out)[0]["orders"] == [order]
        assert "keys that the ERP does not know" in command(tmp_path, "status")[1]
        _, rows = command(tmp_path, "orders", "--situation", "parked", "--text", key)
        assert rows.splitlines()[1].split("\t")[:3] == [order, "123", "parked"]
        assert command(tmp_path, "orders", "--older-than", "2h") == (0, "")
        assert command(tmp_path, "orders", "--older-than", "2")[0] == 2
        assert command(tmp_path, "retry", "--missing", "unit:none") == (
            8,
            "workspace 123: refused: no order waits for unit:none; `consentio-sync gaps` says for what they do\n",
        )
        config.write_text(mended)
        assert command(tmp_path, "retry", "--missing", key) == (
            0,
            f"workspace 123: orders that wait for {key}: 1 sent again\n",
        )
        assert "created 1" in command(tmp_path, "once")[1]
        assert command(tmp_path, "gaps") == (0, "")
        assert [command(tmp_path, asked, "--workspace", "999")[0] for asked in ("gaps", "orders")] == [2, 2]

    await asyncio.to_thread(work)
