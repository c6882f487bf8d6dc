"""AMOUNTS: after each write, what the ERP booked is compared with the order; what differs is told, and parks if so configured.

The write stands all the same. A parked order is in the ERP, and its reference is told; its edits are not marked as seen before a
person has looked. `retry` accepts it as it is; a newer content is delivered, and compared again.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal

from daemon.domain.amounts import Booked, mismatches
from daemon.domain.ledger import LedgerRow
from daemon.domain.order import Order
from daemon.domain.plan import park
from daemon.domain.state import OrderState, Situation
from daemon.ports import Transaction
from daemon.sync.way import Way

WRONG_AMOUNTS = "the ERP booked otherwise: "
_LONGEST = 500


async def contents_of(way: Way, tx: Transaction, rows: Iterable[LedgerRow]) -> dict[tuple[str, int], Order]:
    """What these effects carried; what is no longer kept or readable is left out."""
    contents = {}
    for pair, revision in (await tx.revisions((row.order_id, row.revision) for row in rows)).items():
        with suppress(ValueError):
            if revision.raw is not None:
                contents[pair] = way.market.read(revision.raw)
    return contents


def compared(
    way: Way, before: OrderState, after: OrderState, order: Order, *, total: Decimal | None, lines: Sequence[Booked] | None
) -> OrderState:
    """The order after a write (`after`; `before` it), with what was booked otherwise; told once for each revision."""
    amounts = way.rules.amounts
    if not amounts.check or (total is None and lines is None):
        return after
    words = "; ".join(mismatches(order, total=total, lines=lines, tolerance=amounts.tolerance))[:_LONGEST]
    if words and (words != before.mismatch or before.erp_revision not in (None, after.erp_revision)):
        way.say("amount.mismatched", order_id=after.id, record=after.erp_record, revision=after.erp_revision, difference=words)
    state = after.evolve(mismatch=words)
    return park(state, WRONG_AMOUNTS + words) if words and amounts.park and state.situation is Situation.SETTLED else state
