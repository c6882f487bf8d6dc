"""The real daemon in a process of its own, against a sandbox, with its log read as it comes."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.support.events import undocumented
from tests.support.waiting import wait_until_sync

ROOT_OF_PROJECT = Path(__file__).parents[2]
#: What a process on a busy machine may take to start.
PATIENCE_S = 30.0


def write_config(folder: Path, url: str, *, more: str = "", database: str = "sqlite:///sync.db") -> Path:
    """A config with short intervals, that `more` may add tables to."""
    config = folder / "config.toml"
    config.write_text(
        f"""\
[consentio]
base_url = "{url}"
timeout = "5s"
requests_per_second = 0
[[workspaces]]
id = 123
api_key_file = "key"
[sync]
poll_interval = "300ms"
initial_lookback = "1h"
[database]
url = "{database}"
[erp.default]
adapter = "files"
folder = "erp"
[http]
port = 0
[log]
format = "json"
level = "debug"
{more}
"""
    )
    (folder / "key").write_text("sk_test_sandbox\n")
    return config


class Daemon:
    """One started `consentio-sync`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self.errors: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, into), daemon=True)
            for stream, into in ((process.stdout, self.lines), (process.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Any, into: list[str]) -> None:
        into.extend(stream)

    def told(self, event: str) -> list[dict[str, Any]]:
        """The lines of this event so far."""
        return [line for line in map(json.loads, list(self.lines)) if line["event"] == event]

    def wait_for(self, event: str, *, times: int = 1) -> dict[str, Any]:
        """Waits until an event was told, and returns its last line."""
        wait_until_sync(
            lambda: len(self.told(event)) >= times or self.is_over, timeout=PATIENCE_S, what=f"{event} in {self.text}"
        )
        assert len(self.told(event)) >= times, f"no {event} in {self.text}"
        return self.told(event)[-1]

    @property
    def is_over(self) -> bool:
        return self.process.poll() is not None and not any(reader.is_alive() for reader in self._readers)

    @property
    def text(self) -> str:
        return "".join([*self.lines, *self.errors])

    def ready(self) -> tuple[int, dict[str, Any]]:
        """What /readyz says."""
        port = self.wait_for("http.opened")["port"]
        try:
            with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)
        except HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def wait_until_ready(self, status: int = 200) -> dict[str, Any]:
        wait_until_sync(lambda: self.ready()[0] == status, timeout=PATIENCE_S, what=f"readiness {status}: {self.text}")
        return self.ready()[1]

    def end(self, number: int | None = None) -> int:
        """Sends a signal, if one is given, and returns the exit code."""
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        assert undocumented(self._events()) == [], "docs/operating.md lacks them"
        return code

    def _events(self) -> Iterator[dict[str, Any]]:
        """The lines that are JSON; a process that was killed may have left half a line."""
        for line in self.lines:
            with suppress(ValueError):
                if isinstance(told := json.loads(line), dict) and "event" in told:
                    yield told


@contextmanager
def running(folder: Path, *args: str, under: Sequence[str] = (), **environ: str) -> Iterator[Daemon]:
    """Starts the program in a folder, under another one if told; what is left of it at the end is killed."""
    process = subprocess.Popen(
        [*under, sys.executable, "-m", "daemon", *(args or ("run",))],
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    daemon = Daemon(process)
    try:
        yield daemon
    finally:
        process.kill()
        daemon.end()
        process.stdout.close()
        process.stderr.close()
