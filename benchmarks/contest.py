"""Both sides over the same market, each in a process of its own, in a folder of its own."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.market import Market

Cost = dict[str, float]

CONFIG = """\
[consentio]
base_url = "{url}"
requests_per_second = 0
{workspaces}
[sync]
start_from = {start}
{sync}
[database]
url = "{database}"
auto_migrate = true
[erp.default]
adapter = "files"
folder = "{folder}/erp"
[log]
format = "json"
"""
WORKSPACE = '[[workspaces]]\nid = {id}\napi_key = "sk_test_sandbox"\n'


class Contest:
    """What ours asked of the market, the bare loop asks again."""

    def __init__(self, market: Market, folder: Path) -> None:
        self._market = market
        self._folder = folder
        self._listings: list[dict[str, Any]] = []
        #: What each document says but for when it was written, as the side said that came first.
        self._documents: dict[str, bytes] = {}

    def sides(self, number: int, postgres: str | None) -> Iterator[tuple[str, Callable[[], Cost]]]:
        """One round. Ours goes first in the very first, since the bare loop follows its requests; then they alternate."""
        sides = [("sqlite", self.ours), ("bare", self.bare)]
        if postgres is not None:
            sides.append(("postgresql", partial(self.ours, postgres)))
        yield from sides if number % 2 == 0 else reversed(sides)

    def ours(self, postgres: str | None = None, *, idle_cycles: int = 200) -> Cost:
        folder = self._new_folder("ours")
        if postgres is not None:
            _empty(postgres)
        with self._market.serving() as url:
            text = CONFIG.format(
                url=url,
                workspaces=WORKSPACE.format(id=1),
                start=self._market.opened.isoformat(),
                sync="",
                database=postgres or f"sqlite:///{folder}/sync.db",
                folder=folder,
            )
            (folder / "config.toml").write_text(text, encoding="utf-8")
            cost = measured("benchmarks.ours", folder, idle_cycles)
            asked = _asked(url)
        listings = [each for each in asked if each["route"] in ("list", "edited")]
        self._listings = listings[: len(listings) - 3 * int(cost.pop("idle_cycles"))]
        self._check(
            folder / "erp" / "inbox", told=sum(len(each["body"]["orders"]) for each in asked if each["route"] == "external")
        )
        return cost

    def bare(self) -> Cost:
        folder = self._new_folder("bare")
        (folder / "listings.json").write_text(json.dumps(self._listings), encoding="utf-8")
        with self._market.serving() as url:
            cost = measured("benchmarks.bare", url, folder)
        self._check(folder / "inbox")
        return cost

    def _new_folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))

    def _check(self, inbox: Path, told: int | None = None) -> None:
        """A fast run that lost an order, or wrote other documents than the other side, is no run."""
        documents = dict(map(_document, inbox.iterdir()))
        found = len(documents)
        if found != self._market.orders or told not in (None, found):
            raise RuntimeError(f"{found} documents in {inbox} and {told} references told, of {self._market.orders} orders")
        self._documents = self._documents or documents
        if documents != self._documents:
            raise RuntimeError(f"the documents in {inbox} say something else than those of the other side")


def _document(path: Path) -> tuple[str, bytes]:
    """Its key, and a digest of what it says, byte for byte, but for when it was written."""
    said = path.read_bytes()
    return json.loads(said)["key"], hashlib.sha256(re.sub(rb'"written_at": "[^"]*", ', b"", said, count=1)).digest()


def measured(module: str, *arguments: object) -> Cost:
    """What the module prints of itself, run in a process of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    os.sync()  # what another side left unflushed is not charged to this one
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())  # noqa: S603 - ours
    if done.returncode != 0:
        raise RuntimeError(f"{module} failed:\n{done.stderr}")
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def _environment() -> dict[str, str]:
    """Ours, without what would override the config."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CONSENTIO_SYNC")}


def _asked(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/_sandbox/requests?last=1000000") as answer:  # noqa: S310 - our own sandbox
        asked: list[dict[str, Any]] = json.load(answer)["last"]
        return asked


def _empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
