"""Why a wish is not fulfilled, and the order that it names."""

from daemon.domain.ledger import Wish
from daemon.domain.state import OrderState
from daemon.ports import Transaction


class Refused(Exception):
    """The wish makes no sense now; its text says why, and what to do instead."""


class NotYet(Exception):
    """The wish must wait: it is looked at again in the next cycle."""


async def named(tx: Transaction, wish: Wish) -> OrderState:
    """The order that the wish names."""
    state = (await tx.orders([wish.order_id or ""])).get(wish.order_id or "")
    if state is None:
        raise Refused("no such order")
    return state
