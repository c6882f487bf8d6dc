"""A person asks Consentio for something by way of the daemon: to cancel an order, or to mark it as prepared."""

from daemon.domain.ledger import Kind, Wish
from daemon.domain.state import OrderState, Situation
from daemon.ports import Transaction
from daemon.sync.errands import DONE, errand_for
from daemon.sync.refusals import Refused, named
from daemon.sync.way import Way


async def cancel(way: Way, wish: Wish) -> str:
    """Consentio is asked to cancel; what that means for the ERP follows when Consentio says so itself."""
    async with way.store.transaction() as tx:
        state = await named(tx, wish)
        _require_ours(state)
        if state.latest_status == "canceled":
            raise Refused("Consentio lists it as canceled already")
        await _send(way, tx, wish, state, Kind.CANCEL_REMOTE)
    return f"Consentio is asked to cancel it; {_aftermath(state)}"


def _aftermath(state: OrderState) -> str:
    if state.erp_record is None:
        return "the ERP has no record of it"
    name = state.erp_number or state.erp_record
    if state.erp_cancelled:
        return f"its record {name} is cancelled in the ERP already"
    return f"once Consentio lists it as canceled, its record {name} is cancelled in the ERP, too"


async def prepare(way: Way, wish: Wish) -> str:
    """Consentio is asked to mark every item as prepared, whatever the ERP says."""
    async with way.store.transaction() as tx:
        state = await named(tx, wish)
        _require_ours(state)
        if state.latest_status != "accepted":
            raise Refused(f"only accepted orders are prepared, and Consentio lists it as {state.latest_status}")
        if state.hash_id is None:
            raise Refused("Consentio never told its hash id, which the request needs")
        done = [errand for errand in await tx.errands([state.id]) if errand.kind is Kind.PREPARE and errand.answer == DONE]
        if done and done[0].revision == state.wanted:
            raise Refused(f"it was marked as prepared at {done[0].done_at:%Y-%m-%d %H:%M:%S} UTC already")
        await _send(way, tx, wish, state, Kind.PREPARE)
    return "Consentio is asked to mark every item of it as prepared; that cannot be taken back"


def _require_ours(state: OrderState) -> None:
    if state.situation is Situation.BASELINE:
        raise Refused("it is older than going live, and this daemon leaves it alone: do it on Consentio")
    if not state.latest:
        raise Refused(f"it cannot be read: {state.reason}")


async def _send(way: Way, tx: Transaction, wish: Wish, state: OrderState, kind: Kind) -> None:
    """A person's word takes the place of the daemon's own errand."""
    await tx.save_errands([errand_for(way, state, kind, who=wish.who, reason=wish.reason)])
    await tx.add_notes([way.note(f"{wish.what} wished", order_id=state.id, who=wish.who, reason=wish.reason)])
