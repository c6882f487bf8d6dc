"""The folder and its protocol: each document reaches the inbox once, though the process dies at any instruction and the ERP takes
a document away at any moment.

    1  staged      `.staging/KEY.NONCE.json` and, for some of them together, their receipts in `.staging/NONCE.receipt`; flushed
    2  signed for  that file is linked to `.receipts/XX/KEY.json`: the first attempt wins, all others are refused; flushed
    3  shown       the document is renamed into `inbox/`; flushed

Done is: there is a receipt, and the document that it names is no longer staged (A15). A receipt whose document is still staged is
a process that died between 2 and 3: whoever meets it does step 3, which cannot happen twice, as a rename takes its source away.
A staged document without a receipt is nothing; an attempt that wakes up late finds the receipt taken, or its own gone (A4).

Receipts share files because a new file costs a file system far more than a new name. Few share one, as a copy of the folder that
knows no hard links holds it once for each name.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.domain.ledger import Kind
from daemon.erp.files.document import safe_key
from daemon.erp.files.flush import Flush, flushing
from daemon.erp.files.receipt import Parcel, Receipt
from daemon.errors import Conflict, ErpUnavailable

#: Paths are plain text where a group works: to make a Path costs as much as to make the file that it names.
StrPath = str | Path

#: What became of a parcel: signed for and shown; certainly nothing written; a receipt in its place that cannot be read; or, for
#: any other error, nobody knows.
Outcome = Receipt | ErpUnavailable | Conflict | OSError

#: Nobody comes back to a document that was staged so long ago, in seconds.
ABANDONED_AFTER_S = 86_400

STAGED, TICKET = ".json", ".receipt"


class Folder:
    """The documents of one ERP. Blocking: call it in a worker thread. Several threads and processes may share a folder."""

    def __init__(self, root: Path, *, inbox: str, mode: int) -> None:
        self.root = root
        self.inbox = root / inbox
        self.staging = root / ".staging"
        self.receipts = root / ".receipts"
        self._mode = mode
        self._inbox, self._staging, self._receipts = str(self.inbox), str(self.staging), str(self.receipts)
        #: Nothing is shown or removed: the folder is only read.
        self.is_rehearsal = False

    def signed(self, key: str) -> Receipt | None:
        """The receipt of an effect that is done; what a dead process had signed for and not shown is shown now."""
        receipt = self._receipt(safe_key(key))
        if receipt is not None:
            self._finish([receipt])
        return receipt

    def _finish(self, receipts: Iterable[Receipt]) -> None:
        waiting = [receipt for receipt in receipts if self._is_staged(receipt)]
        if waiting and not self.is_rehearsal:
            with flushing(self.root) as flush:
                flush(os.path.dirname(self._path(receipt.key)) for receipt in waiting)
                for receipt in waiting:
                    self._show(receipt)
                flush([self.staging, self.inbox])

    def cancel_of(self, record: str) -> str | None:
        """The key of the cancel of this record that is done, if one is."""
        mark = self._read(self._mark(record), Receipt.from_bytes)
        return mark.key if mark is not None and self.signed(mark.key) else None

    def deliver(self, parcels: Sequence[Parcel]) -> Mapping[str, Outcome]:
        """Bring parcels into the inbox, for all of them together three flushes; the outcome of each by its key.

        Raises OSError only before anything is written.
        """
        outcomes: dict[str, Outcome] = {}
        bundles = self._bundles(parcels)
        with flushing(self.root) as flush:
            staged = self._stage_all(bundles, outcomes, flush)
            ours = self._sign_all(staged, outcomes, flush)
            self._show_all(ours, outcomes, flush)
            self._tidy(bundles)
        return outcomes

    def recover(self) -> None:
        """Show what a dead process had signed for, and remove what it had not, once no attempt can be that old."""
        self._finish([receipt for path in list(self.staging.iterdir()) if (receipt := self._signed_or_removed(path))])

    def _signed_or_removed(self, path: Path) -> Receipt | None:
        """The receipt that a staged document was signed for with."""
        is_old = _age_s(path) > ABANDONED_AFTER_S
        if is_old:
            _remove(self._ticket(path.name))
            _remove(path.with_suffix(TICKET))  # as it was called when each document had one of its own
        signed = self._receipt(path.name.partition(".")[0])
        if signed is not None and signed.staged == path.name:
            return signed
        if is_old:
            _remove(path)
        return None

    # ---- 1

    def _stage_all(self, bundles: Mapping[str, Sequence[Parcel]], outcomes: dict[str, Outcome], flush: Flush) -> list[Receipt]:
        staged: list[Receipt] = []
        for ticket, bundle in bundles.items():
            try:
                # Before its documents: `recover` removes them in this order too, so no ticket has ever lost its document.
                _write(ticket, b"\n".join(parcel.receipt.to_bytes() for parcel in bundle), mode=0o600)
            except OSError as problem:
                self._give_up([parcel.receipt for parcel in bundle], problem, outcomes)
            else:
                staged += [parcel.receipt for parcel in bundle if self._is_written(parcel, outcomes)]
        try:
            flush(path for receipt in staged for path in self._written(receipt))
        except OSError as problem:
            self._give_up(staged, problem, outcomes)
            return []
        return staged

    def _bundles(self, parcels: Sequence[Parcel]) -> Mapping[str, list[Parcel]]:
        """Parcels whose receipts share a file, by its path."""
        bundles: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            bundles.setdefault(self._ticket(parcel.receipt.staged), []).append(parcel)
        return bundles

    def _is_written(self, parcel: Parcel, outcomes: dict[str, Outcome]) -> bool:
        try:
            self._stage(parcel)
        except OSError as problem:
            self._give_up([parcel.receipt], problem, outcomes)
            return False
        return True

    def _stage(self, parcel: Parcel) -> None:
        document = self._document(parcel.receipt)
        _write(document, parcel.content, mode=self._mode)
        if parcel.receipt.kind is Kind.CANCEL:
            # The mark counts only once the cancel that it names is done, so it may stand here before the receipt does.
            mark = document.removesuffix(STAGED) + ".mark"
            _write(mark, parcel.receipt.to_bytes(), mode=0o600)
            os.replace(mark, self._mark(parcel.receipt.record))

    def _written(self, receipt: Receipt) -> Iterable[StrPath]:
        yield from (self.staging, self._ticket(receipt.staged), self._document(receipt))
        if receipt.kind is Kind.CANCEL:
            yield self._mark(receipt.record)
            yield os.path.dirname(self._mark(receipt.record))

    def _give_up(self, receipts: Iterable[Receipt], problem: OSError, outcomes: dict[str, Outcome]) -> None:
        """There is no receipt, so nothing of this attempt can be seen; what cannot be removed now, `recover` will."""
        for receipt in receipts:
            outcomes[receipt.key] = ErpUnavailable(f"cannot write into {self.root}: {problem.strerror or problem}")
            with suppress(OSError):
                _remove(self._document(receipt))

    # ---- 2

    def _sign_all(self, staged: Sequence[Receipt], outcomes: dict[str, Outcome], flush: Flush) -> list[Receipt]:
        ours: list[Receipt] = []
        for receipt in staged:
            try:
                if self._sign(receipt):
                    ours.append(receipt)
                else:
                    outcomes[receipt.key] = self._came_second(receipt)
            except Conflict as unreadable:
                outcomes[receipt.key] = unreadable
                with suppress(OSError):
                    _remove(self._document(receipt))
            except OSError as problem:
                self._give_up([receipt], problem, outcomes)
        shelves = (os.path.dirname(self._path(receipt.key)) for receipt in ours)
        return ours if self._flushed(shelves, ours, outcomes, flush) else []

    def _sign(self, receipt: Receipt) -> bool:
        """Whether the receipt is ours; False if another attempt holds it. Raises OSError if there is none."""
        try:
            os.link(self._ticket(receipt.staged), self._path(receipt.key))
        except OSError:
            # A network file system may refuse the repetition of a link that it has made.
            held = self._receipt(safe_key(receipt.key))
            if held is None:
                raise
            return held == receipt
        return True

    def _came_second(self, receipt: Receipt) -> Outcome:
        try:
            _remove(self._document(receipt))
            return self.signed(receipt.key) or FileNotFoundError("its receipt is gone")
        except OSError as problem:
            return problem

    def _flushed(self, paths: Iterable[StrPath], receipts: Sequence[Receipt], outcomes: dict[str, Outcome], flush: Flush) -> bool:
        """Whether the flush went well; if not, nobody knows what a power cut would leave."""
        try:
            flush(paths)
        except OSError as problem:
            outcomes.update({receipt.key: problem for receipt in receipts})
            return False
        return True

    # ---- 3

    def _show_all(self, ours: Sequence[Receipt], outcomes: dict[str, Outcome], flush: Flush) -> None:
        shown: list[Receipt] = []
        for receipt in ours:
            try:
                self._show(receipt)
                shown.append(receipt)
            except OSError as problem:
                outcomes[receipt.key] = problem
        if shown and self._flushed([self.staging, self.inbox], shown, outcomes, flush):
            outcomes.update({receipt.key: receipt for receipt in shown})

    def _show(self, receipt: Receipt) -> None:
        try:
            os.rename(self._document(receipt), f"{self._inbox}/{receipt.document}")
        except FileNotFoundError:
            if self._is_staged(receipt):
                raise  # the inbox is gone; else somebody has shown it before us

    def _tidy(self, tickets: Iterable[str]) -> None:
        """This attempt is over: nothing will be signed for with its tickets. What stays here, `recover` removes one day."""
        with suppress(OSError):
            for ticket in tickets:
                _remove(ticket)

    # ---- where things are

    def _document(self, receipt: Receipt) -> str:
        return f"{self._staging}/{receipt.staged}"

    def _ticket(self, staged: str) -> str:
        """What a staged document is signed for with: the file that bears the nonce of its name."""
        return f"{self._staging}/{staged.rpartition('.')[0].rpartition('.')[2]}{TICKET}"

    def _is_staged(self, receipt: Receipt) -> bool:
        return os.path.exists(self._document(receipt))

    def _path(self, key: str) -> str:
        return self._sharded(safe_key(key) + STAGED)

    def _mark(self, record: str) -> str:
        return self._sharded(safe_key(record) + ".cancelled")

    def _sharded(self, name: str) -> str:
        """256 folders keep each of them short: a receipt is never removed."""
        return f"{self._receipts}/{hashlib.sha256(name.encode()).hexdigest()[:2]}/{name}"

    def _receipt(self, name: str) -> Receipt | None:
        """By the key as a file name."""
        return self._read(self._sharded(name + STAGED), lambda text: Receipt.among(text, name))

    def _read(self, path: str, read: Callable[[bytes], Receipt]) -> Receipt | None:
        try:
            with open(path, "rb", buffering=0) as file:
                return read(file.read())
        except FileNotFoundError:
            _must_be_there(os.path.dirname(path))  # a receipt may be missing, but not the place where it would be
            return None
        except ValueError as problem:
            remedy = "put it back from a backup, or remove it if the ERP never got its document"
            raise Conflict(f"the receipt {path} cannot be read: {remedy}") from problem


def _must_be_there(place: str) -> None:
    if not os.access(place, os.F_OK):  # a quick yes; what is wrong, only `stat` tells
        os.stat(place)


def _write(path: str, content: bytes, *, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)  # whatever the umask says
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # another process took it away
        return 0.0


def _remove(path: StrPath) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
