"""INTENTS: what is about to be done in the ERP, committed before it is done (law 2)."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from daemon.domain import outcome
from daemon.domain.content import difference
from daemon.domain.keys import create_key, random_key
from daemon.domain.ledger import Attempt, Kind, LedgerRow, Outcome, Revision
from daemon.domain.order import Order
from daemon.domain.plan import CONTENT_GONE, Plan, is_counted, park, plan, steer
from daemon.domain.state import OrderState
from daemon.ports import Effect, Record, Transaction
from daemon.sync.way import Way

_KINDS = {Plan.CREATE: Kind.CREATE, Plan.UPDATE: Kind.UPDATE, Plan.CANCEL: Kind.CANCEL}
#: Ends of an intent that never became an effect.
_NOTHING_SENT: frozenset[Outcome | None] = frozenset({None, Outcome.WITHDRAWN, Outcome.UNAVAILABLE})
#: Ends of an effect that certainly left nothing in the ERP.
NOTHING_LEFT = _NOTHING_SENT | {Outcome.REJECTED}
_LETTERS = {Kind.UPDATE: "u", Kind.CANCEL: "x"}


@dataclass(frozen=True, slots=True)
class Found:
    """The create's key was in the ERP before we sent anything."""

    record: Record


class NotOurs(Exception):
    """The order bore a reference when it was first met, and the ERP knows nothing of our key."""


End = Record | Found | Exception


@dataclass(frozen=True, slots=True)
class Intent:
    """One effect with its ledger row, and what its outcome will need."""

    row: LedgerRow
    effect: Effect
    digest: str
    #: How an earlier try under this key ended; None when there was none.
    before: Outcome | None
    #: The order bore a reference when it was first met: without a record of ours it is somebody else's.
    must_exist: bool

    @property
    def is_first(self) -> bool:
        """The ledger knows of nothing sent under this key: a record that bears it already is one that this database forgot."""
        return self.before in _NOTHING_SENT

    def remembered(self, closed: LedgerRow) -> LedgerRow:
        """The row at its end: a try that left nothing does not unsay what an earlier one under this key may have left."""
        unsays = closed.outcome in NOTHING_LEFT and self.before not in NOTHING_LEFT
        # Never as done: such a row alone tells of a try, and this one did nothing.
        left = Outcome.FOUND if self.before is Outcome.DONE else self.before
        return replace(closed, outcome=left) if unsays else closed


@dataclass(slots=True)
class Group:
    """Intents that are committed together. The lease runs from `leased_at`, by the clock that counts suspend."""

    intents: list[Intent] = field(default_factory=list)
    leased_at: float = 0.0
    #: What the ERP said when it was away; empty while it answers.
    away: str = ""
    #: Some of it could not be begun within its lease.
    is_late: bool = False
    #: Orders whose record this database had forgotten.
    forgotten: list[str] = field(default_factory=list)
    _by_key: dict[str, Intent] = field(init=False)

    def __post_init__(self) -> None:
        self._by_key = {intent.row.key: intent for intent in self.intents}

    def named(self, key: str) -> Intent:
        """The intent with this key."""
        return self._by_key[key]


async def intend(way: Way, tx: Transaction, states: Sequence[OrderState]) -> Group:
    """Write the intents of these orders; what needs no effect, or has an open row, is steered on the way."""
    now, blocked = way.now(), {row.order_id for row in await tx.open_rows()}
    rows = [_row(way, state, now) for state in states if plan(state) in _KINDS and state.id not in blocked]
    by_id = {state.id: state for state in states}
    earlier = await tx.ledger_rows(row.key for row in rows if row.kind is Kind.CREATE)
    ended = {key: row.outcome for key, row in earlier.items()}
    contents = await _contents(way, tx, rows, by_id)
    intents = [
        _intent(row, by_id[row.order_id], contents, ended=ended.get(row.key))
        for row in rows
        if (row.order_id, row.revision) in contents
    ]
    intended = {intent.row.order_id: intent.row for intent in intents}
    await tx.save_orders(_intended(state, intended.get(state.id), blocked, now) for state in states)
    await tx.save_rows(intended.values())
    await tx.add_attempts(_told_by_row_alone(earlier[intent.row.key] for intent in intents if intent.before is Outcome.DONE))
    return Group(intents)


