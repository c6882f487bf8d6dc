"""PRUNE: forget once a day what nobody needs, a batch a cycle, after all else (law 9 says what stays for good)."""

from datetime import timedelta

from daemon.domain.ledger import Stream
from daemon.domain.tally import Tally
from daemon.domain.window import is_due
from daemon.ports import Glance
from daemon.sync.way import Way

_INTERVAL = timedelta(days=1)
#: How much one commit forgets: less than a tenth of a second, for which other writers wait.
_BATCH = 1_000


async def prune(way: Way, glance: Glance) -> Tally:
    """One batch, in every cycle from a day after the last complete pruning until the next one is complete."""
    now = way.market.last_now()  # never by this machine's clock alone: set forward, it would make everything old
    if now is None or not is_due(glance.cursors.get(Stream.PRUNED), _INTERVAL, now):
        return Tally()
    rules = way.rules
    async with way.store.transaction() as tx:
        count = await tx.prune(payloads_before=now - rules.keep_payloads, history_before=now - rules.keep_history, limit=_BATCH)
        if count < _BATCH:
            await tx.move_cursors({Stream.PRUNED: now})
    return Tally(pruned=count)
