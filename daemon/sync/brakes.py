"""BRAKES: a marketplace that suddenly cancels or changes everything is heard, and not obeyed before a person has looked (A25).

What counts and why is said in `daemon.domain.brakes`. Counted is all that is due, before the first effect, together with what was
done within a day: neither one big batch nor a trickle passes. Collecting goes on.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from daemon.domain.brakes import WEEK, Brake, Pull
from daemon.domain.ledger import Wish
from daemon.domain.plan import brake_of, braked, wake
from daemon.domain.state import OrderState
from daemon.ports import Glance, Transaction
from daemon.sync.refusals import Refused
from daemon.sync.way import Way

_ALL = 1_000_000


@dataclass(slots=True)
class Guard:
    """Stands before the effects of one run of deliver; within it a backlog only shrinks, so it is counted once."""

    way: Way
    _counted: set[Brake] = field(default_factory=set)
    #: Brakes that were pulled, to be told once their commit is done.
    _pulled: list[Pull] = field(default_factory=list)
    _held: list[OrderState] = field(default_factory=list)

    def count_again(self) -> None:
        """Answers of the ERP have brought more to do."""
        self._counted.clear()

    async def let_through(self, tx: Transaction, states: Sequence[OrderState]) -> list[OrderState]:
        """The orders that may have their effects; the others are held, in this very commit."""
        asking = {state.id: brake for state in states if (brake := brake_of(state)) is not None}
        for brake in set(asking.values()) - self._counted - self.way.memory.brakes.pulls.keys():
            await self._count(tx, brake)
        pulls = self.way.memory.brakes.pulls
        held = [braked(state, f"the brake on {asking[state.id]}") for state in states if asking.get(state.id) in pulls]
        if held:
            await tx.save_orders(held)
            self._held += held
            await tx.add_notes(self.way.note("braked", order_id=state.id, reason=pulls[asking[state.id]].words) for state in held)
        return [state for state in states if asking.get(state.id) not in pulls]

    async def _count(self, tx: Transaction, brake: Brake) -> None:
        self._counted.add(brake)
        workspace, now, limits = await tx.workspace(), self.way.now(), self.way.rules.brakes.of(brake)
        count = await tx.count_braked(brake, since=workspace.brake.counts_since(brake, now), now=now)
        if count <= limits.floor:
            return
        listed = await tx.count_listed(now - WEEK)
        limit = limits.of(listed)
        if limit is None or count <= limit:
            return
        pull = Pull(brake=brake, at=now, count=count, limit=limit, listed=listed)
        brakes = workspace.brake.pulled(pull)
        await tx.save_workspace(replace(workspace, brake=brakes))
        await tx.add_notes([self.way.note("brake pulled", reason=f"{brake}: {pull.words}")])
        self.way.memory.brakes = brakes
        self._pulled.append(pull)

    def tell(self) -> None:
        """What was committed since the last time."""
        for pull in self._pulled:
            self.way.say(
                "brake.pulled",
                brake=pull.brake.value,
                count=pull.count,
                limit=pull.limit,
                listed=pull.listed,
                remedy=f"look at Consentio, then at `consentio-sync release {self.way.workspace} {pull.brake}`",
            )
        for state in self._held:
            self.way.say("order.braked", order_id=state.id, reason=state.reason)
        self._pulled.clear()
        self._held.clear()


async def ease(way: Way, glance: Glance) -> None:
    """A brake that holds no order any more, because Consentio took it all back, is let go. Costs nothing while none is pulled."""
    way.memory.brakes = brakes = glance.workspace.brake
    if not brakes:
        return
    async with way.store.transaction() as tx:
        idle = [brake for brake in brakes.pulls if not await tx.braked(brake, 1)]
        for brake in idle:
            brakes = brakes.eased(brake)
        if idle:
            await tx.save_workspace(replace(await tx.workspace(), brake=brakes))
            await tx.add_notes(way.note("brake eased", reason=f"{brake}: it holds no order any more") for brake in idle)
    way.memory.brakes = brakes
    for brake in idle:
        way.say("brake.eased", brake=brake.value)


def set_of(brake: Brake, states: Sequence[OrderState]) -> str:
    """A set of held orders and their revisions, as the argument of a wish to release them."""
    return json.dumps({"brake": brake, "orders": {state.id: state.wanted for state in states}})


async def release(way: Way, wish: Wish) -> str:
    """Let go of the orders that the person saw, with the content that they had; what came later counts anew."""
    try:
        argument = json.loads(wish.argument)
        brake, seen = Brake(argument["brake"]), dict(argument["orders"])
    except (ValueError, TypeError, KeyError):
        raise Refused("no such set of orders") from None
    async with way.store.transaction() as tx:
        workspace, now = await tx.workspace(), way.now()
        if brake not in workspace.brake.pulls:
            raise Refused(f"nothing to release: the brake on {brake} is not pulled")
        held = await tx.braked(brake, _ALL)
        brakes = workspace.brake.released(brake, now)
        await _let_go(way, tx, held, seen, wish)
        await tx.save_workspace(replace(workspace, brake=brakes))
    way.memory.brakes = brakes
    count = sum(_was_seen(state, seen) for state in held)
    way.say("brake.released", brake=brake.value, orders=count, who=wish.who)
    later = f"; {len(held) - count} that came later count anew" if len(held) > count else ""
    return f"{count} {brake} released{later}"


async def _let_go(way: Way, tx: Transaction, held: Sequence[OrderState], seen: Mapping[str, int], wish: Wish) -> None:
    now = way.now()
    woken = [wake(state, now) for state in held]
    await tx.save_orders(state.evolve(released=state.wanted) if _was_seen(state, seen) else state for state in woken)
    notes = [way.note("released", order_id=s.id, who=wish.who, reason=wish.reason) for s in held if _was_seen(s, seen)]
    await tx.add_notes(notes)


def _was_seen(state: OrderState, seen: Mapping[str, int]) -> bool:
    return seen.get(state.id) == state.wanted
