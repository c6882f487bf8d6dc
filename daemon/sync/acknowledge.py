"""ACKNOWLEDGE: tell Consentio the ERP's references and statuses, then mark edits as seen: last of all (law 5)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.domain.backoff import backoff
from daemon.domain.keys import random_key
from daemon.domain.ledger import Kind, LedgerRow, Outcome
from daemon.domain.plan import is_ackable
from daemon.domain.state import OrderState, Tellable, Told
from daemon.domain.tally import Tally
from daemon.errors import RequestRefused
from daemon.ports import Glance, Reference
from daemon.sync.collect import collect_edited
from daemon.sync.way import Way

#: How many orders one push names, and of how many one commit records that they were told.
_BATCH, _AT_ONCE = 100, 1_000
#: So many pushes are under way at once: the API reads one while the next is written.
_SIDE_BY_SIDE = 2
#: So many refused marks are remembered; then all are tried again.
_MOST_REFUSED = 10_000


async def tell_references(way: Way) -> Tally:
    """Push what Consentio does not know yet, in batches; a batch that is refused is tried one by one."""
    tally = Tally()
    while not way.stopping():
        async with way.store.transaction() as tx:
            orders = await tx.tellable(way.now(), _AT_ONCE)
        if not orders:
            return tally
        tally += await _tell(way, orders)
    return tally


@dataclass(frozen=True, slots=True)
class _Pushed:
    """What is to be recorded of one push, and its counts."""

    told: Sequence[Told]
    rows: Sequence[LedgerRow]
    tally: Tally


async def _tell(way: Way, orders: Sequence[Tellable]) -> Tally:
    """One commit for several pushes; what got through is recorded even when the rest is broken off."""
    batches = [orders[start : start + _BATCH] for start in range(0, len(orders), _BATCH)]
    done: list[_Pushed] = []
    try:
        for start in range(0, len(batches), _SIDE_BY_SIDE):
            pushes = [_push_batch(way, batch) for batch in batches[start : start + _SIDE_BY_SIDE]]
            outcomes = await asyncio.gather(*pushes, return_exceptions=True)
            done += [outcome for outcome in outcomes if isinstance(outcome, _Pushed)]
            for failure in outcomes:
                if isinstance(failure, BaseException):
                    raise failure
    finally:
        if done:
            await _record_told(way, done)
    return sum((pushed.tally for pushed in done), Tally())


async def _push_batch(way: Way, batch: Sequence[Tellable]) -> _Pushed:
    sent = {order.id: reference for order in batch if not _is_known(order, reference := reference_of(way, order))}
    refused = await _push(way, [*sent.values()]) if sent else {}
    now, got_through = way.now(), [order for order in batch if order.id in sent.keys() - refused.keys()]
    again = [order for order in got_through if order.first_told_at is not None]
    return _Pushed(
        told=[_told(way, order, sent.get(order.id), refused.get(order.id), now) for order in batch],
        rows=[_row(way, Kind.REFERENCE, order, sent[order.id].external_id, now) for order in again],
        tally=Tally(told=len(got_through), refused=len(refused)),
    )


def _is_known(order: Tellable, reference: Reference) -> bool:
    """What is spelt as before need not be told again."""
    return (order.told_id, order.told_status) == (reference.external_id, reference.external_status)


async def _push(way: Way, references: Sequence[Reference]) -> Mapping[str, str]:
    try:
        return await way.market.tell_references(references)
    except RequestRefused as refusal:
        if len(references) == 1:
            return {references[0].order_id: str(refusal)}
    refused: dict[str, str] = {}
    for reference in references:
        refused |= await _push(way, [reference])
    return refused


def reference_of(way: Way, order: Tellable) -> Reference:
    """What Consentio shall know of the order's record, as the operator spells it."""
    status = way.rules.spelling.of(order.erp_status, told=order.told_status)
    return Reference(order.id, order.hash_id, order.erp_number or "", status)


async def _record_told(way: Way, done: Sequence[_Pushed]) -> None:
    told = [order for pushed in done for order in pushed.told]
    async with way.store.transaction() as tx:
        await tx.save_told(told)
        await tx.save_rows(row for pushed in done for row in pushed.rows)
    for order in told:
        if order.tell_reason:
            way.say("reference.refused", order_id=order.id, reason=order.tell_reason)


