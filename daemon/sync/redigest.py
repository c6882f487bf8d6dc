"""After an upgrade whose digest says something else: contents are compared by digesting them anew, never by old digests (A19)."""

from daemon.domain.content import DIGEST_VERSION, digest
from daemon.domain.ledger import Revision
from daemon.domain.state import OrderState
from daemon.ports import Marketplace, Transaction


async def redigested(tx: Transaction, market: Marketplace, state: OrderState) -> OrderState:
    """The same order with today's digests; a payload that was pruned or cannot be read counts as changed."""
    numbers = {state.latest, state.wanted, state.erp_revision or 0} - {0}
    kept = await tx.revisions((state.id, number) for number in numbers)
    today = {number: _digest(market, kept[state.id, number]) for number in numbers if (state.id, number) in kept}
    return state.evolve(
        latest_digest_version=DIGEST_VERSION,
        latest_digest=today.get(state.latest, state.latest_digest),
        wanted_digest=today.get(state.wanted, state.wanted_digest),
        erp_digest=today.get(state.erp_revision or 0, state.erp_digest),
    )


def _digest(market: Marketplace, revision: Revision) -> str:
    if revision.raw is None:
        return revision.digest
    try:
        return digest(market.read(revision.raw))
    except ValueError:
        return revision.digest
