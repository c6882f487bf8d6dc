"""What is remembered of effects, readings and cursors: the records that the store keeps."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of effect. The first three are the ERP's, of which an order has at most one open."""

    CREATE = "create"
    UPDATE = "update"
    CANCEL = "cancel"
    REFERENCE = "reference"
    SEEN = "seen"
    PREPARE = "prepare"
    CANCEL_REMOTE = "cancel_remote"


ERP_KINDS = (Kind.CREATE, Kind.UPDATE, Kind.CANCEL)


class Outcome(StrEnum):
    """How an effect ended. A ledger row without one is a doubt."""

    DONE = "done"
    FOUND = "found"  # a question showed that it had been done before
    ABSENT = "absent"  # a question showed that it was not done
    UNKNOWN = "unknown"  # a doubtful update: not asked, the next update says the whole content
    REJECTED = "rejected"
    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    UNAVAILABLE = "unavailable"  # nothing was sent
    WITHDRAWN = "withdrawn"  # the intent grew too old before its effect began


class Stream(StrEnum):
    """The lists that are read with a cursor, and what else is done up to a moment."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    NEAR = "near"
    WIDE = "wide"
    REPORTS = "reports"
    #: A stretch of the past that a person asked for; how far it was read stands in the wish.
    BACKFILL = "backfill"
    #: No list: when this database last forgot all that it need not keep.
    PRUNED = "pruned"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One effect on the outside world. Its record and body are fixed at the intent."""

    key: str
    kind: Kind
    order_id: str
    #: The revision that the effect carries.
    revision: int
    #: The incarnation that the effect belongs to.
    incarnation: int
    #: The ERP record that it changes; None for a create until it is done.
    record: str | None
    #: Who intends it: a name of the process.
    owner: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome | None = None
    #: A brake counts it: it cancels or changes an order, is no recovery, and nobody released it.
    counted: bool = False

    @property
    def is_open(self) -> bool:
        """An open row is a doubt: nobody knows whether the effect happened."""
        return self.outcome is None

    def as_attempt(self, answer: str) -> "Attempt":
        """A closed row as one try of the timeline, with what was answered."""
        assert self.outcome is not None and self.finished_at is not None  # noqa: S101, PT018 - only closed rows are told
        return Attempt(
            key=self.key,
            order_id=self.order_id,
            started_at=self.started_at,
            finished_at=self.finished_at,
            outcome=self.outcome,
            answer=answer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a ledger row, told by `explain`.

    One that did what it was to do is told by the row alone, and recorded only when the row is taken for another try.
    """

    key: str
    order_id: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One distinct content of one order, never changed; `raw` is None once pruned."""

    order_id: str
    number: int
    digest: str
    digest_version: int
    status: str
    source_updated_at: datetime | None
    #: The stream that found it.
    found_in: str
    recorded_at: datetime
    raw: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing that happened to an order (or, without `order_id`, to the workspace), or that a person did."""

    at: datetime
    who: str
    what: str
    reason: str = ""
    order_id: str | None = None


class NewsKind(StrEnum):
    """What the ERP can tell of a record."""

    STATUS = "status"  # it is live, and has another status
    NUMBERED = "numbered"  # it has got its number, or another one
    CANCELLED = "cancelled"  # somebody there cancelled or deleted it; a later `status` says that it is live again
    PREPARED = "prepared"  # the goods are ready
    REFUSED = "refused"  # the ERP did not take over what it was handed: the effect with `key` left nothing behind


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that the ERP tells of one record."""

    record: str
    kind: NewsKind
    #: When it happened, by the ERP's clock.
    at: datetime
    status: str | None = None
    number: str | None = None
    #: As booked, without taxes.
    total: Decimal | None = None
    #: The effect that it answers, where the ERP says so: the refused one, or the one that `total` was booked for.
    key: str | None = None
    reason: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """Recorded news that belong to an order, by the number under which they are recorded."""

    serial: int
    order_id: str
    news: News


@dataclass(frozen=True, slots=True)
class Recorded:
    """News as they are told to people: when they were recorded, and what became of them; empty while they wait."""

    news: News
    at: datetime
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What Consentio shall be asked to do for one order, once: cancel it, or mark it as prepared. It may be repeated at will."""

    order_id: str
    #: `cancel_remote` or `prepare`; an order has one errand of each kind at most, the newest.
    kind: Kind
    #: Its row in the ledger.
    key: str
    #: The daemon, for news from the ERP, or the person who wants it; and why.
    who: str
    reason: str
    made_at: datetime
    #: What the news spoke of: they count only while the order has this record and this revision.
    record: str | None = None
    revision: int = 0
    attempts: int = 0
    #: When it is looked at next; None once it is done, dropped or given up.
    due_at: datetime | None = None
    done_at: datetime | None = None
    #: How it ended, or why Consentio refused it last.
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An element of an answer that is no readable order and bears no usable id; keyed by the digest of its bytes."""

    digest: str
    raw: bytes
    error: str
    seen_at: datetime


#: How the answer to a wish begins that was not fulfilled.
REFUSED = "refused: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A command of a person, left for the running daemon."""

    number: int
    #: The command's name; `order_id` is the order it names, if any, and `argument` what else it was given.
    what: str
    order_id: str | None
    who: str
    reason: str
    made_at: datetime
    argument: str = ""
    #: How far a wish has come that takes more than a moment.
    progress: str = ""
