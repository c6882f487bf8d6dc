"""DOUBTS: open ledger rows of effects whose end nobody knows. Ask, never guess (law 3), and never too early (A4)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.domain import outcome
from daemon.domain.ledger import Kind, LedgerRow, Outcome
from daemon.domain.news import TO_BE_DECIDED
from daemon.domain.plan import AMBIGUOUS, OUTCOME_UNKNOWN, is_conflict, park, steer, with_tell
from daemon.domain.state import OrderState, Situation
from daemon.domain.tally import Tally
from daemon.errors import Ambiguous, ErpUnavailable
from daemon.ports import Capabilities, Record, Transaction
from daemon.sync.calls import Result, find_many, is_away
from daemon.sync.ends import naming
from daemon.sync.way import Way


@dataclass(frozen=True, slots=True)
class Judgement:
    """A doubt's row, closed unless a person must settle it, and its order's new state."""

    row: LedgerRow
    state: OrderState


async def settle_doubts(way: Way) -> Tally:
    """Settle every open row whose doubt wait is over; the others wait on."""
    async with way.store.transaction() as tx:
        rows = await tx.open_rows()
        await _mark(way, tx, rows)
    ripe = [row for row in rows if is_ripe(way, row)]
    limit = way.rules.group_size
    tally = Tally(in_doubt=len(rows) - len(ripe))
    for start in range(0, len(ripe), limit):
        tally += await _settle(way, ripe[start : start + limit])
    return tally


async def _mark(way: Way, tx: Transaction, rows: Sequence[LedgerRow]) -> None:
    """An order whose row was left open by another process, or a broken call, is in doubt."""
    states = await tx.orders(row.order_id for row in rows)
    marked = [outcome.doubted(state) for state in states.values() if state.situation is Situation.DELIVERING]
    if marked:
        await tx.save_orders(marked)
    for row in rows:
        if states[row.order_id].situation is Situation.DELIVERING:
            way.say("order.in_doubt", order_id=row.order_id, kind=row.kind, key=row.key, since=row.started_at)


def is_ripe(way: Way, row: LedgerRow) -> bool:
    """Whether the doubt wait is over: nothing that was abandoned can land any more (A4)."""
    now = way.clocks.monotonic()
    seen = way.memory.first_saw.setdefault(row.key, now)
    return now - seen >= way.rules.doubt_wait.total_seconds()


async def _settle(way: Way, rows: Sequence[LedgerRow]) -> Tally:
    answers = await _ask(way, rows)
    if is_away(answers, len(rows)):
        raise ErpUnavailable
    async with way.store.transaction() as tx:
        judged, unchanged = await _judge_all(way, tx, rows, answers)
        await _record(tx, judged)
    return sum((_told(way, judgement) for judgement in judged), Tally(in_doubt=unchanged))


async def _judge_all(
    way: Way, tx: Transaction, rows: Sequence[LedgerRow], answers: Mapping[str, Result]
) -> tuple[list[Judgement], int]:
    """What is to be recorded, and how many doubts stay as they are."""
    states = await tx.orders(row.order_id for row in rows)
    digests = await digests_of(tx, rows)
    still_open = {row.key for row in await tx.open_rows()}
    judged: list[Judgement] = []
    unchanged = 0
    for row in rows:
        if row.key not in still_open:
            continue
        old = states[row.order_id]
        verdict, state = _judge(way, row, _asked(old), answers.get(row.key), digests)
        if verdict is None and state.reason == old.reason:
            unchanged += int(old.reason != OUTCOME_UNKNOWN)  # that one waits for a person: no cycle tells of it again
        else:
            judged.append(Judgement(row if verdict is None else _closed(way, row, verdict, state), state))
    return judged, unchanged


def _asked(state: OrderState) -> OrderState:
    """Parked only because nobody could be asked: the answer may free it."""
    return state.evolve(situation=Situation.IN_DOUBT) if state.reason == OUTCOME_UNKNOWN else state


async def digests_of(tx: Transaction, rows: Sequence[LedgerRow]) -> dict[tuple[str, int], str]:
    """The digest of the revision that each row carries."""
    kept = await tx.revisions((row.order_id, row.revision) for row in rows)
    return {pair: revision.digest for pair, revision in kept.items()}


async def _ask(way: Way, rows: Sequence[LedgerRow]) -> Mapping[str, Result]:
    """By its own key where `find` answers every key; else a create by `find`, a cancel by `read`, an update not at all.

    A cancel whose key is in no record is read as well: an ERP that deletes what is cancelled deletes the key with it.
    """
    can = way.erp.capabilities
    keys = [row.key for row in rows if can.find == "every" or (can.find == "creates" and row.kind is Kind.CREATE)]
    answers = dict(await find_many(way, keys))
    if can.read:
        for row in rows:
            if row.kind is Kind.CANCEL and row.key not in answers:
                answers |= await _read_canceled(way, row)
    return answers


async def _read_canceled(way: Way, row: LedgerRow) -> dict[str, Result]:
    """A cancel is done if the record is cancelled or gone (A3)."""
    try:
        async with asyncio.timeout(way.rules.call_timeout.total_seconds()):
            record = await way.erp.read(row.record or "")
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an answer
        return {row.key: error}
    if record is None or not record.live:
        return {row.key: record or Record(id=row.record or "", live=False)}
    return {}


def _judge(
    way: Way, row: LedgerRow, state: OrderState, answer: Result | None, digests: Mapping[tuple[str, int], str]
) -> tuple[Outcome | None, OrderState]:
    """What the answer says of one doubt; an outcome of None leaves the row open."""
    now, digest = way.now(), digests.get((row.order_id, row.revision), "")
    if isinstance(answer, Ambiguous):
        return Outcome.AMBIGUOUS, park(state, f"{AMBIGUOUS}{answer}")
    if isinstance(answer, Exception):
        return None, state  # it could not be asked: later
    if row.kind is Kind.UPDATE and way.erp.capabilities.find != "every":
        return Outcome.UNKNOWN, outcome.unknown(state, now)
    if answer is None:
        return _judge_absent(way, row, state)
    if row.kind is Kind.CANCEL:
        return Outcome.FOUND, outcome.canceled(state, row, digest=digest, now=now)
    if row.kind is Kind.UPDATE:
        return _judge_updated(way, row, state, found=answer, digest=digest)
    if not answer.live:
        return Outcome.FOUND, outcome.met_cancelled(state, now)
    return Outcome.FOUND, outcome.adopted(state, **naming(way, state, answer), now=now)


def _judge_updated(way: Way, row: LedgerRow, state: OrderState, *, found: Record, digest: str) -> tuple[Outcome, OrderState]:
    if not found.live:
        gone = outcome.freed(state).evolve(erp_cancelled=True)
        return Outcome.CONFLICT, park(gone, TO_BE_DECIDED) if is_conflict(gone) else with_tell(steer(gone, way.now()), way.now())
    return Outcome.FOUND, outcome.written(state, row, **naming(way, state, found), digest=digest, now=way.now())


def can_be_asked(can: Capabilities, kind: Kind) -> bool:
    """Whether an effect of this kind leaves something behind that the ERP can be asked for."""
    if kind is Kind.CANCEL and can.read:
        return True
    return can.find == "every" or (can.find == "creates" and kind is Kind.CREATE)


def _judge_absent(way: Way, row: LedgerRow, state: OrderState) -> tuple[Outcome | None, OrderState]:
    can, rules = way.erp.capabilities, way.rules
    if not can_be_asked(can, row.kind) and not (row.kind is Kind.CREATE and can.refuses_second_key):
        return None, park(state, OUTCOME_UNKNOWN)
    if row.kind is Kind.CANCEL and not can.read:
        state = state.evolve(erp_revision=None, erp_digest=None)  # the record may be gone, and its keys with it
    return Outcome.ABSENT, outcome.absent(
        state,
        way.now(),
        initial=rules.backoff_initial,
        ceiling=rules.backoff_max,
        max_attempts=rules.max_attempts,
        what=f"the {row.kind}",
    )


def _closed(way: Way, row: LedgerRow, verdict: Outcome, state: OrderState) -> LedgerRow:
    return replace(row, record=row.record or state.erp_record, outcome=verdict, finished_at=way.now())


async def _record(tx: Transaction, judged: Sequence[Judgement]) -> None:
    closed = [judgement.row for judgement in judged if not judgement.row.is_open]
    await tx.save_orders(judgement.state for judgement in judged)
    await tx.close_rows(closed)
    await tx.add_attempts(row.as_attempt("asked after the doubt wait") for row in closed)


def _told(way: Way, judgement: Judgement) -> Tally:
    """One log line for what was settled, and its count."""
    row, state = judgement.row, judgement.state
    if row.outcome is None:
        if state.situation is Situation.PARKED:
            way.say("order.parked", order_id=row.order_id, reason=state.reason)
        return Tally(in_doubt=1, parked=int(state.situation is Situation.PARKED))
    way.memory.first_saw.pop(row.key, None)
    way.say("doubt.settled", order_id=row.order_id, kind=row.kind, key=row.key, outcome=row.outcome)
    return _tally(row, row.outcome, state)


def _tally(row: LedgerRow, verdict: Outcome, state: OrderState) -> Tally:
    return Tally(
        adopted=int(verdict is Outcome.FOUND and row.kind is Kind.CREATE),
        updated=int(verdict is Outcome.FOUND and row.kind is Kind.UPDATE),
        canceled=int(verdict is Outcome.FOUND and row.kind is Kind.CANCEL),
        retrying=int(state.situation is Situation.RETRYING),
        parked=int(state.situation is Situation.PARKED),
    )
