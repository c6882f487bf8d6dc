"""Where the running daemon listens, left for `healthcheck`: the config file may name another port by now, or be broken.

Left in the folder for temporary files, since all else may be read-only, and locked as long as the process lives: what a killed
daemon left counts for nothing. Imports next to nothing.
"""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.config.sources import PREFIX

_LONGEST = 1_000


@contextmanager
def leaving(config: Path, host: str, port: int) -> Iterator[None]:
    """Until the end of the block. Where it cannot be left, `healthcheck` goes by the config file alone."""
    held = None if _set_by_variables() else _leave(config, f"{port} {host}")
    try:
        yield
    finally:
        if held is not None:
            _remove(config, held)
            os.close(held)


def found(config: Path) -> tuple[str, int] | None:
    """Host and port of the daemon that was started with this config file and lives; None if nothing tells."""
    if _set_by_variables():
        return None
    with suppress(OSError, ValueError):
        file = os.open(_path(config), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if os.fstat(file).st_uid == os.getuid() and _is_locked(file):
                port, _, host = os.read(file, _LONGEST).decode().partition(" ")
                return host, int(port)
        finally:
            os.close(file)
    return None


def _set_by_variables(environ: Mapping[str, str] = os.environ) -> bool:
    """Then several daemons may share the config file, and no edit of it changes where they listen."""
    return any(name.upper().startswith(f"{PREFIX}HTTP__") for name in environ)


def _leave(config: Path, text: str) -> int | None:
    """Locked before it has its name. None where it cannot be left."""
    with suppress(OSError):
        path = _path(config)
        held, name = tempfile.mkstemp(prefix=f"{path.name}-", dir=path.parent)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            os.write(held, text.encode())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink()
            os.close(held)
            raise
        return held
    return None


def _remove(config: Path, held: int) -> None:
    """Unless another daemon with the same config file has left its own."""
    with suppress(OSError):
        path = _path(config)
        if os.path.samestat(path.lstat(), os.fstat(held)):
            path.unlink()


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _path(config: Path) -> Path:
    """One for each user and config file."""
    digest = hashlib.sha256(os.fsencode(config.absolute())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"consentio-sync-{os.getuid()}-{digest}"
