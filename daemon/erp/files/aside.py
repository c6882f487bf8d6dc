"""Replies that are not understood: set aside, with a message beside them and a line in the log."""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from daemon.erp.files import letter
from daemon.erp.files.letter import Part
from daemon.erp.files.postmark import Letter, plain
from daemon.erp.files.table import Style

#: So many problems are spelt out, each so long.
_SHOWN, _LENGTH = 50, 300


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is set aside, or parts of one whose other parts count."""

    letter: Letter
    parts: Sequence[Part]
    is_all: bool

    @property
    def name(self) -> str:
        """The same for the same file, so that whoever sets it aside again adds nothing."""
        stem, _, end = plain(self.letter.path.name).rpartition(".")
        seed = f"{self.letter.path.name}/{self.letter.written_ns}"
        return f"{stem or 'reply'}.{hashlib.sha256(seed.encode(errors='surrogateescape')).hexdigest()[:8]}.{end}"

    def explain(self, bad: Path, inbox: Path, style: Style) -> list[Path]:
        """Says what is wrong, in the log and in a file; the bad parts of a file whose others count are written out, too.

        Returns the files that it wrote.
        """
        message, kept = bad / f"{self.name}.txt", bad / self.name
        tell(self.letter.path, "; ".join(_lines(self.parts[:3])), kept)
        write(message, self._message(inbox).encode())
        if self.is_all:
            return [message]
        write(kept, letter.written(self.parts, self.letter.form, style))
        return [message, kept]

    def move(self, bad: Path) -> None:
        if self.is_all:
            with suppress(FileNotFoundError):
                self.letter.path.rename(bad / self.name)

    def _message(self, inbox: Path) -> str:
        what = "None of this file was taken over" if self.is_all else "These parts of a file were not taken over; its others were"
        more = [f"... and {len(self.parts) - _SHOWN} more"] if len(self.parts) > _SHOWN else []
        return "\n".join(
            [
                f"{plain(self.letter.path.name)}, written {self.letter.written_at:%Y-%m-%d %H:%M:%S} UTC.",
                f"{what}, for this reason:",
                "",
                *(f"  {line}" for line in [*_lines(self.parts[:_SHOWN]), *more]),
                "",
                f"What to do: correct {self.name}, and put it back into {inbox}: write it there under a name that begins",
                "with a dot, and then rename it. What a reply may say is in docs/files.md of Consentio Sync.",
                "",
            ]
        )


def write(path: Path, said: bytes) -> None:
    """Whatever a dead process left under this name is replaced."""
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o640)
        file.write(said)


def tell(path: Path, problem: str, kept: Path) -> None:
    """One line for the operator."""
    structlog.get_logger("daemon").warning("reply.refused", file=plain(path.name), problem=problem[:_LENGTH], set_aside=str(kept))


def forget(bad: Path, before: float) -> None:
    """What was set aside before a moment, in seconds of the epoch, is removed."""
    for path in list(bad.iterdir()):
        with suppress(FileNotFoundError, IsADirectoryError, PermissionError):  # a folder was set aside: that is a person's
            if path.lstat().st_ctime < before:
                path.unlink()


def _lines(parts: Sequence[Part]) -> list[str]:
    return [f"{part.where}: {part.problem}"[:_LENGTH] for part in parts]
