"""A cable between a daemon and its database, that can be cut without either side being told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self


class Cable:
    """Listens on `port`, and passes everything on in both directions; nothing at all between `cut` and `mend`."""

    def __init__(self, port: int) -> None:
        self._far = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._is_whole = threading.Event()
        self._is_whole.set()

    @classmethod
    @contextmanager
    def to(cls, port: int) -> Iterator[Self]:
        """Laid for the block."""
        cable = cls(port)
        threading.Thread(target=cable._accept, daemon=True).start()
        try:
            yield cable
        finally:
            cable.mend()
            cable._listening.shutdown(socket.SHUT_RDWR)
            cable._listening.close()

    def cut(self) -> None:
        """What is sent from now on waits in the cable, an end of a connection too."""
        self._is_whole.clear()

    def mend(self) -> None:
        """All of that arrives."""
        self._is_whole.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._is_whole.wait()
        try:
            far = socket.create_connection(self._far)
        except OSError:
            near.close()
            return
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while said := source.recv(65536):
                self._is_whole.wait()
                target.sendall(said)
        self._is_whole.wait()
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
