"""ERRANDS: what Consentio is asked to do once: to cancel an order, or to mark it as prepared. Each may be repeated at will.

A refusal backs off by itself and holds up nothing else (A23); what no longer holds when its turn comes is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from daemon.domain.backoff import backoff
from daemon.domain.keys import random_key
from daemon.domain.ledger import Errand, Kind, LedgerRow, Outcome
from daemon.domain.news import TO_BE_DECIDED, may_be_prepared
from daemon.domain.plan import is_conflict, park
from daemon.domain.state import OrderState, Situation
from daemon.domain.tally import Tally
from daemon.errors import MarketplaceUnavailable, RequestRefused
from daemon.ports import Reference
from daemon.sync.way import Way

_BATCH = 100
#: The answer of an errand that was run.
DONE = "done"
#: What Consentio may be asked to cancel.
_CANCELABLE = ("accepted", "pending", "incomplete")


@dataclass(frozen=True, slots=True)
class Moot:
    """There is nothing to ask for any more, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Early:
    """Something else comes first."""


def errand_for(way: Way, state: OrderState, kind: Kind, *, who: str, reason: str) -> Errand:
    """What Consentio shall be asked to do at once, while the order has this record and this content."""
    now = way.now()
    return Errand(
        order_id=state.id,
        kind=kind,
        key=random_key("p" if kind is Kind.PREPARE else "k"),
        who=who,
        reason=reason,
        record=state.erp_record,
        revision=state.wanted,
        made_at=now,
        due_at=now,
    )


async def run_errands(way: Way) -> Tally:
    """Whatever is due, one request each; raises `MarketplaceUnavailable` when Consentio is away."""
    tally = Tally()
    while not way.stopping():
        todo = await _due(way)
        if todo is None:
            break
        for errand, state in todo:
            tally += await _run(way, errand, state)
    return tally


async def _due(way: Way) -> Sequence[tuple[Errand, OrderState]] | None:
    """What is to be asked for now; what is moot or comes too early is recorded as that. None when nothing is due."""
    now, todo, others, left = way.now(), list[tuple[Errand, OrderState]](), list[Errand](), list[OrderState]()
    async with way.store.transaction() as tx:
        due = await tx.due_errands(now, _BATCH)
        states = await tx.orders(errand.order_id for errand in due)
        blocked = {row.order_id for row in await tx.open_rows()} if due else set()
        for errand in due:
            state = states[errand.order_id]
            match _off(way, errand) or judge(errand, state, is_blocked=state.id in blocked):
                case Moot(why):
                    others.append(replace(errand, due_at=None, done_at=now, answer=why))
                    left += [park(state, TO_BE_DECIDED)] if _is_left(errand, state) else []
                case Early():
                    others.append(replace(errand, due_at=now + way.rules.backoff_initial))
                case None:
                    todo.append((errand, state))
        await tx.save_errands(others)
        await tx.save_orders(left)
    for errand in others:
        if errand.done_at is not None:
            way.say("errand.dropped", order_id=errand.order_id, kind=errand.kind, reason=errand.answer)
    for state in left:
        way.say("order.parked", order_id=state.id, reason=state.reason)
    return todo if due else None


def _off(way: Way, errand: Errand) -> Moot | None:
    """What the operator does not want to be done by itself any more is not done, though it was meant to be."""
    rules, is_prepare = way.rules, errand.kind is Kind.PREPARE
    is_on = rules.prepare_on_consentio if is_prepare else rules.cancel_on_consentio
    return None if is_on or errand.who != "daemon" else Moot("it is not done by itself any more: its setting was switched off")


def _is_left(errand: Errand, state: OrderState) -> bool:
    """Nobody asks Consentio to cancel it any more, and the ERP did: a person decides."""
    return errand.kind is Kind.CANCEL_REMOTE and state.situation is Situation.HELD and is_conflict(state)


def judge(errand: Errand, state: OrderState, *, is_blocked: bool) -> Moot | Early | None:
    """Whether the errand still holds; None when it does."""
    if errand.kind is Kind.CANCEL_REMOTE:
        return _judge_cancel(errand, state, is_blocked=is_blocked)
    return _judge_prepare(errand, state)


def _judge_cancel(errand: Errand, state: OrderState, *, is_blocked: bool) -> Moot | Early | None:
    if state.latest_status not in _CANCELABLE:
        return Moot(f"Consentio lists it as {state.latest_status}")
    if errand.who != "daemon":
        return None
    if state.erp_record != errand.record or not is_conflict(state):
        return Moot("the record that was cancelled in the ERP is not the order's any more, or is live again")
    return Early() if state.verify or is_blocked else None


