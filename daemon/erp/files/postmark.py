"""Which file of the replies folder may be taken, and when it was taken: names that sort by time and are cursors at once."""

import heapq
import os
import re
import stat
import time
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.erp.files.letter import MAX_BYTES

#: A file that was written to within these seconds may grow still; one that cannot be read, within these.
GROWING_S, PATIENCE_S = 2.0, 60.0
#: A file of a name that no reply has is somebody's draft, but not for ever.
STRANGE_AFTER_S = 86_400.0

_FORMAT = "%Y%m%dT%H%M%S%fZ"
_STAMP = re.compile(r"[0-9]{8}T[0-9]{12}Z")
_STAMP_LENGTH = len("20261125T210000000000Z")
_HOUR_LENGTH = len("20261125T21")


class Unread(Exception):
    """This file is no reply, and says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A file in the replies folder."""

    path: Path
    #: Its last word: json, csv, or whatever else.
    form: str
    written_ns: int

    def is_younger(self, seconds: float) -> bool:
        """No where the file system's clock is ahead of ours: nobody should wait for that moment."""
        return 0 <= time.time() - self.written_ns / 1e9 < seconds

    @property
    def written_at(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self.written_ns // 1000)


def waiting(folder: Path, forms: Container[str], most: int) -> list[Letter]:
    """The first files that may be taken, by the moment of their writing, then by name; one with a dot in front never is."""
    with os.scandir(folder) as entries:
        found = (letter for entry in entries if not entry.name.startswith(".") and (letter := _letter(entry)))
        ready = (letter for letter in found if not letter.is_younger(GROWING_S if letter.form in forms else STRANGE_AFTER_S))
        return heapq.nsmallest(most, ready, key=lambda letter: (letter.written_ns, letter.path.name))


def _letter(entry: "os.DirEntry[str]") -> Letter | None:
    try:
        return Letter(Path(entry.path), entry.name.rpartition(".")[2].lower(), entry.stat(follow_symlinks=False).st_mtime_ns)
    except FileNotFoundError:
        return None


def content(path: Path) -> bytes | None:
    """What a plain file holds, read without following links or waiting for a pipe; None if it changed meanwhile.

    Raises `Unread`, or FileNotFoundError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise Unread(_unreadable(path, problem)) from problem
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Unread("it is no plain file")
        if before.st_size > MAX_BYTES:
            raise Unread(f"it is larger than {MAX_BYTES} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            said = file.read(MAX_BYTES + 1)
        return said if _is_same(before, os.fstat(descriptor)) else None
    except OSError as problem:
        raise Unread(_unreadable(path, problem)) from problem
    finally:
        os.close(descriptor)


def _unreadable(path: Path, problem: OSError) -> str:
    if path.is_symlink():
        return "it is a link, and links are not followed"
    return f"user id {os.geteuid()} cannot read it: {problem.strerror}"


def _is_same(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)


# ---- postmarks


def next_stamp(*earlier: str) -> str:
    """Now, but later than all of these."""
    newest = max((read_stamp(stamp) for stamp in earlier if stamp), default=datetime.min.replace(tzinfo=UTC))
    return max(datetime.now(UTC), newest + timedelta(microseconds=1)).strftime(_FORMAT)


def read_stamp(stamp: str) -> datetime:
    return datetime.strptime(stamp, _FORMAT).replace(tzinfo=UTC)


def as_stamp(text: str | None) -> str:
    """A cursor as a stamp; "" for one that is none of ours: then everything that is still kept is news."""
    return text if text and _STAMP.fullmatch(text) else ""


def stamped(stamp: str, name: str) -> Path:
    """Where a reply is kept once taken: a folder for each hour keeps each of them short."""
    return Path(stamp[:_HOUR_LENGTH]) / f"{stamp}-{plain(name)}"


def stamp_of(name: str) -> str:
    return as_stamp(name[:_STAMP_LENGTH])


def plain(name: str) -> str:
    """A name that no file system, terminal or reader of logs minds; its end, which says the form, is kept."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:].lstrip(".")


def hours(taken: Path, since: str = "") -> list[Path]:
    """The folders of the hours from that of `since` on, oldest first."""
    with os.scandir(taken) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    return [taken / name for name in names if name >= since[:_HOUR_LENGTH]]
