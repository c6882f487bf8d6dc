"""SETTLE: a person says what the ERP holds of an order, where the daemon cannot ask it: one record, or none.

The word is about the ERP as it is now, whatever the doubt was about: `--as ABSENT` of a cancel means that it is done.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.domain import outcome
from daemon.domain.ledger import Kind, LedgerRow, Outcome, Wish
from daemon.domain.plan import ALREADY_REFERENCED, AMBIGUOUS, OUTCOME_UNKNOWN, steer
from daemon.domain.state import OLDER_THAN_WALL, OrderState, Situation
from daemon.ports import Record, Transaction
from daemon.sync.doubts import can_be_asked, digests_of, is_ripe
from daemon.sync.ends import naming
from daemon.sync.refusals import NotYet, Refused, named
from daemon.sync.restore import MAY_BE_THERE
from daemon.sync.way import Way

ABSENT = "absent"

#: Parked without an open row, and yet a record may be there.
_MAYBE_THERE = frozenset({ALREADY_REFERENCED, OLDER_THAN_WALL, MAY_BE_THERE})


@dataclass(frozen=True, slots=True)
class Case:
    """What there is to settle: an order, its open row if it has one, and the digest of the content that the row carries."""

    state: OrderState
    row: LedgerRow | None
    digest: str = ""


async def settle(way: Way, wish: Wish) -> str:
    """The doubt is closed by a person's word; the record is adopted, or the order is free to be sent once more."""
    async with way.store.transaction() as tx:
        before = await _case(tx, wish)
    _require_sense(way, before, wish)
    record = None if wish.argument == ABSENT else await _looked_at(way, wish.argument)
    async with way.store.transaction() as tx:
        case = await _case(tx, wish)
        if case != before:
            raise Refused("the order moved on meanwhile; look at it again")
        if record is not None:
            await _require_free(tx, case, record)
        state, verdict = _settled(way, case, record)
        await _record(way, tx, wish, case=case, state=state, verdict=verdict)
    way.say("order.settled", order_id=state.id, who=wish.who, reason=wish.reason, said=wish.argument, situation=state.situation)
    return f"{before.state.situation} before, {state.situation} now"


async def _case(tx: Transaction, wish: Wish) -> Case:
    state = await named(tx, wish)
    row = next((row for row in await tx.open_rows() if row.order_id == state.id), None)
    digests = await digests_of(tx, [row]) if row else {}
    return Case(state, row, next(iter(digests.values()), ""))


def _require_sense(way: Way, case: Case, wish: Wish) -> None:
    state, row = case.state, case.row
    if row is None:
        _require_question(state, wish)
    elif row.kind is Kind.UPDATE:
        raise Refused("nothing to settle: after an update in doubt the whole content is sent again")
    elif can_be_asked(way.erp.capabilities, row.kind):
        raise Refused("nothing to settle: the ERP can be asked, and is, as soon as it answers")
    elif not is_ripe(way, row):
        raise NotYet


def _require_question(state: OrderState, wish: Wish) -> None:
    is_ambiguous = state.reason.startswith(AMBIGUOUS)
    if state.situation is not Situation.PARKED or not (is_ambiguous or state.reason in _MAYBE_THERE):
        raise Refused(f"nothing to settle: the order is {state.situation}, and there is no doubt about its record")
    if wish.argument != ABSENT or state.reason == MAY_BE_THERE:
        return
    if is_ambiguous:
        raise Refused("remove the records in the ERP, or settle it as one of them: the ERP would find them again")
    raise Refused("to send it nevertheless, `consentio-sync retry` it")


async def _looked_at(way: Way, record: str) -> Record:
    """The record that a person named, if the ERP has it; taken at their word where it cannot be read."""
    if not way.erp.capabilities.read:
        return Record(id=record)
    try:
        async with asyncio.timeout(way.rules.call_timeout.total_seconds()):
            found = await way.erp.read(record)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises is an answer
        raise Refused(f"the ERP could not be asked for record {record}: {error or type(error).__name__}") from None
    if found is None:
        raise Refused(f"the ERP has no record {record}")
    if not found.live:
        raise Refused(f"record {record} is cancelled in the ERP: if there is no other, settle the order as {ABSENT}")
    return found


async def _require_free(tx: Transaction, case: Case, record: Record) -> None:
    others = [holder for holder in await tx.holders(record.id) if holder != case.state.id]
    if others:
        raise Refused(f"record {record.id} is that of order {', '.join(others)}")


def _settled(way: Way, case: Case, record: Record | None) -> tuple[OrderState, Outcome | None]:
    now, row = way.now(), case.row
    state = _freed(case.state)
    if record is not None:
        verdict = Outcome.ABSENT if row and row.kind is Kind.CANCEL else Outcome.FOUND
        adopted = outcome.adopted(state.evolve(met_with_reference=False), **naming(way, state, record), now=now)
        return adopted, verdict if row else None
    if row is None:
        return outcome.met_nothing(state, now), None
    if row.kind is Kind.CANCEL:
        return outcome.canceled(state, row, digest=case.digest, now=now), Outcome.FOUND
    return _sent_again(state, now), Outcome.ABSENT


def _freed(state: OrderState) -> OrderState:
    """Parked for want of an answer, or not at all: the answer frees it. What else it is parked for still holds."""
    is_over = state.reason == OUTCOME_UNKNOWN or state.reason.startswith(AMBIGUOUS) or state.reason in _MAYBE_THERE
    return state.evolve(situation=Situation.IN_DOUBT, reason="") if is_over else state


def _sent_again(state: OrderState, now: datetime) -> OrderState:
    """Nothing arrived: one more attempt, at once."""
    return steer(outcome.freed(state).evolve(attempts=state.attempts + 1), now)


async def _record(way: Way, tx: Transaction, wish: Wish, *, case: Case, state: OrderState, verdict: Outcome | None) -> None:
    said = f"as {wish.argument}: {wish.reason}"
    await tx.save_orders([state])
    await tx.add_notes([way.note("settled", order_id=state.id, who=wish.who, reason=said)])
    if case.row is None or verdict is None:
        return
    closed = replace(case.row, record=case.row.record or state.erp_record, outcome=verdict, finished_at=way.now())
    await tx.save_rows([closed])
    await tx.add_attempts([closed.as_attempt(f"settled by {wish.who} {said}")])
    way.memory.first_saw.pop(closed.key, None)
