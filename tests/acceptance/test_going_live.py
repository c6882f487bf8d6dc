"""Going live, and coming back after a loss, with the real process: nothing that is in the ERP is put there twice."""

import asyncio
import json
import shutil
import signal
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.sandbox import External, Sandbox
from daemon.sandbox.audit import audit
from daemon.sandbox.folder_erp import FolderErp
from daemon.sandbox.remote import Remote
from tests.support.process import PATIENCE_S, Daemon, running, write_config
from tests.support.waiting import wait_until_sync

HOUR = timedelta(hours=1)
#: The shortest doubt wait that there is.
_HURRY = {f"CONSENTIO_SYNC__DELIVERY__{name}": "1s" for name in ("LEASE", "CALL_TIMEOUT", "DOUBT_MARGIN")}
#: The first start takes over nothing that was there before it.
#: A near sweep is due after this, in seconds: the market's clock is moved, nobody waits.
_NEAR_SWEEP_S = 11 * 60
_FROM_NOW_ON = {"CONSENTIO_SYNC__SYNC__INITIAL_LOOKBACK": "0s"}


@pytest.fixture
async def box():
    async with Sandbox(control=True) as served:
        yield served


@pytest.fixture
def run(tmp_path, box):
    """Runs one command of the real program to its end, and returns its exit code and all that it said."""
    write_config(tmp_path, box.url)

    async def _run(*args: str, **environ: str) -> tuple[int, str]:
        def work():
            with running(tmp_path, *args, **_HURRY, **environ) as process:
                return process.end(), process.text

        return await asyncio.to_thread(work)

    return _run


@pytest.fixture
def come_to_rest(tmp_path, box):
    """Lets a daemon run until a restore is over, market and ERP hold the same and every order is settled.

    Returns its log lines; fails with what differs. What the ERP imports is copied first.
    """

    async def _come_to_rest(**environ: str) -> list[dict]:
        erp, differences = FolderErp(tmp_path / "erp" / "inbox"), ["nothing was looked at"]

        def is_at_rest(daemon: Daemon) -> bool:
            shutil.copytree(tmp_path / "erp" / "inbox", tmp_path / "imported", dirs_exist_ok=True)
            erp.import_some()
            differences[:] = map(str, audit(Remote(box.url).state(), erp.book))
            has_settled = {situation for situation, _ in situations(tmp_path).values()} == {"settled"}
            return not differences and has_settled and bool(daemon.told("restore.ended"))

        def work():
            with running(tmp_path, **_HURRY, **environ) as daemon:
                daemon.wait_for("daemon.started")
                wait_until_sync(lambda: daemon.is_over or is_at_rest(daemon), timeout=PATIENCE_S, what=f"{differences} to vanish")
                assert daemon.end(signal.SIGTERM) == 0, daemon.text
                return [json.loads(line) for line in daemon.lines]

        return await asyncio.to_thread(work)

    return _come_to_rest


def accepted(box: Sandbox, *, ago: timedelta = timedelta(0)) -> str:
    """A new order, placed and accepted so long ago."""
    then = box.clock() - ago
    order = box.world.place(123, at=then)
    box.world.accept(order.id, at=then)
    return str(order.id)


def deliveries(folder: Path) -> list[tuple[str, str]]:
    """(kind, order) of every document that was ever handed to the ERP, in order."""
    found = {path.name: path for where in ("imported", "erp/inbox") for path in (folder / where).glob("*.json")}
    documents = [json.loads(found[name].read_text()) for name in sorted(found)]
    return [(document["kind"], document["order"]["id"]) for document in documents]


def situations(folder: Path) -> dict[str, tuple[str, str]]:
    """(situation, reason) of each order in the database."""
    database = sqlite3.connect(folder / "sync.db")
    try:
        return {
            order: (situation, reason)
            for order, situation, reason in database.execute("SELECT id, situation, reason FROM orders")
        }
    finally:
        database.close()


def told(lines: list[dict], event: str) -> list[dict]:
    return [line for line in lines if line["event"] == event]


# ---- the first start


async def test_start_from_is_the_wall(run, box, tmp_path):
    """Accepted orders created since that moment are created in the ERP; those before it are baseline, and never are."""
    older, newer = accepted(box, ago=3 * HOUR), accepted(box, ago=HOUR)
    wall = (box.clock() - 2 * HOUR).isoformat()

    code, said = await run("once", CONSENTIO_SYNC__SYNC__START_FROM=wall)

    assert code == 0, said
    assert deliveries(tmp_path) == [("create", newer)]
    assert situations(tmp_path)[older] == ("baseline", "")


async def test_what_was_there_before_the_first_start_is_baseline(run, box, tmp_path):
    """By default nothing older is created, edited or canceled in the ERP; one line counts it and names the setting."""
    old, dropped = accepted(box, ago=HOUR), accepted(box, ago=HOUR)
    code, said = await run("once", **_FROM_NOW_ON)
    box.world.edit(int(old))
    box.world.cancel(int(dropped))
    new = accepted(box)

    again, _ = await run("once")

    assert (code, again) == (0, 0), said
    assert "baseline 2" in said
    assert said.count("orders.baseline") == 1
    assert "sync.start_from" in said
    assert deliveries(tmp_path) == [("create", new)]
    assert {situations(tmp_path)[order][0] for order in (old, dropped)} == {"baseline"}


