"""RESTORES: this database may be an older copy, or have been lost. What it forgot is asked for before anything is sent (A6)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.domain import outcome
from daemon.domain.keys import create_key
from daemon.domain.ledger import LedgerRow
from daemon.domain.news import withdrawn
from daemon.domain.plan import AMBIGUOUS, Plan, is_conflict, park, plan, steer, with_tell
from daemon.domain.state import OLDER_THAN_WALL, OrderState
from daemon.domain.tally import Tally
from daemon.errors import Ambiguous, ErpUnavailable
from daemon.ports import Record
from daemon.sync.calls import Result, find_many, is_away
from daemon.sync.ends import naming, not_asked
from daemon.sync.intents import NOTHING_LEFT
from daemon.sync.way import Way

#: No restore was said, and no later record came up: somebody at the ERP did it.
CANCELLED_THERE = "the ERP does not hold our record any more, or cancelled it"

#: A create was sent and nobody can be asked for it.
MAY_BE_THERE = "canceled, but it may be in the ERP: nobody knows whether its create arrived"

#: How many incarnations beyond the known one are asked for.
FURTHER = 2


async def declare_restored(way: Way, why: str) -> int:
    """From now on every ERP revision is unknown, and nothing is asked of or sent to the ERP before one doubt wait has passed."""
    async with way.store.transaction() as tx:
        count = await tx.unknown_all()
        state = await tx.workspace()
        await tx.save_workspace(replace(state, restored_at=way.now(), restore_open=True))
        await tx.add_notes([way.note("restored", reason=why)])
    way.memory.saw_restore = None
    way.say("database.restored", reason=why, orders=count, wait_s=way.rules.doubt_wait.total_seconds())
    return count


async def is_quiet(way: Way) -> bool:
    """Whether a restore still asks for silence; ends it when its doubt wait is over."""
    now = way.clocks.monotonic()
    if way.memory.saw_restore is None:
        way.memory.saw_restore = now
    if now - way.memory.saw_restore < way.rules.doubt_wait.total_seconds():
        return True
    async with way.store.transaction() as tx:
        await tx.save_workspace(replace(await tx.workspace(), restore_open=False))
    way.memory.saw_restore = None
    way.say("restore.ended")
    return False


async def verify(way: Way, states: Sequence[OrderState]) -> tuple[Tally, bool]:
    """Which of this and the next incarnations is live? Also returns whether a record came up that this database never knew."""
    if way.erp.capabilities.find == "nothing":
        answers: Mapping[str, Result] = {}
    else:
        answers = await find_many(way, [key for state in states for key in _keys(way, state)])
    if is_away(answers, len(states) * (1 + FURTHER)):
        await _postpone(way, states)
        raise ErpUnavailable
    tally, surprised = Tally(), False
    async with way.store.transaction() as tx:
        fresh = await tx.orders(state.id for state in states)
        workspace = await tx.workspace()
        for state in states:
            before = fresh[state.id]
            after = _verified(way, before, [answers.get(key) for key in _keys(way, before)])
            surprised = surprised or (after.incarnation, after.erp_record) != (before.incarnation, before.erp_record)
            fresh[state.id] = after
            tally += Tally(adopted=int(after.erp_record not in (None, before.erp_record)))
        await tx.save_orders(fresh.values())
    return tally, surprised and workspace.restored_at is None


def _keys(way: Way, state: OrderState) -> list[str]:
    return [create_key(way.workspace, state.id, state.incarnation + further) for further in range(FURTHER + 1)]


def _verified(way: Way, state: OrderState, answers: Sequence[Result | None]) -> OrderState:
    """The order after its incarnations were asked for: the live one is adopted, two are ambiguous, none frees the next key.

    Whatever wakes an ambiguous order, its incarnations are asked for again.
    """
    now = way.now()
    if any(isinstance(answer, Ambiguous) for answer in answers):
        return park(state, f"{AMBIGUOUS}the ERP holds two records with one key")
    if error := next((answer for answer in answers if isinstance(answer, Exception)), None):
        return outcome.postponed(state, now, way.rules.backoff_initial, not_asked(error))
    live = [(further, answer) for further, answer in enumerate(answers) if isinstance(answer, Record) and answer.live]
    if len(live) > 1:
        return park(state, f"{AMBIGUOUS}records {', '.join(record.id for _, record in live)} are live")
    if live:
        further, record = live[0]
        return _verified_live(way, state, further, record)
    return _verified_gone(
        way, state, last=max((further for further, answer in enumerate(answers) if answer is not None), default=-1)
    )


def _verified_gone(way: Way, state: OrderState, *, last: int) -> OrderState:
    """None of its records is live; `last` is how many incarnations on the last one is that the ERP knows, -1 for none."""
    now = way.now()
    if state.reason == OLDER_THAN_WALL:
        return park(state.evolve(verify=False), OLDER_THAN_WALL)
    if is_conflict(state):
        return withdrawn(state.evolve(verify=False), cancels=way.rules.cancel_on_consentio)
    if way.erp.capabilities.find == "nothing":
        return with_tell(steer(state.evolve(verify=False), now), now)
    if last < 1 and state.erp_record is not None and state.erp_revision is not None and not state.is_canceled:
        gone = state.evolve(verify=False, erp_cancelled=True)
        return park(gone, f"{CANCELLED_THERE}: {state.erp_record}; Consentio names {state.hint}")
    return outcome.met_cancelled(state, now, further=last + 1)


def _verified_live(way: Way, state: OrderState, further: int, record: Record) -> OrderState:
    now = way.now()
    if further == 0 and record.id == state.erp_record and state.erp_revision is not None and not state.erp_cancelled:
        named = naming(way, state, record)
        known = state.evolve(verify=False, erp_number=named["number"], erp_status=named["status"] or state.erp_status)
        return with_tell(steer(known, now), now)
    moved = state.evolve(incarnation=state.incarnation + further, body_revision=0 if further else state.body_revision)
    return outcome.adopted(moved, **naming(way, moved, record), now=now)


async def ask(way: Way, states: Sequence[OrderState]) -> tuple[Tally, list[str]]:
    """Find before an order without a record is settled as canceled. Returns the orders whose record had been forgotten, too."""
    keys = {create_key(way.workspace, state.id, state.incarnation): state.id for state in states}
    answers = await find_many(way, list(keys)) if way.erp.capabilities.find != "nothing" else {}
    if is_away(answers, len(keys)):
        await _postpone(way, states)
        raise ErpUnavailable
    forgotten: list[str] = []
    tally = Tally()
    async with way.store.transaction() as tx:
        fresh = await tx.orders(keys.values())
        known = await tx.ledger_rows(keys)
        for key, order_id in keys.items():
            if plan(fresh[order_id]) is Plan.ASK:
                fresh[order_id] = _asked(way, fresh[order_id], answers.get(key), was_sent=_may_be_left(known.get(key)))
            if isinstance(answers.get(key), Record) and key not in known:
                forgotten.append(order_id)
            tally += Tally(adopted=int(fresh[order_id].erp_record is not None))
        await tx.save_orders(fresh.values())
    return tally, forgotten


async def _postpone(way: Way, states: Sequence[OrderState]) -> None:
    """Others come first: the ERP may be away for these records only."""
    async with way.store.transaction() as tx:
        fresh = await tx.orders(state.id for state in states)
        why = not_asked(ErpUnavailable())
        await tx.save_orders(outcome.postponed(state, way.now(), way.rules.backoff_initial, why) for state in fresh.values())


def _may_be_left(row: LedgerRow | None) -> bool:
    """Whether a create under this key may have left a record."""
    return row is not None and row.outcome not in NOTHING_LEFT


def _asked(way: Way, state: OrderState, answer: Result | None, *, was_sent: bool) -> OrderState:
    now, can = way.now(), way.erp.capabilities
    if was_sent and can.find == "nothing" and can.refuses_second_key:
        return park(state, MAY_BE_THERE)  # its doubt was settled by sending again, which a canceled order is not
    if isinstance(answer, Ambiguous):
        return park(state, f"{AMBIGUOUS}{answer}")
    if isinstance(answer, Exception):
        return outcome.postponed(state, now, way.rules.backoff_initial, not_asked(answer))
    if answer is None:
        return outcome.met_nothing(state, now)
    if not answer.live:
        return outcome.met_nothing(outcome.met_cancelled(state, now), now)
    return outcome.adopted(state, **naming(way, state, answer), now=now)