def _told_by_row_alone(earlier: Iterable[LedgerRow]) -> Iterator[Attempt]:
    """A create that is sent again under its key takes the row that told of it when it was done."""
    return (row.as_attempt(f"record {row.record}") for row in earlier)


def _intended(state: OrderState, row: LedgerRow | None, blocked: set[str], now: datetime) -> OrderState:
    if row is not None:
        return outcome.intended(state, row)
    if state.id in blocked:
        return outcome.doubted(state.evolve(due_at=None))
    if plan(state) in _KINDS:
        return park(state, CONTENT_GONE)
    return steer(state.evolve(due_at=None), now)


def _row(way: Way, state: OrderState, now: datetime) -> LedgerRow:
    kind = _KINDS[plan(state)]
    is_create = kind is Kind.CREATE
    return LedgerRow(
        key=create_key(way.workspace, state.id, state.incarnation) if is_create else random_key(_LETTERS[kind]),
        kind=kind,
        order_id=state.id,
        # A repeated create sends the body first sent under its key; what changed since follows as an update (A2).
        revision=(state.body_revision or state.wanted) if is_create else state.wanted,
        incarnation=state.incarnation,
        record=None if is_create else state.erp_record,
        owner=way.store.leadership.owner,
        started_at=now,
        counted=is_counted(state),
    )


async def _contents(
    way: Way, tx: Transaction, rows: Sequence[LedgerRow], states: Mapping[str, OrderState]
) -> dict[tuple[str, int], tuple[Order, str]]:
    """The contents that these rows carry and those that the ERP has, with their digests; those no longer kept are left out."""
    wanted = {(row.order_id, row.revision) for row in rows}
    wanted |= {(row.order_id, states[row.order_id].erp_revision or 0) for row in rows if row.kind is Kind.UPDATE}
    known = way.memory.contents.take(wanted)
    return known | dict(_read(way, await tx.revisions(wanted - known.keys())))


def _read(way: Way, revisions: Mapping[tuple[str, int], Revision]) -> Iterator[tuple[tuple[str, int], tuple[Order, str]]]:
    for pair, revision in revisions.items():
        with suppress(ValueError):
            if revision.raw is not None:
                yield pair, (way.market.read(revision.raw), revision.digest)


async def look_ahead(way: Way, limit: int) -> None:
    """Read the contents of the next creates while the ERP is at work on this group. Only reads: what it finds decides nothing."""
    if way.memory.contents.count >= limit:
        return
    async with way.store.transaction() as tx:
        due = await tx.due(way.now(), limit)
        wanted = {(state.id, state.body_revision or state.wanted) for state in due if plan(state) is Plan.CREATE}
        revisions = await tx.revisions(way.memory.contents.lacking(wanted))
    for pair, (order, digest) in _read(way, revisions):
        way.memory.contents.keep(pair, order, digest)
        await asyncio.sleep(0)  # the ERP goes first


def _intent(
    row: LedgerRow, state: OrderState, contents: Mapping[tuple[str, int], tuple[Order, str]], *, ended: Outcome | None
) -> Intent:
    order, digest = contents[row.order_id, row.revision]
    before, _ = contents.get((row.order_id, state.erp_revision or 0), (None, ""))
    change = difference(before, order) if row.kind is Kind.UPDATE else None
    effect = Effect(kind=row.kind, key=row.key, order=order, record=row.record, change=change)
    must_exist = row.kind is Kind.CREATE and state.met_with_reference and state.incarnation == 1
    return Intent(row, effect, digest, before=ended, must_exist=must_exist)
