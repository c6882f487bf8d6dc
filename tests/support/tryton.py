"""A real Tryton of this test run's own: installed once, its shop set up once, copied and served for each test.

Three layers, the first two kept in a cache: an environment from requirements/tryton.txt, a seeded database, a server process.
TRYTON_VERSION=8.2 takes the next series. Nothing of Tryton is ever imported: it is another program in another process.
"""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.sandbox import catalogue
from tests.support import tryton_shop
from tests.support.tryton_rpc import Rpc
from tests.support.waiting import wait_until_sync

DATABASE = "tryton"
MODULES = ("sale", "sale_amendment")
_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 60.0


class Unavailable(Exception):
    """No Tryton can be made here: why."""


@dataclass(frozen=True, slots=True)
class Tryton:
    """A running server. `facts` are the ids, and the secrets, that the shop was set up with."""

    url: str
    folder: Path
    process: "subprocess.Popen[bytes]"
    facts: dict[str, Any]

    @property
    def key(self) -> str:
        """The import user's key."""
        return self.facts["key"]

    def rpc(self) -> Rpc:
        """A session of the administrator, who may do whatever a clerk does."""
        rpc = Rpc(self.url, DATABASE)
        rpc.log_in("admin", self.facts["admin_password"])
        return rpc


def version() -> str:
    """The series that is tested."""
    return os.environ.get("TRYTON_VERSION", "8.0")


def lock_file() -> Path:
    """The pins of that series."""
    name = "tryton.txt" if version() == "8.0" else f"tryton-{version()}.txt"
    return _ROOT / "requirements" / name


def cache() -> Path:
    """Where environments and seeds are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "consentio-sync-tests"


def environment() -> Path:
    """The Python of an environment that holds Tryton; made if it is not there."""
    if not lock_file().is_file():
        raise Unavailable(f"there are no pins for Tryton {version()}")
    folder = cache() / f"tryton-{version()}-{_digest(lock_file().read_bytes(), sys.version.encode())}"
    with _one_at_a_time(folder):
        if not (folder / "ready").exists():
            _install(folder)
    return folder / "bin" / "python"


def seed(python: Path) -> Path:
    """The folder of a database with a shop in it; made if it is not there."""
    parts = [lock_file().read_bytes(), *(Path(str(module.__file__)).read_bytes() for module in (tryton_shop, catalogue))]
    folder = cache() / f"shop-{version()}-{_digest(*parts)}"
    with _one_at_a_time(folder):
        if not folder.exists():
            _set_up_shop(python, folder)
    return folder


@contextlib.contextmanager
def running_tryton() -> Iterator[Tryton]:
    """A server over a fresh copy of the shop."""
    made = _made()
    if isinstance(made, Unavailable):
        raise made
    python, source = made
    with tempfile.TemporaryDirectory(prefix="consentio-tryton-") as name:
        folder = Path(name)
        shutil.copy(source / f"{DATABASE}.sqlite", folder)
        with _serving(python, folder) as (url, process):
            yield Tryton(url, folder, process, json.loads((source / "facts.json").read_text()))


@functools.cache
def _made() -> tuple[Path, Path] | Unavailable:
    """The Python and the shop; where they cannot be made, that is tried once only."""
    try:
        python = environment()
        return python, seed(python)
    except Unavailable as reason:
        return reason


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Tests run side by side: one makes it, the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", folder])
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", lock_file()])
    (folder / "ready").touch()


def _set_up_shop(python: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder, password = Path(name) / "shop", tryton_shop.password()
        folder.mkdir()
        (folder / f"{DATABASE}.sqlite").touch()  # it must be there, and may be empty
        (Path(name) / "password").write_text(password)
        config = _write_config(folder, 1)
        command = [python, python.parent / "trytond-admin", "-c", config, "-d", DATABASE, "-u", *MODULES]
        _run([*command, "--activate-dependencies", "--email", "admin@example.com"], TRYTONPASSFILE=str(Path(name) / "password"))
        with _serving(python, folder) as (url, _):
            facts = tryton_shop.set_up(Rpc(url, DATABASE), password)
        (folder / "facts.json").write_text(json.dumps(facts))
        _fold(folder / f"{DATABASE}.sqlite")
        folder.rename(target)


def _fold(database: Path) -> None:
    """Tryton leaves the last writes beside the file: bring them in, so that one file is all."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _run(command: list[Any], **environ: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**_environ(), **environ}
    )
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} {command[1]} failed: {done.stderr.strip()[-600:]}")


def _environ() -> dict[str, str]:
    """What the caller has set for a Tryton of its own must not reach ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRYTOND_")}


def _write_config(folder: Path, port: int) -> Path:
    config = folder / "trytond.conf"
    config.write_text(f"[web]\nlisten = 127.0.0.1:{port}\nroot =\n[database]\nuri = sqlite://\npath = {folder}\nlist = False\n")
    return config


@contextlib.contextmanager
def _serving(python: Path, folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config, url = _write_config(folder, port), f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [python, python.parent / "trytond", "-c", config, "-d", DATABASE],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environ(),
            start_new_session=True,
        )
    try:
        wait_until_sync(lambda: _answers(url, process, folder), timeout=_PATIENCE_S, what="Tryton to answer")
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    if process.poll() is not None:
        raise Unavailable(f"Tryton ended at its start: {(folder / 'server.log').read_text()[-600:]}")
    try:
        return Rpc(url, DATABASE).version().startswith(version())
    except OSError:
        return False


if __name__ == "__main__":
    seed(environment())
    print(f"Tryton {version()} is ready in {cache()}")  # noqa: T201  # what CI and make ask for beforehand
