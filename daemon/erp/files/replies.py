"""The ERP's replies: left in a folder, taken from it once, and told until the core has recorded them.

    1  heard       what the replies say of each record is written beside its receipts (`.standing`); the replies are flushed, too
    2  taken       each file is renamed into `replies-taken/HOUR/STAMP-NAME`; flushed. STAMP rises, and is the cursor
    3  told        every reply behind the caller's cursor, again and again, until a later cursor says that it was recorded

Reading consumes nothing: a crash before 2 takes the file again, which says the same; a crash after it finds the file by the old
cursor. A database restored from an older copy hears again what it forgot. What is not understood is set aside in `replies-bad`,
with a message beside it, and only that: other replies in the same file count.

Whoever writes a reply does so under a name that begins with a dot, or ends otherwise than in .json or .csv, and then renames it.
Where an ERP cannot, the file is left alone while it grows.
"""

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from daemon.domain.ledger import News
from daemon.erp.files import aside, letter
from daemon.erp.files.flush import Flush, flushing
from daemon.erp.files.folder import Folder
from daemon.erp.files.letter import FORMS, Part
from daemon.erp.files.postmark import (
    PATIENCE_S,
    Letter,
    Unread,
    as_stamp,
    content,
    hours,
    next_stamp,
    stamp_of,
    stamped,
    waiting,
)
from daemon.erp.files.receipt import Receipt
from daemon.erp.files.settings import FilesSettings
from daemon.erp.files.standing import Standing, path_of, standing_of
from daemon.errors import Conflict, ErpUnavailable

#: So many files are taken, and so many told, at once.
AT_ONCE = 500

_LOCK_PATIENCE_S = 5.0
_HOUR_S, _DAY_S = 3_600, 86_400


class Heard(NamedTuple):
    """One file, read: its parts, each with a problem or the receipt of what it speaks of."""

    letter: Letter
    parts: Sequence[Part]
    receipts: Sequence[Receipt | None]

    @property
    def bad(self) -> list[Part]:
        return [part for part in self.parts if part.problem]


