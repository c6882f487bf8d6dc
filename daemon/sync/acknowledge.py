"""ACKNOWLEDGE: tell Consentio the ERP's references and statuses, then mark edits as seen: last of all (law 5)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from daemon.domain.backoff import backoff
from daemon.domain.keys import random_key
from daemon.domain.ledger import Kind, LedgerRow, Outcome
from daemon.domain.plan import is_ackable
from daemon.domain.state import OrderState
from daemon.domain.tally import Tally
from daemon.errors import RequestRefused
from daemon.ports import Glance, Reference
from daemon.sync.collect import collect_edited
from daemon.sync.way import Way

#: How many orders one push names.
_BATCH = 100
#: So many refused marks are remembered; then all are tried again.
_MOST_REFUSED = 10_000


async def tell_references(way: Way) -> Tally:
    """Push what Consentio does not know yet, in batches; a batch that is refused is tried one by one."""
    tally = Tally()
    while not way.stopping():
        async with way.store.transaction() as tx:
            states = await tx.tellable(way.now(), way.rules.group_size)
        if not states:
            return tally
        tally += await _tell(way, states)
    return tally


async def _tell(way: Way, states: Sequence[OrderState]) -> Tally:
    """One commit for several pushes; what got through is recorded even when the rest is broken off."""
    told: list[OrderState] = []
    sent: list[tuple[OrderState, Reference]] = []
    refused: dict[str, str] = {}
    tally = Tally()
    try:
        for start in range(0, len(states), _BATCH):
            batch = states[start : start + _BATCH]
            news = [(state, reference) for state in batch if not _is_known(state, reference := reference_of(way, state))]
            refused |= await _push(way, [reference for _, reference in news]) if news else {}
            told, sent = told + list(batch), sent + news
    finally:
        if told:
            tally = await _record_told(way, told, sent, refused=refused)
    return tally


def _is_known(state: OrderState, reference: Reference) -> bool:
    """What is spelt as before need not be told again."""
    return (state.told_id, state.told_status) == (reference.external_id, reference.external_status)


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


def reference_of(way: Way, state: OrderState) -> Reference:
    """What Consentio shall know of the order's record, as the operator spells it."""
    status = way.rules.spelling.of(state.erp_status, told=state.told_status)
    return Reference(state.id, state.hash_id, state.erp_number or "", status)


async def _record_told(
    way: Way, states: Sequence[OrderState], sent: Sequence[tuple[OrderState, Reference]], *, refused: Mapping[str, str]
) -> Tally:
    """What was told is what was sent: the order may have moved on meanwhile."""
    done, now = [(state, reference) for state, reference in sent if state.id not in refused], way.now()
    async with way.store.transaction() as tx:
        fresh = await tx.orders(state.id for state in states)
        await tx.save_orders(_told(way, fresh[old.id], reference_of(way, old), refused.get(old.id), now) for old in states)
        again = [(old, reference) for old, reference in done if fresh[old.id].first_told_at is not None]
        await tx.save_rows(_row(way, Kind.REFERENCE, old, reference.external_id, now) for old, reference in again)
    for order_id, reason in refused.items():
        way.say("reference.refused", order_id=order_id, reason=reason)
    return Tally(told=len(done), refused=len(refused))


def _told(way: Way, state: OrderState, sent: Reference, refusal: str | None, now: datetime) -> OrderState:
    if refusal is not None:
        attempts, rules = state.tell_attempts + 1, way.rules
        wait = backoff(attempts, initial=rules.backoff_initial, ceiling=rules.backoff_max)
        due = now + wait if attempts < rules.max_attempts else None
        return state.evolve(tell_attempts=attempts, tell_due_at=due, tell_reason=refusal)
    first: dict[str, object] = {"first_told_id": sent.external_id, "first_told_at": now} if state.first_told_at is None else {}
    told = state.evolve(
        told_id=sent.external_id, told_status=sent.external_status, tell_attempts=0, tell_due_at=None, tell_reason="", **first
    )
    is_current = state.erp_number is None or _is_known(told, reference_of(way, told))
    return told if is_current else told.evolve(tell_due_at=now)


def _row(way: Way, kind: Kind, state: OrderState, record: str | None, now: datetime) -> LedgerRow:
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
