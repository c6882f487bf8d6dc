"""What each effect needs: nothing (it is done), a verdict, or a document in the folder. Blocking: call it in a worker thread."""

import secrets
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from daemon.domain.ledger import Kind
from daemon.erp.files.document import document, document_name, safe_key
from daemon.erp.files.folder import Folder, Outcome
from daemon.erp.files.receipt import Parcel, Receipt
from daemon.erp.files.replies import Replies
from daemon.erp.files.settings import FilesSettings
from daemon.erp.files.setup import inspect, prepare
from daemon.erp.files.standing import UNHEARD, Standing, standing_of
from daemon.erp.files.table import table
from daemon.errors import AdapterError, Conflict, ErpError, ErpUnavailable, OrderRejected
from daemon.ports import Effect, Record, Reports

#: How many receipts share a file: together they fill two blocks of a disk.
_SHARING = 25

#: A record, a verdict, or for any other error: nobody knows.
Answer = Record | Exception


class Outbox:
    """The folder of one workspace's documents. A record is known by the key of its create, which all its documents bear."""

    def __init__(self, settings: FilesSettings, *, workspace: str) -> None:
        self.folder = Folder(settings.folder.resolve(), inbox=settings.inbox, mode=settings.mode)
        self.replies = Replies(self.folder, settings, workspace=workspace)
        self._settings = settings
        self._workspace = workspace
        self._is_ready = False
        self._is_rehearsal = False
        self._stamp = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def make_ready(self) -> None:
        """Once: create and prove the folder, finish what a dead process left. Raises `ErpUnavailable` while that fails."""
        if self._is_ready or self._is_rehearsal:
            return
        try:
            self.prepare()
            self.folder.recover()
        except AdapterError as problem:
            raise ErpUnavailable(str(problem), remedy=problem.remedy) from problem
        except OSError as problem:
            raise _unreadable(problem) from problem
        self._is_ready = True

    def prepare(self) -> None:
        """Create and prove the folder; in a rehearsal, look whether that could be done. Raises `AdapterError`."""
        (inspect if self._is_rehearsal else prepare)(self.folder, self.replies.places)

    def rehearse(self) -> None:
        """From now on nothing is written."""
        self._is_rehearsal = self.folder.is_rehearsal = True

    def must_be_possible(self, effect: Effect) -> None:
        """Raises the verdict that an effect would meet; without a rehearsal, as far as its content tells."""
        if missing := self.missing(effect):
            raise _rejected(missing)
        if self._is_rehearsal and self.folder.receipts.exists() and isinstance(verdict := self._verdict(effect), Exception):
            raise verdict

    def reports(self, since: str | None) -> Reports:
        """What the ERP's replies say behind a cursor."""
        self.make_ready()
        try:
            if self._is_rehearsal:
                return Reports(self.replies.peek(since), since or "")
            return Reports(*self.replies.news(since))
        except OSError as problem:
            raise _unreadable(problem) from problem

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The record, or the verdict, for each of these keys that an effect was done with, and not refused by the ERP.

        Where the ERP refused the create, the record is not live: another one must be made under another key.
        """
        self.make_ready()
        found: dict[str, Answer] = {}
        if self._is_rehearsal and not self.folder.receipts.exists():
            return found
        for key in keys:
            try:
                if done := self.folder.signed(key):
                    found[key] = self._record(done)
            except Refused:
                continue  # it left nothing behind
            except ErpError as verdict:
                found[key] = verdict
            except OSError as problem:
                raise _unreadable(problem) from problem
        return found

    def apply(self, effects: Sequence[Effect]) -> dict[str, Answer]:
        """Do what was not done before, all of it together. Every effect has its answer."""
        try:
            self.make_ready()
        except ErpUnavailable as away:
            return {effect.key: away for effect in effects}
        answers = {effect.key: answer for effect in effects if (answer := self._known_answer(effect))}
        parcels = self._parcels([effect for effect in effects if effect.key not in answers])
        return {key: _unbooked(answer) for key, answer in {**answers, **self._deliver(parcels)}.items()}

    def missing(self, effect: Effect) -> list[str]:
        """What keeps its order out of the ERP; a cancel is never kept out."""
        return [] if effect.kind is Kind.CANCEL else self._settings.missing_in(effect.order)

    # ---- what an effect needs

    def _known_answer(self, effect: Effect) -> Answer | None:
        """None if a document has to be written."""
        if effect.kind is Kind.CREATE and not self.missing(effect):
            return None  # the core has just asked for its key, and a receipt that came meanwhile is met when ours is signed for
        try:
            if done := self.folder.signed(effect.key):
                return self._record(done)
            return self._verdict(effect)
        except ErpError as verdict:
            return verdict
        except OSError as problem:
            return _unreadable(problem)

    def _verdict(self, effect: Effect) -> Answer | None:
        if missing := self.missing(effect):
            return _rejected(missing)
        if effect.kind is Kind.CREATE:
            return None
        record = effect.record or ""
        standing = standing_of(self.folder.receipts, record)
        is_live = self._is_live(record, standing)
        if effect.kind is Kind.CANCEL:
            # Written even without a receipt of its create: a superfluous cancel is noticed, a missing one is a truck.
            return None if is_live else _seen(record, standing, live=False)
        if standing.stillborn:
            return Conflict(f"record {record} was refused by the ERP, there is nothing to change")
        if not is_live:
            return Conflict(f"record {record} is cancelled, it cannot be changed any more")
        if not self.folder.signed(record):
            return Conflict(f"there is no receipt that record {record} was ever created in {self.folder.root}")
        return None

    def _parcels(self, effects: Sequence[Effect]) -> list[Parcel]:
        """Those of one nonce share the file of their receipts."""
        parcels: list[Parcel] = []
        for start in range(0, len(effects), _SHARING):
            nonce = secrets.token_hex(8)
            parcels += [self._parcel(effect, nonce) for effect in effects[start : start + _SHARING]]
        return parcels

    def _parcel(self, effect: Effect, nonce: str) -> Parcel:
        now = self._next_stamp()
        record = effect.record or effect.key
        receipt = Receipt(
            key=effect.key,
            kind=effect.kind,
            order_id=effect.order.id,
            record=record,
            document=document_name(effect, now, self._settings.format),
            staged=f"{safe_key(effect.key)}.{nonce}.json",
            workspace=self._workspace,
        )
        return Parcel(receipt, self._written(effect, record, now))

    def _written(self, effect: Effect, record: str, now: datetime) -> bytes:
        if self._settings.format == "csv":
            return table(effect, record=record, workspace=self._workspace, written_at=now, style=self._settings.style)
        return document(effect, record=record, workspace=self._workspace, written_at=now)

    def _next_stamp(self) -> datetime:
        """Now, but always later than the one before: names sort in the order in which they were made."""
        with self._lock:
            self._stamp = max(datetime.now(UTC), self._stamp + timedelta(microseconds=1))
            return self._stamp

    # ---- what became of it

    def _deliver(self, parcels: Sequence[Parcel]) -> dict[str, Answer]:
        if not parcels:
            return {}
        try:
            outcomes = self.folder.deliver(parcels)
        except OSError as problem:
            return {parcel.receipt.key: _unreadable(problem) for parcel in parcels}
        ours = {parcel.receipt.key: parcel.receipt for parcel in parcels}
        return {key: self._answer(ours[key], outcome) for key, outcome in outcomes.items()}

    def _answer(self, ours: Receipt, outcome: Outcome) -> Answer:
        if not isinstance(outcome, Receipt):
            return outcome
        if outcome is not ours:  # another attempt came first, and the ERP may have answered it
            return self._earlier(outcome)
        standing = UNHEARD if ours.kind is Kind.CREATE else standing_of(self.folder.receipts, ours.record)
        return _seen(ours.record, standing, live=ours.kind is not Kind.CANCEL)

    def _earlier(self, receipt: Receipt) -> Answer:
        try:
            return self._record(receipt)
        except ErpError as verdict:
            return verdict
        except OSError as problem:
            return problem

    def _record(self, receipt: Receipt) -> Record:
        """Raises `Refused` if the ERP refused this change."""
        standing = standing_of(self.folder.receipts, receipt.record)
        if receipt.key in standing.refused:
            raise Refused(f"the ERP refused the document {receipt.document}")
        is_live = receipt.kind is not Kind.CANCEL and self._is_live(receipt.record, standing)
        return _seen(receipt.record, standing, live=is_live)

    def _is_live(self, record: str, standing: Standing) -> bool:
        if standing.stillborn or standing.cancelled:
            return False
        cancel = self.folder.cancel_of(record)
        return cancel is None or cancel in standing.refused


def _unbooked(answer: Answer) -> Answer:
    """What the ERP books of a document, only a later reply says; an earlier one said it of another document."""
    return replace(answer, total=None) if isinstance(answer, Record) and answer.total is not None else answer


def _rejected(missing: Sequence[str]) -> OrderRejected:
    return OrderRejected(f"the ERP needs or does not know: {', '.join(missing)}", missing=missing)


class Refused(Conflict):
    """The ERP took over other documents about this record, but not this one."""


def _seen(record: str, standing: Standing, *, live: bool) -> Record:
    return Record(id=record, number=standing.number, live=live, status=standing.status, total=standing.booked)


def _unreadable(problem: OSError) -> ErpUnavailable:
    where = f" {problem.filename}" if problem.filename else ""
    return ErpUnavailable(f"cannot use the folder{where}: {problem.strerror or problem}")
