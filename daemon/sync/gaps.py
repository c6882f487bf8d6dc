"""GAPS: a key that the ERP does not know is one work item, however many orders wait for it.

Compared by level: what the orders wait for, and which gaps were told. Nothing is asked of the database while nothing happened.
"""

from daemon.domain.ledger import Wish
from daemon.ports import Transaction
from daemon.sync.refusals import Refused
from daemon.sync.way import Way


async def tell_gaps(way: Way) -> None:
    """One line for each key that orders wait for by now, and one for each that none waits for any more."""
    now = way.now()
    async with way.store.transaction() as tx:
        waited_for, known = await tx.waited_for(), await tx.known_gaps()
        found, closed = sorted(waited_for.keys() - known), sorted(known.keys() - waited_for)
        if found or closed:
            await tx.save_gaps(found, closed, since=now)
    for key in found:
        remedy = f"make it known in the ERP, then `consentio-sync retry --missing {key}`; it is also tried again by itself"
        way.say("gap.found", key=key, orders=waited_for[key], remedy=remedy)
    for key in closed:
        way.say("gap.closed", key=key, since=known[key])


async def waiting_for(tx: Transaction, wish: Wish) -> list[str]:
    """The orders that wait for the key that the wish names."""
    ids = await tx.waiting_for(wish.argument)
    if not ids:
        raise Refused(f"no order waits for {wish.argument}; `consentio-sync gaps` says for what they do")
    return ids
