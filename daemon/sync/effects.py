"""EFFECTS: find before every create, do a group side by side, and record the ends in one commit (laws 2, 3 and 4)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from daemon.domain.ledger import Kind, LedgerRow, Outcome
from daemon.domain.state import Situation
from daemon.domain.tally import Tally
from daemon.errors import Ambiguous, ErpUnavailable, PoisonRow
from daemon.ports import Effect, Record
from daemon.sync.calls import Late, Result, apply, find_many
from daemon.sync.ends import answer_text, end_of, left_alone, not_asked, told
from daemon.sync.intents import End, Found, Group, NotOurs, look_ahead
from daemon.sync.way import Way

#: Outcomes are flushed at least this often while a group is under way, in seconds (A22).
_FLUSH_S = 1.0

#: A smaller group is likely to be the last one.
_LOOK_AHEAD_FROM = 100


async def carry_out(way: Way, group: Group) -> Tally:
    """Find before every create, then do the rest."""
    ends = await _find_first(way, group)
    group.forgotten = [
        intent.row.order_id for intent in group.intents if intent.is_first and isinstance(ends.get(intent.row.key), Found)
    ]
    if group.forgotten:
        # This database forgot something: nothing is sent before one doubt wait has passed.
        ends = {intent.row.key: Late() for intent in group.intents} | ends
    tally = await record_ends(way, group, ends)
    todo = [intent.effect for intent in group.intents if intent.row.key not in ends]
    if not todo:
        return tally
    async with _looking_ahead(way, len(todo)):
        return tally + await _do(way, group, todo)


@asynccontextmanager
async def _looking_ahead(way: Way, count: int) -> AsyncIterator[None]:
    """A full group is followed by another one: its contents are read meanwhile. What goes wrong there is met when needed."""
    if count < _LOOK_AHEAD_FROM:
        yield
        return
    ahead = asyncio.create_task(look_ahead(way, count))
    try:
        yield
    except BaseException:
        ahead.cancel()
        raise
    finally:
        await asyncio.gather(ahead, return_exceptions=True)


async def _find_first(way: Way, group: Group) -> dict[str, End]:
    creates = [intent for intent in group.intents if intent.row.kind is Kind.CREATE]
    can_ask = way.erp.capabilities.find != "nothing"
    answers = await find_many(way, [intent.row.key for intent in creates] if can_ask else [])
    ends: dict[str, End] = {key: _found(answer) for key, answer in answers.items()}
    missing = [intent.row.key for intent in creates if intent.must_exist and intent.row.key not in ends]
    return ends | {key: NotOurs("the ERP has nothing under this key, but Consentio a reference") for key in missing}


def _found(answer: Result) -> End:
    """A question that failed sent nothing, so its intent is withdrawn; an outage stays an outage."""
    if isinstance(answer, Record):
        return Found(answer)
    return answer if isinstance(answer, Ambiguous | ErpUnavailable) else Late(not_asked(answer))


async def _do(way: Way, group: Group, effects: Sequence[Effect]) -> Tally:
    def begin() -> None:
        if way.stopping() or way.clocks.boot() - group.leased_at > way.rules.lease.total_seconds():
            raise Late

    tally, ends = Tally(), dict[str, End]()
    flushed_at = way.clocks.monotonic()
    try:
        async for key, result in apply(way, effects, begin):
            ends[key] = result
            if way.clocks.monotonic() - flushed_at >= _FLUSH_S:
                batch, ends = ends, {}
                tally += await record_ends(way, group, batch)
                flushed_at = way.clocks.monotonic()
    finally:
        # What is known to have happened is recorded even when the rest is broken off.
        tally += await record_ends(way, group, ends)
    return tally


async def record_ends(way: Way, group: Group, ends: Mapping[str, End]) -> Tally:
    """Record how these effects ended, in one commit; or, if the database refuses a row, each by itself (A20)."""
    if not ends:
        return Tally()
    try:
        return await _record_ends(way, group, ends)
    except PoisonRow:
        if len(ends) == 1:
            raise
    tally = Tally()
    for key, end in ends.items():
        tally += await record_ends(way, group, {key: end})
    return tally


async def _record_ends(way: Way, group: Group, ends: Mapping[str, End]) -> Tally:
    counts, closed, now = Counter[str](), list[tuple[LedgerRow, End]](), way.now()
    intents = {key: group.named(key) for key in ends}
    async with way.store.transaction() as tx:
        states = await tx.orders(intent.row.order_id for intent in intents.values())
        workspace = await tx.workspace()
        for key, end in ends.items():
            row = intents[key].row
            state, verdict = end_of(way, workspace, states[row.order_id], intents[key], end, now=now)
            states[row.order_id] = state
            if verdict is not None:
                record = row.record or state.erp_record
                closed.append((replace(row, outcome=verdict, finished_at=now, record=record), end))
            counts.update(told(way, row, state, verdict, end))
        await tx.save_orders(states.values())
        await tx.close_rows([intents[row.key].remembered(row) for row, _ in closed])
        await tx.add_attempts([row.as_attempt(answer_text(end)) for row, end in closed if not _says_it_all(row)])
        others = [states[row.order_id] for row, end in closed if isinstance(end, NotOurs)]
        await tx.add_notes(left_alone(way, state) for state in others if state.situation is Situation.BASELINE)
    group.is_late = group.is_late or any(isinstance(end, Late) for end in ends.values())
    group.away = next((answer_text(end) for end in ends.values() if isinstance(end, ErpUnavailable)), group.away)
    return Tally(**counts)


def _says_it_all(closed: LedgerRow) -> bool:
    """A try that did what it was to do is told by its row alone: when, and with which record. Almost every try is one."""
    return closed.outcome is Outcome.DONE
