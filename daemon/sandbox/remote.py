"""A sandbox in a process of its own, steered and questioned through its control API. Blocking."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.client import HTTPConnection
from typing import Any, Self
from urllib.parse import urlsplit

from daemon.sandbox.market import Event

_READY = "sandbox ready on "
_PATIENCE = 30.0


class Refusal(Exception):
    """The control API did not do what it was asked: its status and its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"the sandbox answered {status}: {words}")
        self.status = status


class Remote:
    """One sandbox, by its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._ids: dict[int, int] = {}

    @classmethod
    @contextmanager
    def started(cls, *arguments: str) -> Iterator[Self]:
        """A new sandbox on a free port, with these command line arguments; it ends with the block."""
        command = [sys.executable, "-m", "daemon.sandbox", "--port", "0", *arguments]
        # A session of its own: Ctrl-C ends whoever plays with it, and through that the sandbox.
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:  # noqa: S603 - ours
            assert process.stdout is not None  # noqa: S101 - it is piped
            try:
                line = process.stdout.readline()
                if not line.startswith(_READY):
                    raise Refusal(0, f"it did not start: {line}")
                yield cls(line.removeprefix(_READY).split()[0])
            finally:
                process.terminate()
                process.wait(_PATIENCE)

    def state(self) -> dict[str, Any]:
        """All that the market knows: its orders with their history, and what it was told."""
        return self._call("GET", "state")

    def count(self, *routes: str) -> int:
        """How many requests these routes have had, whatever became of them."""
        counts = self._call("GET", "requests?last=1")["counts"]
        return sum(each["count"] for each in counts if each["route"] in routes)

    def last_asked(self) -> datetime | None:
        """When the last request came, by the market's clock."""
        last = self._call("GET", "requests?last=1")["last"]
        return datetime.fromisoformat(last[0]["at"]) if last else None

    def place(self, **details: Any) -> int:
        """A new order; returns its id."""
        return int(self._call("POST", "orders", details)["id"])

    def do(self, order: int, deed: str, **details: Any) -> bool:
        """Accept, edit, edit_back, cancel or reaccept an order; False if its present state does not allow it."""
        try:
            self._call("POST", f"orders/{order}/{deed}", details)
        except Refusal as refusal:
            if refusal.status != 400:
                raise
            return False
        return True

    def play(self, event: Event) -> tuple[int, bool]:
        """What happens to the n-th order of a market's course; returns its id, and whether it could happen."""
        if event.do == "place":
            self._ids[event.order] = self.place()
            return self._ids[event.order], True
        order = self._ids[event.order]
        return order, self.do(order, event.do)

    def fault(self, kind: str, route: str = "*", **details: Any) -> None:
        """One more thing that goes wrong (see `faults`)."""
        self._call("POST", "faults", {"kind": kind, "route": route, **details})

    def outage(self) -> None:
        """Every connection is reset, until `clear_faults`."""
        self._call("POST", "outage")

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def _call(self, method: str, path: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE)
        try:
            connection.request(method, f"/_sandbox/{path}", json.dumps(details) if details else None)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Refusal(answer.status, said.decode(errors="replace"))
        shown: dict[str, Any] = json.loads(said)
        return shown
