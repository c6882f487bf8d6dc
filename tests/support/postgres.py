"""A private PostgreSQL server: its own folder, its own port, gone when it is no longer needed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.support.waiting import wait_until_sync

_HOST = "127.0.0.1"
_USER = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A running server that trusts everyone on this machine."""

    port: int
    folder: Path  #: holds the Unix socket, the log and the data
    _running: "_Running"

    def url(self, database: str = "postgres") -> str:
        """Returns where `database` is found: postgresql://user@host:port/database."""
        return f"postgresql://{_USER}@{_HOST}:{self.port}/{database}"

    def restart(self) -> None:
        """Ends every connection, and serves again on the same port."""
        self._running.stop()
        self._running.start(self)

    @contextmanager
    def fresh_database(self, *, template: str = "template0") -> Iterator[str]:
        """Yields the URL of a new database, by default an empty one; drops it afterwards, in use or not."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self.url(name)
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def server_programs() -> Path | None:
    """Returns the folder of PostgreSQL's server programs, the newest of several; None without any."""
    on_path = shutil.which("initdb")
    # Debian keeps them out of the PATH; its /usr/bin has only wrappers for clients.
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


@contextmanager
def running_server(programs: Path, *, fsync: bool = False) -> Iterator[PostgresServer]:
    """Yields a new server; with `fsync` it survives a power cut, which only few tests are about."""
    identity = _identity()
    folder = Path(tempfile.mkdtemp(prefix="consentio-pg-"))
    try:
        if identity:
            os.chown(folder, identity["user"], identity["group"])
        _create_cluster(programs, folder, identity)
        with _serving(programs, folder, identity, fsync=fsync) as server:
            yield server
    finally:
        shutil.rmtree(folder)


def _identity() -> Mapping[str, Any]:
    """Returns whom to run the server as: ourselves, but PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    accounts = {account.pw_name: account for account in pwd.getpwall()}
    account = accounts.get("postgres") or accounts["nobody"]
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _create_cluster(programs: Path, folder: Path, identity: Mapping[str, Any]) -> None:
    command = [programs / "initdb", "--pgdata", folder / "data", "--username", _USER]
    command += ["--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **identity)
    if done.returncode != 0:
        message = f"initdb failed:\n{done.stdout}{done.stderr}"
        raise RuntimeError(message)


@contextmanager
def _serving(programs: Path, folder: Path, identity: Mapping[str, Any], *, fsync: bool) -> Iterator[PostgresServer]:
    running = _Running(programs, identity, fsync=fsync)
    server = PostgresServer(port=_free_port(), folder=folder, _running=running)
    running.start(server)
    try:
        yield server
    finally:
        running.stop()


class _Running:
    """The server's process."""

    def __init__(self, programs: Path, identity: Mapping[str, Any], *, fsync: bool) -> None:
        self._programs, self._identity, self._fsync = programs, identity, fsync
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, server: PostgresServer) -> None:
        command = [self._programs / "postgres", "-D", server.folder / "data", "-h", _HOST, "-p", str(server.port)]
        command += ["-k", server.folder, "-c", f"fsync={'on' if self._fsync else 'off'}"]
        with (server.folder / "server.log").open("ab") as log:
            # A session of its own: Ctrl-C must stop the tests first, and then, through them, the server.
            process = subprocess.Popen(
                command, cwd=server.folder, stdout=log, stderr=log, start_new_session=True, **self._identity
            )
        self._process = process
        wait_until_sync(lambda: _answers(server, process), timeout=30, what="PostgreSQL to answer")

    def stop(self) -> None:
        if self._process is not None:
            _stop(self._process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return probe.getsockname()[1]


def _answers(server: PostgresServer, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        message = f"PostgreSQL ended at its start:\n{(server.folder / 'server.log').read_text()}"
        raise RuntimeError(message)
    try:
        psycopg.connect(server.url(), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # PostgreSQL's "fast shutdown": it waits for no client
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