async def test_what_was_pending_at_the_first_start_is_created_when_it_is_accepted(run, box, tmp_path):
    """Nobody can have typed it in: it was not accepted yet."""
    pending = box.world.place(123, at=box.clock() - HOUR)
    await run("once", **_FROM_NOW_ON)
    box.world.accept(pending.id)

    box.clock.advance(_NEAR_SWEEP_S)
    await run("once")

    assert deliveries(tmp_path) == [("create", str(pending.id))]


async def test_an_old_order_that_turns_up_later_is_for_a_person(run, box, tmp_path):
    """First met after the first start, but created before the wall: it parks, and says why."""
    await run("once", **_FROM_NOW_ON)
    old = accepted(box, ago=HOUR)

    box.clock.advance(_NEAR_SWEEP_S)
    code, said = await run("once")

    assert code == 8, said
    assert deliveries(tmp_path) == []
    assert situations(tmp_path)[old] == ("parked", "older than the start wall")


async def test_an_order_with_somebody_elses_reference_is_for_a_person(run, box, tmp_path):
    """It is in the ERP under another name: neither created nor told another reference."""
    typed_in = accepted(box)
    box.world.external(123, [External(int(typed_in), external_id="SO-17")])

    code, said = await run("once")

    assert code == 8, said
    assert deliveries(tmp_path) == []
    assert situations(tmp_path)[typed_in] == ("parked", "already has a reference")
    assert box.world.orders[int(typed_in)].external_id == "SO-17"


# ---- a database that was lost, or is a copy


@pytest.mark.parametrize("environ", [{}, _FROM_NOW_ON], ids=["inside the wall", "before the wall"])
async def test_a_lost_database_doubles_nothing(run, come_to_rest, box, tmp_path, environ):
    """Orders that carry our reference are adopted, whatever the wall says, and what happened meanwhile follows."""
    same, edited, canceled = accepted(box), accepted(box), accepted(box)
    await run("once")
    for path in tmp_path.glob("sync.db*"):
        path.unlink()
    box.world.edit(int(edited))
    box.world.cancel(int(canceled))

    lines = await come_to_rest(**environ)

    assert told(lines, "database.restored")
    assert [order for kind, order in deliveries(tmp_path) if kind == "create"] == [same, edited, canceled]
    assert ("cancel", canceled) in deliveries(tmp_path)


@pytest.mark.parametrize("is_said", [True, False], ids=["restored", "noticed"])
async def test_an_older_copy_doubles_nothing(run, come_to_rest, box, tmp_path, is_said):
    """What the copy does not know is asked for in the ERP: `restored` says so, and so does the first forgotten record."""
    edited, canceled = accepted(box), accepted(box)
    await run("once")
    _back_up(tmp_path)
    box.world.edit(int(edited))
    box.world.cancel(int(canceled))
    forgotten, gone = accepted(box), accepted(box)
    await run("once")
    _restore(tmp_path)
    box.world.edit_back(int(edited))  # to what the copy holds: only the ERP can tell that something is to be done
    box.world.cancel(int(gone))
    if is_said:
        code, said = await run("restored", "--reason", "from the backup of last night")
        assert code == 0, said

    lines = await come_to_rest()

    assert len(told(lines, "database.restored")) == (0 if is_said else 1)
    assert told(lines, "restore.ended")
    creates = [order for kind, order in deliveries(tmp_path) if kind == "create"]
    assert creates == [edited, canceled, forgotten, gone]


def _back_up(folder: Path) -> None:
    """Copies the database while nobody has it open, its write-ahead log included."""
    database = sqlite3.connect(folder / "sync.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    shutil.copy(folder / "sync.db", folder / "backup.db")


def _restore(folder: Path) -> None:
    for path in folder.glob("sync.db*"):
        path.unlink()
    shutil.copy(folder / "backup.db", folder / "sync.db")


# ---- a database that belongs to another place


async def test_sandbox_and_production_on_one_database_are_refused(run, box, tmp_path):
    """Exit 4, with both addresses and what to do; no order of the other place is even asked for."""
    accepted(box)
    await run("once")
    async with Sandbox() as production:
        accepted(production)
        elsewhere = {"CONSENTIO_SYNC__CONSENTIO__BASE_URL": production.url}
        once, running_, check = [await run(command, **elsewhere) for command in ("once", "run", "check")]

    assert [code for code, _ in (once, running_, check)] == [4, 4, 4], (once, running_, check)
    for _, said in (once, running_, check):
        assert box.url in said
        assert production.url in said
        assert "→ Set the configuration back" in said
    assert production.requests.count("edited") == 0
    assert len(deliveries(tmp_path)) == 1


async def test_another_erp_on_one_database_is_refused(run, box, tmp_path):
    """A ledger belongs to one ERP: exit 4, and nothing is written there."""
    await run("once")
    accepted(box)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace('folder = "erp"', 'folder = "another"'))

    code, said = await run("once")

    assert code == 4, said
    assert "another" in said
    assert deliveries(tmp_path) == []
    assert list((tmp_path / "another").glob("inbox/*")) == []
