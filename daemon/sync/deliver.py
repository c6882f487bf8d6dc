"""DELIVER: whatever the ERP lacks, level by level: doubts first, then what must be asked, then effects in groups."""

from collections.abc import Sequence

from daemon.domain.plan import Plan, plan
from daemon.domain.state import OrderState, Situation
from daemon.domain.tally import Tally
from daemon.errors import ErpUnavailable
from daemon.ports import Glance
from daemon.sync.brakes import Guard
from daemon.sync.doubts import settle_doubts
from daemon.sync.effects import carry_out
from daemon.sync.intents import Group, intend
from daemon.sync.restore import ask, declare_restored, is_quiet, verify
from daemon.sync.way import Way
from daemon.sync.wishes import is_wished

#: How many intents an adapter that is called one by one gets at once, for each lane: more would outlive their lease.
_PER_LANE = 4

#: An ERP that answers too slowly for the lease of a group is offered half as many orders, and more again in the next cycle.
_MOST_HALVINGS = 9

#: Less than this part of a group is a small remainder: a group costs its flushes and commits, however many are in it.
_REMAINDER = 4

#: How long a cycle goes on, in seconds, with an ERP that gets nothing done: collecting waits for it.
_PATIENCE_S = 60.0

#: How often, in seconds, a long delivery looks up for what people wish: a pause is obeyed between two groups.
_LOOK_UP_S = 1.0


async def deliver(way: Way, glance: Glance, *, more_comes: bool = False) -> Tally:
    """Close the difference between what is wanted and what the ERP has; raises `ErpUnavailable` when the ERP is away.

    `more_comes`: a small remainder waits, and goes with what comes.
    """
    if glance.workspace.restore_open and await is_quiet(way):
        return Tally()
    way.memory.halvings = max(way.memory.halvings - 1, 0)
    settled, outage = await _settled(way) if glance.open_rows else (Tally(), None)
    done, outage = await _deliver_due(way, outage, more_comes=more_comes)
    if outage is not None:
        raise outage
    return settled + done


async def _deliver_due(way: Way, outage: ErpUnavailable | None, *, more_comes: bool) -> tuple[Tally, ErpUnavailable | None]:
    """Group by group; an ERP that was away when it was asked (`outage`) may be so for some records only: one more call tells."""
    began = looked_at = way.clocks.monotonic()
    tally, guard = Tally(), Guard(way)
    while not way.stopping():
        try:
            group, done = await _turn(way, guard, more_comes=more_comes)
        except ErpUnavailable as error:
            if outage is not None:
                raise
            outage, way.memory.erp_is_away = error, True
            continue
        tally += done
        if group is None or (_is_fruitless(done) and way.clocks.monotonic() - began > _PATIENCE_S):
            break
        way.memory.halvings = min(way.memory.halvings + int(group.is_late), _MOST_HALVINGS)
        way.memory.erp_is_away = bool(group.away)
        if group.away:
            raise ErpUnavailable(group.away)
        if group.forgotten:
            await declare_restored(way, f"the ERP holds a record of order {group.forgotten[0]} that this database never knew")
            break
        if way.clocks.monotonic() - looked_at > _LOOK_UP_S:
            looked_at = way.clocks.monotonic()
            if await is_wished(way):
                break
    return tally, outage


async def _settled(way: Way) -> tuple[Tally, ErpUnavailable | None]:
    """An ERP that is away when it is asked about doubts may be so for their records only: what is due is tried all the same."""
    try:
        return await settle_doubts(way), None
    except ErpUnavailable as outage:
        return Tally(), outage


async def _turn(way: Way, guard: Guard, *, more_comes: bool) -> tuple[Group | None, Tally]:
    """One group: what is due, asked or done. None when nothing is due, or a restore was noticed."""
    group, passing, limit = Group(), list[OrderState](), _limit(way)
    async with way.store.transaction() as tx:
        due = [_rechecked(state) for state in await tx.due(way.now(), limit)]
        if more_comes and len(due) * _REMAINDER < limit:
            return None, Tally()
        unasked = [state for state in due if state.verify or plan(state) is Plan.ASK]
        # Whatever woke it, its open row comes first (A7): `intend` leaves it in doubt.
        blocked = {row.order_id for row in await tx.open_rows()} if unasked else set()
        questions = [state for state in unasked if state.id not in blocked]
        if due and not questions:
            passing = await guard.let_through(tx, due)
            group = await intend(way, tx, passing)
        # Before the commit: a process that freezes behind it may find that another one leads, and has asked (A5).
        group.leased_at = way.clocks.boot()
    guard.tell()
    if questions:
        guard.count_again()
        return await _questions(way, questions)
    tally = Tally(braked=len(due) - len(passing))
    return (group, tally + await carry_out(way, group)) if due else (None, Tally())


def _rechecked(state: OrderState) -> OrderState:
    """An order parked for missing keys is due again by itself: perhaps somebody has mapped them."""
    return state.evolve(situation=Situation.WAITING) if state.situation is Situation.PARKED else state


async def _questions(way: Way, states: Sequence[OrderState]) -> tuple[Group | None, Tally]:
    unverified = [state for state in states if state.verify]
    if unverified:
        tally, surprised = await verify(way, unverified)
        group = Group(forgotten=[unverified[0].id] if surprised else [])
        return group, tally
    tally, forgotten = await ask(way, states)
    return Group(forgotten=forgotten), tally


def _limit(way: Way) -> int:
    can = way.erp.capabilities
    if can.find == "nothing" or way.memory.erp_is_away:
        return 1  # nothing may be left in doubt that a person must settle, and one call is enough to hear whether the ERP is back
    if can.group_size > 1:
        most = min(can.group_size, way.rules.group_size)
    else:
        most = max(1, min(can.concurrency, way.rules.concurrency)) * _PER_LANE
    return max(1, most >> way.memory.halvings)


def _is_fruitless(done: Tally) -> bool:
    return done.created + done.updated + done.canceled + done.adopted + done.parked + done.braked == 0
