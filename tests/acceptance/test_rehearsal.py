"""`once --dry-run` with the real process: what it tells is what `once` then does, and it leaves no trace anywhere."""

import asyncio
import hashlib
import json
import signal
from pathlib import Path

import pytest

from daemon.sandbox import Sandbox
from daemon.sandbox.remote import Remote
from tests.acceptance.test_going_live import HOUR, accepted, deliveries, situations
from tests.support.process import running, write_config

_SOON_BRAKED = "[brakes]\nfloor = 2\nmax_cancels_share = 0.01\n"
#: The routes that change something.
_WRITES = ("external", "seen", "prepare")
_EFFECTS = ("create", "update", "cancel")


@pytest.fixture
async def box():
    async with Sandbox(control=True) as served:
        yield served


@pytest.fixture
def run(tmp_path, box):
    """Runs `once` of the real program to its end; returns its exit code and what it printed."""
    write_config(tmp_path, box.url, more=_SOON_BRAKED)

    async def _run(*args: str) -> tuple[int, list[str], str]:
        def work():
            with running(tmp_path, "once", *args) as process:
                return process.end(), process.lines, process.text

        return await asyncio.to_thread(work)

    return _run


async def traces(folder: Path, box: Sandbox) -> dict[str, object]:
    """Everything that a rehearsal could touch: files byte by byte, folders, and what Consentio holds."""
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
        if not path.name.endswith("-shm")  # SQLite's map of a log that somebody has open: readers take marks in it
    }
    state = await asyncio.to_thread(Remote(box.url).state)
    writes = [asked for asked in state["requests"] if asked["route"] in _WRITES]
    return {**files, "Consentio": {**state, "now": "", "requests": writes}}


def steps(lines: list[str]) -> list[tuple[str, str]]:
    """(what, order) of each step that concerns an order."""
    said = [json.loads(line) for line in lines]
    return [(step["what"], step["order"]) for each in said for step in each["steps"] if step["order"]]


async def test_before_the_first_start(run, box, tmp_path):
    """Without a database or a folder: what would be created and told, and how many are baseline; and then it is so."""
    new = [accepted(box), accepted(box)]
    old = accepted(box, ago=5 * HOUR)
    before = await traces(tmp_path, box)

    code, lines, text = await run("--dry-run", "--json")
    assert code == 0, text
    assert await traces(tmp_path, box) == before
    planned = steps(lines)
    assert sorted(planned) == sorted([("create", order) for order in new] + [("reference", order) for order in new])
    assert json.loads(lines[0])["tally"]["baseline"] == 1

    await run()
    assert deliveries(tmp_path) == [step for step in planned if step[0] in _EFFECTS]
    assert situations(tmp_path)[old][0] == "baseline"


async def test_what_is_told_is_what_is_done(run, box, tmp_path):
    """Edits, cancels, a brake, new orders and marks of the edited list, over a database at rest; and nothing is touched."""
    orders = [accepted(box) for _ in range(6)]
    await run()
    box.world.edit(int(orders[0]))
    for order in orders[1:5]:  # four cancels, and two are let through
        box.world.cancel(int(order))
    new = accepted(box)
    before, earlier = await traces(tmp_path, box), deliveries(tmp_path)

    code, lines, text = await run("--dry-run", "--json")
    assert code == 8, text  # a brake would be pulled
    assert await traces(tmp_path, box) == before
    planned = steps(lines)

    done_code, _, text = await run()
    assert done_code == 8, text
    done = deliveries(tmp_path)[len(earlier) :]
    assert (
        sorted(step for step in planned if step[0] in _EFFECTS)
        == sorted(done)
        == sorted([("update", orders[0]), ("create", new)])
    )
    assert ("seen", orders[0]) in planned
    assert [order for what, order in planned if what == "reference"] == [new]
    assert [what for what, _ in planned if what == "braked"] == ["braked"] * 4


async def test_beside_a_running_daemon(run, box, tmp_path):
    """No lock is taken, and the daemon's database is read as it is."""
    order = accepted(box)

    def beside():
        with running(tmp_path) as daemon:
            daemon.wait_for("order.created")
            daemon.wait_for("cycle.done", times=3)
            with running(tmp_path, "once", "--dry-run") as rehearsal:
                assert rehearsal.end() == 0, rehearsal.text
                said = rehearsal.text
            daemon.wait_for("cycle.done", times=len(daemon.told("cycle.done")) + 2)
            assert daemon.end(signal.SIGTERM) == 0
            return said, daemon.text

    said, log = await asyncio.to_thread(beside)
    assert "Nothing was done" in said
    assert f"order {order}" not in said
    assert "cycle.failed" not in log
    assert "store.lost" not in log
    assert deliveries(tmp_path) == [("create", order)]


async def test_it_reads_well(run, box, tmp_path):
    """A person sees each order once, with what would be done in the ERP and on Consentio."""
    order = accepted(box)

    _, lines, _ = await run("--dry-run")

    assert "".join(lines[1:]) == (
        f"  order {order}\n"
        f"    in the ERP: create order {order} by a document in {tmp_path}/erp/inbox\n"
        "    on Consentio: reference, that of the new record\n"
        "Nothing was done: neither Consentio, nor the ERP, nor the database was changed.\n"
    )
