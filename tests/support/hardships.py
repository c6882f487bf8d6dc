"""What a machine can do to a program that starts on it."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_DISK_KIB = 512
_ON_A_FULL_DISK = f"""
mount -t tmpfs -o size={_DISK_KIB}k none full && cp sync.db full/ || exit 99
head -c {_DISK_KIB}k /dev/zero > full/rest 2> /dev/null
exec "$@"
"""


def closed_port() -> int:
    """Nobody listens here."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def without_privileges() -> Sequence[str]:
    """Under this, root too may only do what the files' modes allow."""
    if os.geteuid() != 0:
        return ()
    _need("setpriv")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-dac_override,-dac_read_search")


def on_a_full_disk() -> Sequence[str]:
    """Under this, `full` in the working folder is a disk that holds a copy of sync.db, and not a byte more."""
    _need("unshare")
    under = ("unshare", "--mount" if os.geteuid() == 0 else "-rm")
    if subprocess.run([*under, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    return (*under, "sh", "-c", _ON_A_FULL_DISK, "sh")


@contextmanager
def untrusted_server(folder: Path) -> Iterator[int]:
    """The port of a TLS server whose certificate nobody has signed."""
    _need("openssl")
    asked = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "tls.key", "-out", "tls.pem"]
    subprocess.run([*asked.split(), *files], cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_shake_hands, args=(listening, context), daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def _shake_hands(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()


def _need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
