"""Where one order stands: the level that is steered, and every step it may take. Pure: a step returns a new state."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from daemon.domain.brakes import Brakes
from daemon.domain.pause import Pause


class Situation(StrEnum):
    """Where an order stands with the ERP, and only there."""

    WAITING = "waiting"
    DELIVERING = "delivering"
    SETTLED = "settled"
    RETRYING = "retrying"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"
    HELD = "held"
    BRAKED = "braked"
    BASELINE = "baseline"
    DISMISSED = "dismissed"


#: Situations in which nothing is expected to happen by itself; orders in any other one are watched by the near sweep.
QUIET = frozenset({Situation.SETTLED, Situation.BASELINE, Situation.DISMISSED})
#: Why an order that was created before going live is parked.
OLDER_THAN_WALL = "older than the start wall"


@dataclass(frozen=True, kw_only=True)  # without slots: every order takes a dozen steps, and a dict is copied at once
class OrderState:
    """One marketplace order as this database knows it. Moments are aware and UTC; 0 means no revision.

    However it is made, its dict holds the fields in this order: the store compares and writes many states column by column.
    """

    id: str
    hash_id: str | None
    created_at: datetime | None
    customer: str | None = None

    # -- what Consentio showed
    #: The newest `updated_at` that was read.
    updated_at: datetime | None = None
    #: The ordinal of the request that read the held content: epoch and a counter, so it rises across restarts.
    ordinal: int = 0
    #: An older-looking reading that was kept out once: its digest, and its request's ordinal.
    kept_digest: str | None = None
    kept_ordinal: int = 0
    #: The slice (or cells of the grid) that last listed it; None when only the edited list did.
    slice_from: datetime | None = None
    slice_to: datetime | None = None
    latest: int = 0
    latest_status: str = ""
    latest_digest: str = ""
    latest_digest_version: int = 0
    #: The latest revision that is accepted or canceled, and its status and digest: what the ERP should hold.
    wanted: int = 0
    wanted_status: str = ""
    wanted_digest: str = ""
    #: It stands on the edited list and was not yet told as seen.
    edited: bool = False
    seen_revision: int = 0
    seen_at: datetime | None = None
    #: The ordinal of the last `seen`, until a later request lists the order again; 0 otherwise.
    just_seen: int = 0
    #: The first reading bore a reference of the seller's, or the one on which a person let it through.
    met_with_reference: bool = False
    #: A reference read that is not the one we told: a hint that this database forgot something.
    hint: str | None = None

    # -- the ERP side
    situation: Situation = Situation.WAITING
    incarnation: int = 1
    #: The revision that the ERP has: 0 none, None unknown.
    erp_revision: int | None = 0
    #: The digest of that revision: equal contents need no update, whatever their numbers. None when unknown or none.
    erp_digest: str | None = None
    erp_record: str | None = None
    #: What people call the record, and what Consentio is told of it; None while it has no number that may be told.
    erp_number: str | None = None
    #: The ERP's own word for where the record stands.
    erp_status: str | None = None
    #: Somebody cancelled the record in the ERP, not we.
    erp_cancelled: bool = False
    #: When the newest of the news that this order heeded happened, by the ERP's clock.
    erp_news_at: datetime | None = None
    #: The revision first sent under the current create key; 0 when none was.
    body_revision: int = 0
    #: Which incarnation is live must be asked before anything else (after a restore).
    verify: bool = False
    attempts: int = 0
    #: When the ERP side is looked at next; None when nothing is due.
    due_at: datetime | None = None
    reason: str = ""
    missing: tuple[str, ...] = ()
    dismissed_revision: int = 0
    #: The revision that a person released from a brake; 0 when none.
    released: int = 0
    #: What the ERP booked otherwise than the order says, in words; empty where nothing differs.
    mismatch: str = ""

    # -- the Consentio side
    told_id: str | None = None
    told_status: str | None = None
    #: How often a reference was told again because a sweep read another one, since one last read what was told.
    retold: int = 0
    tell_attempts: int = 0
    #: When the Consentio side is looked at next; None when nothing is to be told.
    tell_due_at: datetime | None = None
    tell_reason: str = ""
    #: What Consentio was told first, and when; each later telling has a row in the ledger.
    first_told_id: str | None = None
    first_told_at: datetime | None = None

    @property
    def is_canceled(self) -> bool:
        """Whether the wanted content is a cancel."""
        return self.wanted_status == "canceled"

    @property
    def erp_is_current(self) -> bool:
        """Whether the ERP is known to have the wanted revision."""
        return self.wanted > 0 and self.erp_revision == self.wanted

    @property
    def is_watched(self) -> bool:
        """Whether the near sweep reads the slice that last listed it again."""
        pending = self.latest_status == "pending"
        # A backfill may park thousands of these, which only a person's word moves.
        is_left = self.situation is Situation.PARKED and self.reason == OLDER_THAN_WALL
        return pending or self.just_seen > 0 or not (self.situation in QUIET or is_left)

    def evolve(self, **changes: object) -> "OrderState":
        """The same order with some fields changed: `dataclasses.replace` in a thirtieth of its time."""
        values = {**self.__dict__, **changes}
        if len(values) != _FIELDS:
            raise TypeError("an order has other fields")
        state = object.__new__(OrderState)
        state.__dict__.update(values)
        return state


_FIELDS = len(fields(OrderState))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The part of an order's state that a telling changes; as it is when nothing is left to be told."""

    id: str
    told_id: str | None
    told_status: str | None
    first_told_id: str | None
    first_told_at: datetime | None
    tell_attempts: int = 0
    tell_due_at: datetime | None = None
    tell_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tellable:
    """The part of an order's state of which Consentio is told: thousands are, and each needs no more of it."""

    id: str
    hash_id: str | None
    latest: int
    incarnation: int
    erp_revision: int | None
    erp_number: str | None
    erp_status: str | None
    told_id: str | None
    told_status: str | None
    tell_attempts: int
    first_told_id: str | None
    first_told_at: datetime | None

    def as_told(self) -> Told:
        """What Consentio knows of it already."""
        return Told(
            id=self.id,
            told_id=self.told_id,
            told_status=self.told_status,
            first_told_id=self.first_told_id,
            first_told_at=self.first_told_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceState:
    """One workspace as this database knows it."""

    id: str
    #: The two ends of the ledger; a mismatch refuses to start.
    api_url: str
    adapter: str
    adapter_identity: str
    start_wall: datetime | None = None
    #: When the first wide sweep was complete: from then on nothing is baseline.
    inventory_at: datetime | None = None
    #: When this database was found to be, or said to be, a restored copy. `restore_open`: one doubt wait must pass first.
    restored_at: datetime | None = None
    restore_open: bool = False
    collected_at: datetime | None = None
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    #: How far the ERP's news were read, in the ERP's own words.
    reports_cursor: str | None = None
    skew_s: float | None = None
    #: The directions that a person lets rest.
    paused: tuple[Pause, ...] = ()
    #: Which brakes are pulled.
    brake: Brakes = field(default_factory=Brakes)