class Replies:
    """The replies to the documents of one folder. Blocking: call it in a worker thread; processes may share a folder."""

    def __init__(self, folder: Folder, settings: FilesSettings, *, workspace: str) -> None:
        self.inbox = folder.root / settings.replies
        self.taken = self.inbox.with_name(f"{self.inbox.name}-taken")
        self.bad = self.inbox.with_name(f"{self.inbox.name}-bad")
        self._folder = folder
        self._settings = settings
        self._workspace = workspace
        self._forget_at = 0.0

    @property
    def places(self) -> tuple[Path, Path, Path]:
        """What must be there."""
        return self.inbox, self.taken, self.bad

    def news(self, since: str | None) -> tuple[list[News], str]:
        """What replies say behind a cursor, and the cursor behind that. Raises OSError where the folder cannot be used."""
        cursor = as_stamp(since)
        with self._alone():
            self._take(cursor)
            self._forget(cursor)
            return self._told(cursor)

    def peek(self, since: str | None) -> list[News]:
        """What `news` would tell, touching nothing."""
        if not (self.taken.is_dir() and self.inbox.is_dir()):
            return []
        heard = [read for found in waiting(self.inbox, FORMS, AT_ONCE) if (read := self._heard(found))]
        return [*self._told(as_stamp(since))[0], *(one for read in heard for one in self._news_in(read))]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time takes: the stamps are to rise in the order in which they can be seen."""
        with (self.taken / ".lock").open("a") as lock:
            deadline = time.monotonic() + _LOCK_PATIENCE_S
            while not _is_locked(lock.fileno()):
                if time.monotonic() > deadline:
                    raise ErpUnavailable(f"another process has been at {self.inbox} for long", remedy="End it, if it hangs.")
                time.sleep(0.02)
            yield

    # ---- 1 and 2

    def _take(self, since: str) -> None:
        heard = [read for found in waiting(self.inbox, FORMS, AT_ONCE) if (read := self._heard(found))]
        if not heard:
            return
        with flushing(self._folder.root) as flush:
            self._keep_standings(heard, flush)
            self._set_aside(heard, flush)
            self._move([read.letter for read in heard if not _is_all_bad(read)], since, flush)

    def _heard(self, found: Letter) -> Heard | None:
        """None for what is left for the next time."""
        try:
            parts = self._parts(found)
        except FileNotFoundError:
            return None
        except (Unread, ValueError) as problem:
            bad = Heard(found, [Part("the file", None, None, str(problem))], [None])
            return None if found.is_younger(PATIENCE_S) else bad
        return None if parts is None else self._judged(found, parts)

    def _parts(self, found: Letter) -> list[Part] | None:
        """None if the file changes while it is read. Raises `Unread`, FileNotFoundError, or ValueError."""
        if found.form not in FORMS:
            raise Unread(f"no reply is called so: its name must end in {' or '.join(f'.{form}' for form in FORMS)}")
        said = content(found.path)
        return None if said is None else letter.read(said, found.form, self._settings.style)

    def _judged(self, found: Letter, parts: Sequence[Part]) -> Heard:
        judged = [self._receipt_of(part) for part in parts]
        return Heard(found, [part for part, _ in judged], [receipt for _, receipt in judged])

    def _receipt_of(self, part: Part) -> tuple[Part, Receipt | None]:
        """The receipt of the document that a part speaks of, or why there is none."""
        if part.reply is None:
            return part, None
        name = part.reply.key or part.reply.record or ""
        try:
            receipt = self._folder.signed(name)
            if receipt is None:
                raise ValueError(f"no document with the key {name} was ever written here")
            if part.reply.record not in (None, receipt.record):
                raise ValueError(f"the document {name} is about record {receipt.record}, not {part.reply.record}")
            standing = standing_of(self._folder.receipts, receipt.record)
        except (Conflict, ValueError) as problem:
            return replace(part, reply=None, problem=str(problem)), None
        if standing.stillborn and not (part.reply.refused or part.reply.cancelled):
            return replace(part, reply=None, problem=f"record {receipt.record} was refused before: {_REFUSED_FOR_GOOD}"), None
        return part, receipt

    def _keep_standings(self, heard: Sequence[Heard], flush: Flush) -> None:
        standings = self._standings(heard)
        kept = {path_of(self._folder.receipts, record): standing for record, standing in standings.items()}
        for path, standing in kept.items():
            aside.write(path.with_suffix(".heard"), standing.to_bytes())
        flush([read.letter.path for read in heard if not _is_all_bad(read)] + [path.with_suffix(".heard") for path in kept])
        for path in kept:
            path.with_suffix(".heard").replace(path)
        if kept:
            flush({path.parent for path in kept})

    def _standings(self, heard: Sequence[Heard]) -> Mapping[str, Standing]:
        standings: dict[str, Standing] = {}
        for read in heard:
            for part, receipt in zip(read.parts, read.receipts, strict=True):
                if part.reply and receipt:
                    before = standings.get(receipt.record) or standing_of(self._folder.receipts, receipt.record)
                    standings[receipt.record] = before.after(part.reply, receipt.record)
        return standings

    def _set_aside(self, heard: Sequence[Heard], flush: Flush) -> None:
        refused = [aside.Refused(read.letter, read.bad, is_all=_is_all_bad(read)) for read in heard if read.bad]
        if not refused:
            return
        explained = [path for one in refused for path in one.explain(self.bad, self.inbox, self._settings.style)]
        flush([*explained, self.bad])
        for one in refused:
            one.move(self.bad)
        flush([self.bad, self.inbox])

    def _move(self, letters: Sequence[Letter], since: str, flush: Flush) -> None:
        stamp, places = max(since, self._newest()), set[Path]()
        for found in letters:
            stamp = next_stamp(stamp)
            place = self.taken / stamped(stamp, found.path.name)
            place.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # its writer took it back
                found.path.rename(place)
            places.add(place.parent)
        if places:
            flush([*places, self.taken, self.inbox])

    def _newest(self) -> str:
        return max((stamp_of(path.name) for hour in hours(self.taken)[-1:] for path in hour.iterdir()), default="")

    # ---- 3

    def _told(self, since: str) -> tuple[list[News], str]:
        news, cursor = list[News](), since
        for path in self._behind(since)[:AT_ONCE]:
            cursor = stamp_of(path.name)
            news += self._news_at(path)
        return news, cursor

    def _behind(self, since: str) -> list[Path]:
        found = (path for hour in hours(self.taken, since) for path in hour.iterdir())
        return sorted(path for path in found if stamp_of(path.name) > since)

    def _news_at(self, path: Path) -> Iterator[News]:
        kept = Letter(path, path.name.rpartition(".")[2].lower(), path.lstat().st_mtime_ns)
        try:
            yield from self._news_in(self._judged(kept, self._parts(kept) or []))
        except (Unread, ValueError) as problem:
            aside.tell(path, f"once taken, now unreadable: {problem}", path)

    def _news_in(self, read: Heard) -> Iterator[News]:
        for part, receipt in zip(read.parts, read.receipts, strict=True):
            if part.reply and receipt and receipt.workspace in ("", self._workspace):
                standing = standing_of(self._folder.receipts, receipt.record)
                cancel = self._folder.cancel_of(receipt.record)
                is_ours = cancel is not None and cancel not in standing.refused
                is_live = not (is_ours or standing.cancelled or standing.stillborn)
                yield from part.reply.news(receipt.record, written_at=read.letter.written_at, live=is_live, ours=is_ours)

    def _forget(self, since: str) -> None:
        """What was recorded, or set aside, long ago; looked for once an hour. An hour is only forgotten as a whole."""
        if time.monotonic() < self._forget_at:
            return
        self._forget_at = time.monotonic() + _HOUR_S
        before = time.time() - self._settings.keep_replies_days * _DAY_S
        for hour in hours(self.taken):
            if hour.name >= since[: len(hour.name)] or hour.stat().st_mtime > before:
                break
            for path in hour.iterdir():
                path.unlink(missing_ok=True)
            hour.rmdir()
        aside.forget(self.bad, before)


_REFUSED_FOR_GOOD = "a refused document must not be imported later, as the daemon may have written it again under another key"


def _is_all_bad(read: Heard) -> bool:
    return len(read.bad) == len(read.parts)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
