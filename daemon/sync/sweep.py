"""SWEEPS read their horizon again: dates only say where to look, and the content decides (law 6).

The near sweep keeps the last days and every unfinished order fresh; the wide one finds the rest. Both list pending orders too,
and both end ahead of now, in case the API's date filter reads the delivery date (A13).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain.ledger import Stream
from daemon.domain.tally import Tally
from daemon.domain.window import Slice, cells, is_due
from daemon.errors import RequestRefused, SliceUnreadable, SweepEmpty
from daemon.ports import Glance
from daemon.sync.collect import Slices
from daemon.sync.way import Way

SWEEP_STATUSES = ("pending", "accepted", "canceled")

#: However long an order stays unsettled, no sweep reaches further than this for it.
WIDE_CAP = timedelta(days=60)


async def sweep(way: Way, glance: Glance) -> Tally:
    """Whichever sweep is due; the wide one covers the near one."""
    now = await way.market.now()
    cursors, rules = glance.cursors, way.rules
    # A wide sweep that broke does not keep the near one from its turn.
    may_be_wide = is_due(way.memory.wide_broke_at, rules.near_interval, now)
    if may_be_wide and is_due(cursors.get(Stream.WIDE), rules.wide_interval, now):
        return await _wide(way, glance, now)
    if is_due(cursors.get(Stream.NEAR), rules.near_interval, now):
        return await _near(way, glance, now)
    return Tally()


async def _near(way: Way, glance: Glance, now: datetime) -> Tally:
    """The days around now, and every slice that last listed an unfinished order: ahead of them, too (A13)."""
    near = list(cells(now - way.rules.near_horizon, now + way.rules.near_horizon, way.rules.max_window))
    async with way.store.transaction() as tx:
        watched = await tx.watched_slices(now + WIDE_CAP)
    reading = Slices(way, glance.workspace, Stream.NEAR, SWEEP_STATUSES)
    tally = await Sweep(way, reading, now).read(sorted({*near, *watched}))
    await _require_listed(way, reading, near[0][0])
    async with way.store.transaction() as tx:
        await tx.move_cursors({Stream.NEAR: now})
    return tally


async def _wide(way: Way, glance: Glance, now: datetime) -> Tally:
    """It counts only when all of its slices were read."""
    async with way.store.transaction() as tx:
        watched = await tx.watched_slices(now)
    start = _reach(way, glance, now, watched)
    pieces = list(cells(start, now + way.rules.wide_horizon, way.rules.max_window))
    reading = Slices(way, glance.workspace, Stream.WIDE, SWEEP_STATUSES)
    try:
        tally = await Sweep(way, reading, now).read(pieces)
        await _require_listed(way, reading, pieces[0][0])
    except SliceUnreadable:
        way.memory.wide_broke_at = now
        raise
    tally += await _count_missing(way, pieces, reading.listed)
    async with way.store.transaction() as tx:
        await tx.move_cursors({Stream.WIDE: now, Stream.NEAR: now})
        state = await tx.workspace()
        if state.inventory_at is None:
            await tx.save_workspace(replace(state, inventory_at=now))
    return tally


async def _require_listed(way: Way, reading: Slices, start: datetime) -> None:
    """A sweep that suddenly finds nothing is no sweep: it does not count, and is told (A25). An empty window is normal."""
    known = 0
    if not reading.listed:
        async with way.store.transaction() as tx:
            known = await tx.count_listed(start)
    if known <= way.rules.brakes.floor:
        way.memory.told_empty = False
        return
    if not way.memory.told_empty:
        way.memory.told_empty = True
        way.say("sweep.emptied", stream=reading.stream, known=known, remedy=SweepEmpty.remedy)
    raise SweepEmpty(f"the {reading.stream} sweep listed nothing, where {known} orders had been listed")


def _reach(way: Way, glance: Glance, now: datetime, watched: list[Slice]) -> datetime:
    """Back over the horizon, from the last complete sweep or the first start, and to the oldest unsettled order."""
    last = glance.cursors.get(Stream.WIDE) or glance.workspace.start_wall or now
    reach = min([now, last, *(piece[0] + way.rules.wide_horizon for piece in watched)]) - way.rules.wide_horizon
    cap = now - max(WIDE_CAP, way.rules.wide_horizon)
    if reach < cap and not way.memory.told_cut:
        way.memory.told_cut = True
        way.say("sweep.cut", wanted=reach, start=cap, remedy="orders older than this need a backfill")
    return max(reach, cap)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep under way."""

    way: Way
    reading: Slices
    now: datetime

    async def read(self, pieces: Iterable[Slice]) -> Tally:
        """Every piece; raises `SliceUnreadable` at the end if one could not be read."""
        for start, end in pieces:
            await (self._read_ahead(start, end) if end > self.now else self.reading.read((start, end)))
        return self.reading.end()

    async def _read_ahead(self, start: datetime, end: datetime) -> None:
        """A piece that ends in the future: cut at now once the API was found to refuse it."""
        memory = self.way.memory
        if not memory.future_refused:
            try:
                await self.reading.read((start, end))
            except RequestRefused as refusal:
                memory.future_refused = True
                self.way.say("sweep.shortened", reason=f"the API refuses a range that ends in the future: {refusal}")
        if memory.future_refused and start < self.now:
            await self.reading.read((start, self.now))


async def _count_missing(way: Way, pieces: list[Slice], listed: set[str]) -> Tally:
    """Orders that these cells once listed and no cell lists any more: counted and told, never cancelled (law 7)."""
    missing: list[str] = []
    async with way.store.transaction() as tx:
        for piece in pieces:
            missing += [order_id for order_id in await tx.ids_in_slice(*piece) if order_id not in listed]
    if missing:
        way.say("orders.missing", count=len(missing), order_ids=sorted(missing)[:10])
    return Tally(missing=len(missing))