def _told(way: Way, order: Tellable, sent: Reference | None, refusal: str | None, now: datetime) -> Told:
    """What was told is what was sent; None where that was known already."""
    if refusal is not None:
        attempts, rules = order.tell_attempts + 1, way.rules
        wait = backoff(attempts, initial=rules.backoff_initial, ceiling=rules.backoff_max)
        due = now + wait if attempts < rules.max_attempts else None
        return replace(order.as_told(), tell_attempts=attempts, tell_due_at=due, tell_reason=refusal)
    if sent is None:
        return order.as_told()
    is_first = order.first_told_at is None
    return Told(
        id=order.id,
        told_id=sent.external_id,
        told_status=sent.external_status,
        first_told_id=sent.external_id if is_first else order.first_told_id,
        first_told_at=now if is_first else order.first_told_at,
    )


def _row(way: Way, kind: Kind, state: OrderState | Tellable, record: str | None, now: datetime) -> LedgerRow:
    """A push that is done: it may be repeated at will, so it needs no intent, only a place in the story."""
    return LedgerRow(
        key=random_key("r" if kind is Kind.REFERENCE else "s"),
        kind=kind,
        order_id=state.id,
        revision=state.erp_revision or state.latest,
        incarnation=state.incarnation,
        record=record,
        owner=way.store.leadership.owner,
        started_at=now,
        finished_at=now,
        outcome=Outcome.DONE,
    )


async def mark_seen(way: Way, glance: Glance) -> Tally:
    """Acknowledge the edits that the ERP has. The edited list is read again right before, so that little is swallowed (A17)."""
    if way.stopping() or not await _ackable(way):
        return Tally()
    tally = await collect_edited(way, glance)
    after = ""
    while not way.stopping() and (states := await _ackable(way, after)):
        tally += await _mark(way, states)
        after = states[-1].id
    return tally


async def _ackable(way: Way, after: str = "") -> list[OrderState]:
    """The next batch whose `seen` may be sent, by id."""
    async with way.store.transaction() as tx:
        blocked = {row.order_id for row in await tx.open_rows()}
        while marked := await tx.edited_marks(_BATCH, after):
            if ready := [state for state in marked if is_ackable(state) and state.id not in blocked and _is_due(way, state)]:
                return ready
            after = marked[-1].id
    return []


def _is_due(way: Way, state: OrderState) -> bool:
    """A mark that was refused waits for its next try."""
    _, due = way.memory.refused_marks.get(state.id, (0, 0.0))
    return way.clocks.monotonic() >= due


async def _mark(way: Way, states: Sequence[OrderState]) -> Tally:
    try:
        await way.market.mark_seen([(state.id, state.hash_id) for state in states])
    except RequestRefused as refusal:
        if len(states) == 1:
            _put_off(way, states[0])
            way.say("seen.refused", order_id=states[0].id, reason=str(refusal))
            return Tally(refused=1)
        tally = Tally()
        for state in states:
            tally += await _mark(way, [state])
        return tally
    await _record_seen(way, states)
    return Tally(seen=len(states))


def _put_off(way: Way, state: OrderState) -> None:
    """Remembered by this process alone: the edited list goes on naming the order, and a restart may as well try again."""
    refused, rules = way.memory.refused_marks, way.rules
    if len(refused) >= _MOST_REFUSED:
        refused.clear()
    attempts = refused.get(state.id, (0, 0.0))[0] + 1
    wait = backoff(attempts, initial=rules.backoff_initial, ceiling=rules.backoff_max)
    refused[state.id] = attempts, way.clocks.monotonic() + wait.total_seconds()


async def _record_seen(way: Way, states: Sequence[OrderState]) -> None:
    now, ordinal = way.now(), way.ordinal()
    async with way.store.transaction() as tx:
        fresh = await tx.orders(state.id for state in states)
        await tx.save_orders(
            state.evolve(edited=False, just_seen=ordinal, seen_at=now, seen_revision=state.latest) for state in fresh.values()
        )
        await tx.save_rows(_row(way, Kind.SEEN, state, state.erp_record, now) for state in states)
    for state in states:
        way.memory.refused_marks.pop(state.id, None)
        way.say("edit.seen", order_id=state.id, revision=state.latest)
