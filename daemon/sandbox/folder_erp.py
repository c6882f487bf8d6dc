"""An imitated ERP that imports documents from a folder, as many real ones do: it takes them in the order of their names, some
now and some later, and deletes what it took. It knows the documents' and replies' published forms and nothing else.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from daemon.sandbox.book import Book, Finding, Posting, Verdict
from daemon.sandbox.folder_documents import FORMS, answer, read


@dataclass(frozen=True, slots=True)
class Answers:
    """Where this ERP leaves its replies, and how many products it does not know at first: a clerk adds them once they are met."""

    folder: Path
    refusal_share: float = 0.0


class FolderErp:
    """Imports from one inbox at random moments, from `with FolderErp(...)` to its end.

    Each pause lasts up to `pause` seconds; each import takes a random number of the documents that are there. `tell` hears of
    each. With `answers` each document is answered: with the record's number and status, or a refusal. Whoever reads `book`
    while it runs holds `lock`.
    """

    def __init__(
        self,
        inbox: Path,
        *,
        seed: int = 1,
        pause: float = 0.5,
        tell: Callable[[Posting], None] = lambda _: None,
        answers: Answers | None = None,
    ) -> None:
        self.book = Book()
        self.lock = threading.Lock()
        #: The records that were refused, each with the products that were not known.
        self.refused: dict[str, list[str]] = {}
        self._inbox = inbox
        self._seed = seed
        self._chance = Random(f"{seed}/erp")
        self._pause = pause
        self._tell = tell
        self._answers = answers
        self._numbers, self._told = count(1), count(1)
        self._known: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="folder ERP", daemon=True)

    def import_some(self, most: int | None = None) -> int:
        """Imports the first documents by name, all of them unless told otherwise; returns how many."""
        paths = sorted(self._documents())[:most]
        for path in paths:
            self._import(path)
        return len(paths)

    def clerk_cancels(self, record: str) -> None:
        """Somebody cancels a record here, and nobody asked for it."""
        with self.lock:
            self.book.cancel_by_hand(record, datetime.now(UTC))
        self._tell_of(record, cancelled=True, status="void", reason="sold out")

    def clerk_prepares(self, record: str) -> None:
        """The goods are ready."""
        with self.lock:
            self.book.records[record].status, self.book.records[record].prepared = "packed", True
        self._tell_of(record, prepared=True, status="packed")

    def _tell_of(self, record: str, **says: object) -> None:
        if self._answers:
            answer(self._answers.folder, f"clerk-{next(self._told)}", record=record, **says)

    @property
    def waiting(self) -> int:
        """How many documents lie in the inbox."""
        return len(self._documents())

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

    def _documents(self) -> list[Path]:
        return [path for path in self._inbox.glob("*") if path.suffix in FORMS and not path.name.startswith(".")]

    def _import(self, path: Path) -> None:
        # A rename moves a file's ctime: it is when the document appeared, whatever its writer says.
        at = datetime.fromtimestamp(path.stat().st_ctime, UTC)
        said = path.read_bytes()
        path.unlink()
        try:
            posting = read(path.name, said, at)
        except (ValueError, KeyError, TypeError) as problem:
            with self.lock:
                self.book.findings.append(Finding(Verdict.FAULT, "?", f"{path.name} cannot be read: {problem!r}"))
            return
        with self.lock:
            says = self._take_over(posting)
        if self._answers:
            answer(self._answers.folder, path.name, key=posting.key, **says)
        self._tell(replace(posting, answer=says))

    def _take_over(self, posting: Posting) -> dict[str, object]:
        """Posts the document, or not; returns what to answer."""
        if unknown := self._unknown_products(posting):
            self.book.refuse(posting)
            self.refused[posting.record] = unknown
            return {"refused": True, "reason": "products are not known here", "missing": [f"product:{sku}" for sku in unknown]}
        if posting.kind != "create" and posting.record in self.refused:
            self.book.refuse(posting)
            return {"cancelled": True} if posting.kind == "cancel" else {"refused": True, "reason": "its record was refused"}
        self.book.post(posting)
        if posting.kind == "cancel":
            return {"cancelled": True, "status": "void"}
        if self._answers:  # else nobody outside could know it
            self.book.records[posting.record].status = "booked"
        return {"number": self._number(posting.record), "status": "booked"}

    def _unknown_products(self, posting: Posting) -> list[str]:
        """Those that a clerk adds now."""
        if posting.kind != "create" or not self._answers:
            return []
        new = {line["sku"] for line in posting.content["lines"] if line["sku"]} - self._known
        self._known |= new
        return [sku for sku in sorted(new) if Random(f"{self._seed}/{sku}").random() < self._answers.refusal_share]

    def _number(self, record: str) -> str | None:
        held = self.book.records.get(record)
        if held and self._answers and not held.number:
            held.number = f"SO-{next(self._numbers):05}"
        return held.number if held else None
