"""The commands of daily work, each in a process of its own, against the sandbox."""

import asyncio
import json
import re

import pytest

from daemon.sandbox import Sandbox
from daemon.store.tables import REVISION
from tests.support.process import running, write_config

UNITS = "units = ['pallet']"


@pytest.fixture
async def box():
    async with Sandbox() as served:
        yield served


@pytest.fixture
def run(tmp_path, box):
    """Runs one command in the folder of a config, and returns its exit code and what it printed."""
    write_config(tmp_path, box.url)

    async def _run(*args: str, **environ: str) -> tuple[int, str, str]:
        def work():
            with running(tmp_path, *args, **environ) as command:
                return command.end(), "".join(command.lines), "".join(command.errors)

        return await asyncio.to_thread(work)

    return _run


def accepted(box: Sandbox) -> str:
    order = box.world.place(123)
    box.world.accept(order.id)
    return str(order.id)


async def test_once_does_one_cycle_and_says_what_it_did(run, box):
    """0 and a line of counts; a second run has nothing to do."""
    accepted(box)

    code, out, errors = await run("once")
    again, summary, _ = await run("once", "--json")

    assert (code, again) == (0, 0), errors
    assert out.startswith("workspace 123: ")
    assert "created 1" in out
    assert json.loads(summary)["troubles"] == {}
    assert "created" not in json.loads(summary)["tally"]


async def test_once_says_which_end_is_away(run, box, tmp_path):
    """5 for Consentio, 6 for the ERP, with the reason on stderr."""
    accepted(box)
    (tmp_path / "erp").write_text("no folder")
    erp, _, erp_error = await run("once")
    (tmp_path / "erp").unlink()
    await box.stop()
    api, _, api_error = await run("once")

    assert (erp, api) == (6, 5)
    assert "consentio-sync: " in erp_error
    assert "consentio-sync: " in api_error


async def test_parked_orders_are_8_and_a_retry_carries_them(run, box, tmp_path):
    """The whole round: parked with a reason, explained, mended, retried, carried."""
    order = accepted(box)
    config = tmp_path / "config.toml"
    mended = config.read_text()
    config.write_text(mended.replace('folder = "erp"', f'folder = "erp"\n{UNITS}'))

    code, out, _ = await run("once")
    _, story, _ = await run("explain", order)
    _, status, _ = await run("status")
    config.write_text(mended)
    retried, answer, _ = await run("retry", order, "--reason", "units added")
    after, carried, _ = await run("once")
    _, end, _ = await run("explain", order, "--json")

    assert (code, retried, after) == (8, 0, 0)
    assert "1 orders are parked, braked or in doubt" in out
    assert "missing: unit:" in story
    assert f"consentio-sync retry {order}" in story
    assert "1 parked" in status
    assert answer == f"{order}: parked before, waiting now\n"
    assert "created 1" in carried
    told = json.loads(end)
    assert told["order"]["situation"] == "settled"
    assert any(note["what"] == "retried" and note["reason"] == "units added" for note in told["notes"])
    assert "hash_id" not in told["order"]


async def test_status_names_an_outage(run, box, tmp_path):
    """Which side cut off the last cycle, since when, and where to read why; nothing once it is over."""

    async def outages() -> list[str]:
        await run("once")
        _, out, _ = await run("status")
        return [line.strip() for line in out.splitlines() if "outage of" in line]

    assert await outages() == []

    key = (tmp_path / "key").read_text()
    (tmp_path / "key").write_text("wrong")
    (refused,) = await outages()
    (tmp_path / "key").write_text(key)
    assert await outages() == []

    accepted(box)
    (tmp_path / "erp").rename(tmp_path / "elsewhere")
    (tmp_path / "erp").write_text("no folder")
    (away,) = await outages()

    moment = r"since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC \(\d+ s\)"
    assert re.fullmatch(rf"outage of Consentio: nothing was collected {moment}; `api.lost` in the log says why", refused)
    assert re.fullmatch(rf"outage of the ERP: nothing was delivered {moment}; `erp.lost` in the log says why", away)


async def test_a_running_daemon_fulfils_what_is_wished(run, box, tmp_path):
    """`retry` and `restored` beside a daemon are answered by its next cycle."""
    order = accepted(box)

    def work():
        with running(tmp_path) as daemon:
            daemon.wait_for("order.created")
            with running(tmp_path, "retry", order) as retry:
                retried = retry.end(), "".join(retry.lines)
            with running(tmp_path, "restored", "--reason", "a copy") as restored:
                said = restored.end(), restored.text
            return retried, said, daemon.told("wish.fulfilled")

    retried, said, fulfilled = await asyncio.to_thread(work)

    assert retried == (8, f"{order}: refused: nothing to retry: the order is settled\n")
    assert said[0] == 0
    assert "will be asked for in the ERP" in said[1]
    assert [line["what"] for line in fulfilled] == ["retry", "restored"]


async def test_check_tries_everything_and_changes_nothing(run, box, tmp_path):
    """One line for each part; no database is made."""
    code, out, errors = await run("check")

    assert code == 0, errors
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "OK    config",
        "OK    installation",
        "OK    database sqlite",
        "OK    workspace 123, Consentio",
        "OK    workspace 123, ERP default",
        "OK    workspace 123, its orders",
        "OK    no other daemon",
    ]
    assert not (tmp_path / "sync.db").exists()


async def test_check_ends_with_the_first_failure(run, box, tmp_path):
    """Every part is tried, each failure has its remedy, and the first one gives the exit code."""
    (tmp_path / "key").write_text("wrong")
    (tmp_path / "erp").write_text("no folder")

    code, out, _ = await run("check")

    assert code == 5
    assert out.count("FAIL") == 2
    assert out.count("→ ") == 2
    assert "wrong" not in out


async def test_check_beside_a_daemon_says_so(run, box, tmp_path):
    """7, and who holds the workspace; the daemon goes on."""

    def work():
        with running(tmp_path) as daemon:
            daemon.wait_until_ready()
            with running(tmp_path, "check") as check:
                code = check.end()
            daemon.wait_for("cycle.done", times=len(daemon.told("cycle.done")) + 1)
            return code, check.text, daemon.told("store.lost")

    code, text, lost = await asyncio.to_thread(work)

    assert code == 7
    assert "FAIL  no other daemon" in text
    assert lost == []


async def test_migrate_can_be_repeated(run):
    """From nothing to the newest schema, and then nothing to do."""
    first = await run("migrate")
    again = await run("migrate")

    assert first[:2] == (0, f"schema none → {REVISION}\n")
    assert again[:2] == (0, f"schema {REVISION}, nothing to do\n")


async def test_an_unknown_order_is_told(run, box):
    """A mistyped id is usage, not a bug."""
    await run("migrate")

    code, _, errors = await run("explain", "999999")

    assert code == 2
    assert "Traceback" not in errors
