"""The books of an imitated ERP: what it was told about each order, in which order and when, and what was wrong with that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What can be wrong with a market and an ERP that should hold the same."""

    LOST = "lost"  # accepted, and not in the ERP
    DOUBLED = "doubled"  # in the ERP more than once, if only for a while
    STALE = "stale"  # in the ERP with a content that is not the latest
    CANCEL_LOST = "cancel lost"  # cancelled, and alive in the ERP
    UNASKED = "unasked"  # in the ERP though nobody ever accepted it
    EARLY_ACK = "early ack"  # an edit was marked as seen that the ERP did not have
    NO_ACK = "no ack"  # an edit was never marked as seen
    REFERENCE = "reference"  # the market does not know the ERP's record, or another one
    STATUS = "status"  # the market shows another status than the ERP's, or does not know that the goods are ready
    FAULT = "fault"  # a document that makes no sense


#: The key of what no document asked for.
BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with one order, in words."""

    verdict: Verdict
    order: str
    words: str

    def __str__(self) -> str:
        return f"{self.verdict}: order {self.order}: {self.words}"


@dataclass(frozen=True, slots=True)
class Posting:
    """One document that the ERP imported. `at` is when it could first be imported, not when it was."""

    at: datetime
    kind: str
    key: str
    record: str
    order: str
    content: Mapping[str, Any]
    #: What the ERP answered, if it answers.
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Record:
    """The ERP's own document for an order, as it stands."""

    id: str
    order: str
    content: Mapping[str, Any]
    live: bool = True
    #: What the ERP calls it, if it gives numbers of its own.
    number: str | None = None
    #: The ERP's word for where it stands, and whether the goods are ready, if it tells either.
    status: str | None = None
    prepared: bool = False

    @property
    def name(self) -> str:
        """What the market shall call it."""
        return self.number or self.id


@dataclass(slots=True)
class Book:
    """Everything that was imported. Nonsense is posted too, and told in `findings`."""

    postings: list[Posting] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    _keys: set[str] = field(default_factory=set)
    _postings_of: dict[str, list[Posting]] = field(default_factory=dict)
    _records_of: dict[str, list[Record]] = field(default_factory=dict)

    def post(self, posting: Posting) -> None:
        """Take over one document."""
        if not self._note(posting):
            return
        match posting.kind:
            case "create":
                self._create(posting)
            case "update" | "cancel":
                self._change(posting)
            case _:
                self.complain(Verdict.FAULT, posting, f"nobody knows what a document of the kind {posting.kind!r} asks for")

    def refuse(self, posting: Posting) -> None:
        """Note that one document came, and leave it at that: whoever wrote it did so before it could know."""
        self._note(posting)

    def _note(self, posting: Posting) -> bool:
        """Whether it is a new one."""
        self.postings.append(posting)
        self._postings_of.setdefault(posting.order, []).append(posting)
        if posting.key in self._keys:
            self.complain(Verdict.DOUBLED, posting, f"the document with the key {posting.key} came twice")
            return False
        self._keys.add(posting.key)
        return True

    def cancel_by_hand(self, record: str, at: datetime) -> None:
        """A clerk cancels a record, and no document asked for it."""
        held = self.records[record]
        held.live = False
        posting = Posting(at=at, kind="cancel", key=BY_HAND, record=record, order=held.order, content=held.content)
        self._postings_of.setdefault(held.order, []).append(posting)

    def complain(self, verdict: Verdict, posting: Posting, words: str) -> None:
        self.findings.append(Finding(verdict, posting.order, words))

    def live_records(self, order: str) -> list[Record]:
        return [record for record in self.records_of(order) if record.live]

    def records_of(self, order: str) -> list[Record]:
        return self._records_of.get(order, [])

    def postings_of(self, order: str) -> list[Posting]:
        return self._postings_of.get(order, [])

    def _create(self, posting: Posting) -> None:
        alive = ", ".join(record.id for record in self.live_records(posting.order))
        if alive:
            self.complain(Verdict.DOUBLED, posting, f"record {posting.record} was created while {alive} was alive")
        if posting.record in self.records:
            self.complain(Verdict.DOUBLED, posting, f"record {posting.record} was created twice")
        record = Record(posting.record, posting.order, posting.content)
        self.records[record.id] = record
        self._records_of.setdefault(record.order, []).append(record)

    def _change(self, posting: Posting) -> None:
        record = self.records.get(posting.record)
        if record is None or record.order != posting.order:
            self.complain(Verdict.FAULT, posting, f"{posting.kind} of record {posting.record}, which this order does not have")
        elif not record.live:
            self.complain(Verdict.FAULT, posting, f"{posting.kind} of record {posting.record}, which was cancelled before")
        elif posting.kind == "cancel":
            record.live = False
        else:
            record.content = posting.content
