"""The daemon as a process of its own, which can be killed."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

_PATIENCE_S = 30.0
_CONFIG = """\
# A market that lives for a minute needs a daemon in a hurry: in production, keep the defaults.
[consentio]
base_url = "{url}"
requests_per_second = 0

[[workspaces]]
id = 123
api_key_file = "{folder}/api-key"

[sync]
poll_interval = "1s"
near_sweep_interval = "5s"
wide_sweep_interval = "20s"

[delivery]
backoff_initial = "500ms"
backoff_max = "2s"
lease = "3s"
call_timeout = "3s"
doubt_margin = "1s"
missing_recheck = "2s"

[brakes]
floor = 1000

[database]
url = "sqlite:///{folder}/sync.db"

[erp.default]
adapter = "files"
folder = "{folder}/erp"
reference = "number"

[http]
enabled = false

[log]
format = "console"
"""


class DaemonProcess:
    """`consentio-sync run` over one folder: killed at will, started again, and certainly gone at the end of the block."""

    def __init__(self, folder: Path, *, url: str, api_key: str) -> None:
        self.erp = folder / "erp"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "config.toml").write_text(_CONFIG.format(url=url, folder=folder), encoding="utf-8")
        (folder / "api-key").write_text(api_key, encoding="utf-8")

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        command = [sys.executable, "-m", "daemon", "run", "--config", str(self._folder / "config.toml")]
        # A session of its own: Ctrl-C ends the demo first, and through it the daemon.
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            command, cwd=self._folder, env=_environment(), start_new_session=True
        )

    def kill(self) -> None:
        """Ends it at whatever instruction it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int | None:
        """Lets it drain; returns its exit code, None if it had to be killed."""
        assert self._process is not None  # noqa: S101 - only what was started is stopped
        self._process.terminate()
        try:
            return self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.kill()


def _environment() -> dict[str, str]:
    """Ours, without what would override the demo's own config."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CONSENTIO_SYNC")}
