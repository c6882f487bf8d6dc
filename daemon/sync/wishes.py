"""WISHES: commands that people leave for whoever leads the workspace."""

from collections.abc import Awaitable, Callable, Mapping

from daemon.domain.ledger import Wish
from daemon.domain.plan import wake, with_tell
from daemon.domain.state import OrderState, Situation
from daemon.ports import Transaction
from daemon.sync.restore import declare_restored
from daemon.sync.way import Way


async def fulfil(way: Way) -> int:
    """Do what was asked for, oldest first; each wish is answered. Returns how many."""
    async with way.store.transaction() as tx:
        wishes = await tx.wishes()
    for wish in wishes:
        outcome = await _fulfil(way, wish)
        async with way.store.transaction() as tx:
            await tx.answer_wish(wish.number, outcome, way.now())
        way.say("wish.fulfilled", what=wish.what, order_id=wish.order_id, who=wish.who, outcome=outcome)
    return len(wishes)


async def _fulfil(way: Way, wish: Wish) -> str:
    work = _WORKS.get(wish.what)
    return f"unknown wish {wish.what!r}" if work is None else await work(way, wish)


async def _restored(way: Way, wish: Wish) -> str:
    count = await declare_restored(way, wish.reason or "said by a person")
    return f"{count} orders will be asked for in the ERP before anything is sent"


async def _retry(way: Way, wish: Wish) -> str:
    async with way.store.transaction() as tx:
        state = (await tx.orders([wish.order_id or ""])).get(wish.order_id or "")
        if state is None:
            return "no such order"
        return await _retried(way, tx, wish, state)


async def _retried(way: Way, tx: Transaction, wish: Wish, state: OrderState) -> str:
    if state.situation in (Situation.SETTLED, Situation.DELIVERING, Situation.IN_DOUBT) and not state.tell_reason:
        return f"nothing to retry: the order is {state.situation}"
    if not state.latest:
        return f"nothing to deliver: {state.reason}"
    now = way.now()
    # A person vouches that it is not in the ERP under another name.
    woken = wake(state.evolve(met_with_reference=False), now) if state.situation is not Situation.SETTLED else state
    woken = with_tell(woken.evolve(tell_reason="", tell_attempts=0, tell_due_at=None), now)
    await tx.save_orders([woken])
    await tx.add_notes([way.note("retried", order_id=state.id, who=wish.who, reason=wish.reason)])
    return f"{state.situation} before, {woken.situation} now"


#: What each command does; it returns what the person is told.
_WORKS: Mapping[str, Callable[[Way, Wish], Awaitable[str]]] = {"restored": _restored, "retry": _retry}
