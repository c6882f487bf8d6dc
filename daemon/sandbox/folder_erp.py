"""An imitated ERP that imports documents from a folder, as many real ones do: it takes them in the order of their names, some
now and some later, and deletes what it took. It knows the documents' published form (consentio-sync/files/1) and nothing else.
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from daemon.sandbox.book import Book, Finding, Posting, Verdict

SCHEMA = "consentio-sync/files/1"


class FolderErp:
    """Imports from one inbox at random moments, from `with FolderErp(...)` to its end.

    Each pause lasts up to `pause` seconds; each import takes a random number of the documents that are there. `tell` hears of
    each. Whoever reads `book` while it runs holds `lock`.
    """

    def __init__(
        self, inbox: Path, *, seed: int = 1, pause: float = 0.5, tell: Callable[[Posting], None] = lambda _: None
    ) -> None:
        self.book = Book()
        self.lock = threading.Lock()
        self._inbox = inbox
        self._chance = Random(f"{seed}/erp")
        self._pause = pause
        self._tell = tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder ERP", daemon=True)

    def import_some(self, most: int | None = None) -> int:
        """Imports the first documents by name, all of them unless told otherwise; returns how many."""
        names = sorted(path for path in self._inbox.glob("*.json") if not path.name.startswith("."))[:most]
        for path in names:
            self._import(path)
        return len(names)

    @property
    def waiting(self) -> int:
        """How many documents lie in the inbox."""
        return sum(1 for _ in self._inbox.glob("*.json"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        """Ends the random imports; what lies in the inbox stays there."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._chance.uniform(0, self._pause)):
            self.import_some(self._chance.randint(0, self.waiting + 1))

    def _import(self, path: Path) -> None:
        # A rename moves a file's ctime: it is when the document appeared, whatever its writer says.
        at = datetime.fromtimestamp(path.stat().st_ctime, UTC)
        said = path.read_bytes()
        path.unlink()
        try:
            posting = _read(said, at)
        except (ValueError, KeyError, TypeError) as problem:
            with self.lock:
                self.book.findings.append(Finding(Verdict.FAULT, "?", f"{path.name} cannot be read: {problem!r}"))
            return
        with self.lock:
            self.book.post(posting)
        self._tell(posting)


def _read(said: bytes, at: datetime) -> Posting:
    document: dict[str, Any] = json.loads(said)
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}, not {SCHEMA!r}")
    return Posting(
        at=at,
        kind=document["kind"],
        key=document["key"],
        record=document["record"],
        order=document["order"]["id"],
        content=document["order"],
    )
