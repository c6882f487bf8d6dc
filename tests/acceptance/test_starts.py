"""Bad starts of the real process: each ends, or stays up not ready, as the design says, with one message and one remedy."""

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox.remote import Remote
from daemon.store.locks import FileLocks
from daemon.store.schema import migrate
from daemon.store.tables import VERSION_TABLE
from tests.support.hardships import closed_port, on_a_full_disk, untrusted_server, without_privileges
from tests.support.process import PATIENCE_S, Daemon, running, write_config
from tests.support.waiting import wait_until_sync

SECRET = "sk_live_canary_4711"
COMMANDS = ("once", "check", "run")


@dataclass(slots=True)
class Start:
    """The folder in which one command starts, and what was done to it."""

    folder: Path
    stack: ExitStack
    arguments: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    under: Sequence[str] = ()

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def edit(self, old: str, new: str) -> None:
        """Changes one thing of the config."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def make_database(self, schema: str | None = None) -> None:
        """An empty database, with the number of another schema if one is told."""
        shutil.copy(self.folder.parent / "template.db", self.folder / "sync.db")
        if schema is not None:
            with closing(sqlite3.connect(self.folder / "sync.db", isolation_level=None)) as connection:
                connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = ?", (schema,))


@dataclass(frozen=True, slots=True)
class Case:
    """One bad start: the exit codes of `once`, `check` and `run`, None where `run` stays up; and words of its message."""

    arrange: Callable[[Start], None]
    once: int
    check: int
    run: int | None
    words: Sequence[str]


def missing_config(start: Start) -> None:
    start.config.unlink()


def unreadable_config(start: Start) -> None:
    start.config.chmod(0)
    start.under = without_privileges()


def invalid_config(start: Start) -> None:
    start.edit("[sync]", '[sync]\nmax_windw = "1d"')
    start.edit('timeout = "5s"', 'timeout = "0s"')
    start.edit("id = 123", f'id = "{SECRET}"')
    start.edit('folder = "erp"', f'folder = "erp"\npasword = "{SECRET}"')


def unknown_variable(start: Start) -> None:
    start.environ = {"CONSENTIO_SYNC__SYNC__POL_INTERVAL": SECRET}


def wrong_adapter_settings(start: Start) -> None:
    start.edit('folder = "erp"', f'folder = "erp"\npasword = "{SECRET}"')


def no_such_adapter(start: Start) -> None:
    start.edit('adapter = "files"', 'adapter = "filez"')


def no_api_key(start: Start) -> None:
    (start.folder / "key").unlink()


def wrong_api_key(start: Start) -> None:
    (start.folder / "key").write_text(SECRET)


def unreachable_api(start: Start) -> None:
    start.environ = {"CONSENTIO_SYNC__CONSENTIO__BASE_URL": f"http://127.0.0.1:{closed_port()}"}


def untrusted_certificate(start: Start) -> None:
    port = start.stack.enter_context(untrusted_server(start.folder))
    start.environ = {"CONSENTIO_SYNC__CONSENTIO__BASE_URL": f"https://localhost:{port}"}


def unwritable_folder(start: Start) -> None:
    (start.folder / "erp").mkdir(mode=0o555)
    start.under = without_privileges()


def inbox_elsewhere(start: Start) -> None:
    elsewhere = Path("/dev/shm") / f"consentio-{os.getpid()}-{start.folder.name}"
    if not elsewhere.parent.is_dir() or elsewhere.parent.stat().st_dev == start.folder.stat().st_dev:
        pytest.skip("needs a second file system")
    elsewhere.mkdir()
    start.stack.callback(shutil.rmtree, elsewhere)
    (start.folder / "erp").mkdir()
    (start.folder / "erp" / "inbox").symlink_to(elsewhere)


def missing_database(start: Start) -> None:
    start.edit("sqlite:///sync.db", "sqlite:///gone/sync.db")


def unwritable_database(start: Start) -> None:
    (start.folder / "db").mkdir()
    start.edit("sqlite:///sync.db", "sqlite:///db/sync.db")
    (start.folder / "db").chmod(0o555)
    start.under = without_privileges()


def database_server_away(start: Start) -> None:
    start.edit("sqlite:///sync.db", f"postgresql://u:{SECRET}@127.0.0.1:{closed_port()}/orders")


def older_schema(start: Start) -> None:
    start.make_database("0000")
    start.environ = {"CONSENTIO_SYNC__DATABASE__AUTO_MIGRATE": "false"}


def newer_schema(start: Start) -> None:
    start.make_database("9999")


def locked_workspace(start: Start) -> None:
    start.make_database()
    locks = FileLocks(start.folder / "sync.db", owner="host:1:the other daemon")
    asyncio.run(locks.take("123"))
    start.stack.callback(lambda: asyncio.run(locks.close()))


def taken_port(start: Start) -> None:
    taken = start.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    start.environ = {"CONSENTIO_SYNC__HTTP__PORT": str(taken.getsockname()[1])}


def disk_full(start: Start) -> None:
    start.make_database()
    (start.folder / "full").mkdir()
    start.edit("sqlite:///sync.db", "sqlite:///full/sync.db")
    start.under = on_a_full_disk()


def no_room_for_a_database(start: Start) -> None:
    disk_full(start)
    start.edit("full/sync.db", "full/new.db")


def no_room_for_documents(start: Start) -> None:
    disk_full(start)
    start.edit("sqlite:///full/sync.db", "sqlite:///sync.db")
    start.edit('folder = "erp"', 'folder = "full/erp"')


CASES = [
    Case(missing_config, 3, 3, 3, ["no config file"]),
    Case(unreadable_config, 3, 3, 3, ["cannot be read"]),
    Case(
        invalid_config,
        3,
        3,
        3,
        [
            "4 problems",
            "config.toml:3: consentio.timeout",
            "config.toml:6: workspaces[0].id",
            "config.toml:9: sync.max_windw",
            "config.toml:17: erp.default.pasword",
        ],
    ),
    Case(unknown_variable, 3, 3, 3, ["CONSENTIO_SYNC__SYNC__POL_INTERVAL", "did you mean poll_interval?"]),
    Case(wrong_adapter_settings, 3, 3, 3, ["erp.default.pasword: unknown key"]),
    Case(no_such_adapter, 6, 6, 3, ["filez"]),
    Case(no_api_key, 3, 3, 3, ["The API key of workspace 123 cannot be read from key"]),
    Case(wrong_api_key, 5, 5, None, ["refused to log in"]),
    Case(unreachable_api, 5, 5, None, ["cannot be reached"]),
    Case(untrusted_certificate, 5, 5, None, ["certificate", "not trusted"]),
    Case(unwritable_folder, 6, 6, None, ["erp", "Permission denied"]),
    Case(inbox_elsewhere, 6, 6, None, ["not on one file system"]),
    Case(missing_database, 4, 4, 4, ["gone/sync.db"]),
    Case(unwritable_database, 4, 4, 4, ["db/sync.db"]),
    Case(database_server_away, 4, 4, 4, ["postgresql://127.0.0.1"]),
    Case(older_schema, 4, 4, 4, ["schema 0000"]),
    Case(newer_schema, 4, 4, 4, ["schema 9999"]),
    Case(locked_workspace, 7, 7, 7, ["held by", "the other daemon"]),
    Case(taken_port, 0, 0, 3, ["cannot be listened to"]),
    Case(disk_full, 4, 4, 4, ["full/sync.db"]),
    Case(no_room_for_a_database, 4, 4, 4, ["full/new.db"]),
    Case(no_room_for_documents, 6, 6, None, ["full/erp", "No space left"]),
]


@pytest.fixture(scope="module")
def market() -> Iterator[Remote]:
    with Remote.started("--pace", "0") as remote:
        yield remote


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.arrange.__name__)
def test_a_bad_start_is_told(tmp_path, market, case):
    """`once` and `check` end with the code of what is wrong; `run` ends with what no waiting mends, else stays up not ready."""
    asyncio.run(migrate(f"sqlite:///{tmp_path}/template.db"))
    with ExitStack() as stack:
        once, check, run = (begun(stack, command, case, folder=tmp_path / command, market=market) for command in COMMANDS)

        assert_ends(once, case.once, told_once, case.words)
        assert_ends(check, case.check, told_by_check, case.words)
        if case.run is None:
            assert_stays_up(run, case.words)
        else:
            assert_ends(run, case.run, told_once, case.words)


def begun(stack: ExitStack, command: str, case: Case, *, folder: Path, market: Remote) -> Daemon:
    """The command, started in a folder of its own, in which the case was arranged."""
    folder.mkdir()
    start = Start(folder, stack)
    write_config(folder, market.url)
    case.arrange(start)
    return stack.enter_context(running(folder, command, under=start.under, **start.environ))


def told_once(command: Daemon) -> str:
    """What stderr says: one message and one remedy."""
    beginnings = [line.split(" ")[0] for line in command.errors]
    assert (beginnings.count("consentio-sync:"), beginnings.count("→")) == (1, 1), command.text
    return "".join(command.errors)


def told_by_check(check: Daemon) -> str:
    """What `check` says: the same, or one line of its list that failed, with its remedy; and nothing if all is well."""
    if not check.lines:
        return told_once(check)
    failed = [line for line in check.lines if line.startswith("FAIL")]
    remedies = [line for line in check.lines if line.lstrip().startswith("→")]
    assert len(failed) == len(remedies), check.text
    return check.text


def assert_ends(command: Daemon, code: int, told: Callable[[Daemon], str], words: Sequence[str]) -> None:
    assert command.end() == code, command.text
    if code:
        text = told(command)
        assert all(word in text for word in words), text
    assert_decent(command)


def assert_stays_up(run: Daemon, words: Sequence[str]) -> None:
    """It says once what is lost and what to do, is not ready for that reason, and ends when it is told to."""
    (lost,) = wait_until_sync(lambda: told_lost(run, words), timeout=PATIENCE_S, what=f"{words} in {run.text}")
    run.wait_for("cycle.done", times=len(run.told("cycle.done")) + 1)
    assert told_lost(run, words) == [lost]
    assert lost["remedy"]
    assert lost["reason"] in str(run.wait_until_ready(503))
    assert run.end(signal.SIGTERM) == 0
    assert run.errors == []
    assert_decent(run)


def told_lost(run: Daemon, words: Sequence[str]) -> list[dict[str, Any]]:
    lost = [*run.told("api.lost"), *run.told("erp.lost")]
    return [line for line in lost if all(word in line["reason"] for word in words)]


def assert_decent(command: Daemon) -> None:
    assert "Traceback" not in command.text
    assert SECRET not in command.text
