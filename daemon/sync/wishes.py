"""WISHES: commands that people leave for whoever leads the workspace."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from daemon.domain.ledger import REFUSED, Errand, Wish
from daemon.domain.news import written_again
from daemon.domain.plan import OUTCOME_UNKNOWN, dismissed, is_conflict, wake, with_tell
from daemon.domain.state import OrderState, Situation
from daemon.errors import PoisonRow
from daemon.ports import Transaction
from daemon.sync import backfill
from daemon.sync.asking import cancel, prepare
from daemon.sync.brakes import release
from daemon.sync.gaps import waiting_for
from daemon.sync.pauses import pause, resume
from daemon.sync.refusals import NotYet, Refused, named
from daemon.sync.restore import declare_restored
from daemon.sync.settle import settle
from daemon.sync.way import Way

_NOTHING_TO_DISMISS = {
    Situation.SETTLED: "nothing to dismiss: the ERP has the order as Consentio shows it",
    Situation.BASELINE: "nothing to dismiss: the order is older than going live and never sent",
    Situation.HELD: "nothing to dismiss: the order is not accepted, so nothing is sent of it",
    Situation.DISMISSED: "it is dismissed already",
}

#: Nothing is under way or ahead of them.
_NOTHING_TO_RETRY = (Situation.SETTLED, Situation.DELIVERING, Situation.IN_DOUBT)


async def fulfil(way: Way) -> int:
    """Do what was asked for, oldest first; each wish is answered unless it must wait. Returns how many were."""
    async with way.store.transaction() as tx:
        wishes = await tx.wishes()
    answered = 0
    way.memory.waiting.clear()
    for wish in wishes:
        try:
            outcome = await _fulfil(way, wish)
        except NotYet:
            way.memory.waiting.add(wish.number)
            continue
        async with way.store.transaction() as tx:
            await tx.answer_wish(wish.number, outcome, way.now())
        answered += 1
        way.say("wish.fulfilled", what=wish.what, order_id=wish.order_id, who=wish.who, outcome=outcome)
    return answered


async def is_wished(way: Way) -> bool:
    """Whether there is a wish that the last look did not find waiting."""
    if not (await way.store.glance(way.now())).wishes:
        return False
    async with way.store.transaction() as tx:
        return any(wish.number not in way.memory.waiting for wish in await tx.wishes())


async def _fulfil(way: Way, wish: Wish) -> str:
    try:
        return await _WORKS.get(wish.what, _unknown)(way, wish)
    except Refused as why:
        return f"{REFUSED}{why}"
    except (PoisonRow, ValueError, KeyError) as error:  # another version left it, or the database cannot keep what it says
        return f"{REFUSED}it cannot be understood: {error}"


async def _unknown(_way: Way, wish: Wish) -> str:
    raise Refused(f"this daemon knows no command {wish.what!r}; is it older than the one that left it?")


async def _restored(way: Way, wish: Wish) -> str:
    count = await declare_restored(way, wish.reason or "said by a person")
    return f"{count} order{'' if count == 1 else 's'} will be asked for in the ERP before anything is sent"


async def _retry(way: Way, wish: Wish) -> str:
    """One order, or all that wait for a key."""
    async with way.store.transaction() as tx:
        if wish.argument:
            states = await tx.orders(await waiting_for(tx, wish))
            parked = [state for state in states.values() if state.situation is Situation.PARKED]
            await _try_again(way, tx, wish, parked)
            return f"orders that wait for {wish.argument}: {len(parked)} sent again"
        state = await named(tx, wish)
        stranded = await _stranded(tx, state)
        _require_retriable(way, state, stranded)
        await tx.save_errands(replace(errand, due_at=way.now(), attempts=0) for errand in stranded)
        (woken,) = await _try_again(way, tx, wish, [state])
        return f"{state.situation} before, {woken.situation} now"


async def _stranded(tx: Transaction, state: OrderState) -> list[Errand]:
    return [errand for errand in await tx.errands([state.id]) if errand.due_at is None and errand.done_at is None]


def _require_retriable(way: Way, state: OrderState, stranded: Sequence[Errand]) -> None:
    if state.situation in _NOTHING_TO_RETRY and not state.tell_reason and not stranded:
        raise Refused(f"nothing to retry: the order is {state.situation}")
    if state.situation is Situation.BRAKED:
        raise Refused(f"a brake holds it: see `consentio-sync release {way.workspace}`")
    if state.situation is Situation.PARKED and state.reason == OUTCOME_UNKNOWN:
        raise Refused("nobody can ask the ERP whether the last call arrived: look there, then `consentio-sync settle` it")
    if not state.latest:
        raise Refused(f"nothing to deliver: {state.reason}")


async def _try_again(way: Way, tx: Transaction, wish: Wish, states: Sequence[OrderState]) -> list[OrderState]:
    now = way.now()
    woken = [with_tell(_woken(way, state).evolve(tell_reason="", tell_attempts=0, tell_due_at=None), now) for state in states]
    await tx.save_orders(woken)
    await tx.add_notes(way.note("retried", order_id=state.id, who=wish.who, reason=wish.reason) for state in woken)
    return woken


async def _dismiss(way: Way, wish: Wish) -> str:
    async with way.store.transaction() as tx:
        state = await named(tx, wish)
        if any(row.order_id == state.id for row in await tx.open_rows()):
            raise Refused("a call to the ERP is under way, or nobody knows how it ended: first that is settled")
        if why_not := _NOTHING_TO_DISMISS.get(state.situation):
            raise Refused(why_not)
        await tx.save_orders([dismissed(state, wish.reason)])
        await tx.add_notes([way.note("dismissed", order_id=state.id, who=wish.who, reason=wish.reason)])
    way.say("order.dismissed", order_id=state.id, who=wish.who, reason=wish.reason)
    return f"{state.situation} before, dismissed now" + (f", as revision {state.latest} says it" if state.latest else "")


def _woken(way: Way, state: OrderState) -> OrderState:
    """A person vouches that it is not in the ERP under another name."""
    if is_conflict(state):
        return written_again(state, way.now(), asks=way.erp.capabilities.find != "nothing")
    return wake(state.evolve(met_with_reference=False), way.now()) if state.situation is not Situation.SETTLED else state


#: What each command does; it returns what the person is told.
_WORKS: Mapping[str, Callable[[Way, Wish], Awaitable[str]]] = {
    "cancel": cancel,
    **backfill.WORKS,
    "dismiss": _dismiss,
    "pause": pause,
    "prepare": prepare,
    "release": release,
    "restored": _restored,
    "resume": resume,
    "retry": _retry,
    "settle": settle,
}
