"""A proxy that stands before a server and spoils single requests: before they arrive, or after the server has done its part."""

import random
import re
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal, Self

Kind = Literal[
    "unsent",  # the connection is reset before the server hears of the request
    "lost",  # the server does it, and the connection is reset before the answer
    "late",  # the server does it, and the answer comes seconds later
    "502",  # the server never hears of it, and the answer is 502
    "502 after",  # the server does it, and the answer is 502
]
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Fault:
    """What goes wrong with requests whose first line this pattern finds: so many of them, each with this chance."""

    kind: Kind
    match: str
    times: int | None
    rate: float
    seconds: float


class Proxy:
    """Serves on a port of its own, one thread for each connection and one request for each connection."""

    def __init__(self, port: int, *, seed: int = 1) -> None:
        self.asked: list[str] = []
        #: How often each kind of fault struck.
        self.struck: Counter[str] = Counter()
        self._target = port
        self._faults: list[Fault] = []
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._server: socketserver.ThreadingTCPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def fault(self, kind: Kind, match: str, *, times: int | None = 1, rate: float = 1.0, seconds: float = 0.0) -> None:
        """One more thing that goes wrong; `match` is searched for in "POST /path HTTP/1.1"."""
        with self._lock:
            self._faults.append(Fault(kind, match, times, rate, seconds))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._faults.clear()

    def close(self) -> None:
        """From now on connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def open(self) -> None:
        """From now on connections are taken, on the port that it had before."""
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            request = _read_request(client)
            if request:
                self._pass_on(client, request)
        except OSError:
            return

    def _pass_on(self, client: socket.socket, request: bytes) -> None:
        line = request.partition(b"\r\n")[0].decode()
        fault = self._drawn(line)
        kind = fault.kind if fault else None
        if kind == "502":
            client.sendall(_BAD_GATEWAY)
        elif kind == "unsent":
            _reset(client)
        else:
            answer = self._asked(request)
            if kind == "lost":
                _reset(client)
            elif kind == "502 after":
                client.sendall(_BAD_GATEWAY)
            else:
                time.sleep(fault.seconds if fault else 0)  # a slow network, not a waiting test
                client.sendall(answer)

    def _drawn(self, line: str) -> Fault | None:
        with self._lock:
            self.asked.append(line)
            for fault in self._faults:
                if fault.times != 0 and re.search(fault.match, line) and self._chance.random() < fault.rate:
                    fault.times = None if fault.times is None else fault.times - 1
                    self.struck[fault.kind] += 1
                    return fault
        return None

    def _asked(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            server.sendall(request)
            return b"".join(iter(lambda: server.recv(65536), b""))  # the server closes after each answer


def _read_request(client: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        if not (part := client.recv(65536)):
            return b""
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    while len(body) < (int(length[1]) if length else 0):
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