def _judge_prepare(errand: Errand, state: OrderState) -> Moot | Early | None:
    if state.latest_status != "accepted":
        return Moot(f"Consentio lists it as {state.latest_status}")
    if state.hash_id is None:
        return Moot("Consentio never told its hash id, and it is not guessed")
    if errand.who != "daemon":
        return None
    if (state.erp_record, state.wanted) != (errand.record, errand.revision):
        return Moot("the order has changed since it was prepared")
    return None if may_be_prepared(state) and not state.verify else Early()


async def _run(way: Way, errand: Errand, state: OrderState) -> Tally:
    began = way.now()
    try:
        await _ask(way, errand, state)
    except RequestRefused as refusal:
        return await _refused(way, errand, replace(_row(way, errand, state), started_at=began), str(refusal))
    except MarketplaceUnavailable:
        # It may have arrived; others get their turn before it is repeated.
        async with way.store.transaction() as tx:
            await tx.save_errands([replace(errand, due_at=way.now() + way.rules.backoff_initial)])
        raise
    await _done(way, errand, replace(_row(way, errand, state), started_at=began))
    event = "order.prepared" if errand.kind is Kind.PREPARE else "order.canceled_remote"
    way.say(event, order_id=state.id, record=errand.record, who=errand.who, reason=errand.reason)
    return Tally(prepared=1) if errand.kind is Kind.PREPARE else Tally(canceled_remote=1)


async def _ask(way: Way, errand: Errand, state: OrderState) -> None:
    if errand.kind is Kind.PREPARE:
        assert state.hash_id is not None  # noqa: S101 - judged before
        await way.market.prepare(state.hash_id)
        return
    # Said again with the cancel, in case that a request without them takes them away.
    told = state.told_id and Reference(state.id, state.hash_id, state.told_id, state.told_status)
    await way.market.cancel_remote(state.id, state.hash_id, told or None)


async def _done(way: Way, errand: Errand, row: LedgerRow) -> None:
    """Asked and answered. The order is read again soon: Consentio itself says that it is canceled."""
    async with way.store.transaction() as tx:
        await tx.save_errands([replace(errand, due_at=None, done_at=way.now(), attempts=errand.attempts + 1, answer=DONE)])
        await tx.save_rows([row])
        await tx.add_attempts([row.as_attempt("")])
        fresh = (await tx.orders([errand.order_id]))[errand.order_id]
        await tx.save_orders([fresh.evolve(just_seen=way.ordinal())])


async def _refused(way: Way, errand: Errand, row: LedgerRow, reason: str) -> Tally:
    """Again later, with a wait that grows; a person is told when that is over."""
    now, rules, attempts = way.now(), way.rules, errand.attempts + 1
    is_over = attempts >= rules.max_attempts
    wait = backoff(attempts, initial=rules.backoff_initial, ceiling=rules.backoff_max)
    row = replace(row, outcome=Outcome.REJECTED)
    async with way.store.transaction() as tx:
        due = None if is_over else now + wait
        await tx.save_errands([replace(errand, attempts=attempts, due_at=due, answer=reason)])
        await tx.save_rows([row])
        await tx.add_attempts([row.as_attempt(reason)])
        fresh = (await tx.orders([errand.order_id]))[errand.order_id]
        if is_over and is_conflict(fresh) and fresh.situation is Situation.HELD:
            fresh = park(fresh, f"cancelled in the ERP, and Consentio refuses to cancel it: {reason}")
            await tx.save_orders([fresh])
    way.say("errand.refused", order_id=errand.order_id, kind=errand.kind, attempt=attempts, reason=reason, is_over=is_over)
    if fresh.situation is Situation.PARKED and is_over:
        way.say("order.parked", order_id=fresh.id, reason=fresh.reason)
    return Tally(refused=1)


def _row(way: Way, errand: Errand, state: OrderState) -> LedgerRow:
    """Like a reference, it may be repeated at will: so it needs no intent, only a place in the story."""
    return LedgerRow(
        key=errand.key,
        kind=errand.kind,
        order_id=state.id,
        revision=state.latest,
        incarnation=state.incarnation,
        record=errand.record,
        owner=way.store.leadership.owner,
        started_at=errand.made_at,
        finished_at=way.now(),
        outcome=Outcome.DONE,
    )
