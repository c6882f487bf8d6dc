"""COLLECT: from the API into revisions, orders and the cursor, one commit a slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon.domain.ledger import Stream
from daemon.domain.state import WorkspaceState
from daemon.domain.tally import Tally
from daemon.domain.window import SEAM, Slice, halves, past, slices
from daemon.errors import SliceUnreadable
from daemon.ports import Glance
from daemon.sync.batch import Batch, Listed, Vouch
from daemon.sync.relief import Relief
from daemon.sync.way import Said, Way

#: What a window asks for: cancelled orders are listed as such, since absence proves nothing (law 7).
WINDOW_STATUSES = ("accepted", "canceled")

#: How many of the smallest slices may be broken before the API is taken for broken as such: a run must end.
_TOLERATED = 4


async def collect_window(way: Way, glance: Glance, relief: Relief) -> Tally:
    """Accepted and canceled orders since the cursor, less the overlap."""
    now = await way.market.now()
    cursor = past(glance.cursors[Stream.ACCEPTED], now, way.rules.wide_horizon)
    reading = Slices(way, glance.workspace, Stream.ACCEPTED, WINDOW_STATUSES)
    for piece in slices(cursor - way.rules.overlap, now, way.rules.max_window):
        await reading.read(piece)
        await relief.after(reading.tally)
    return reading.end()


async def collect_edited(way: Way, glance: Glance) -> Tally:
    """Orders edited after acceptance, since the cursor, less the overlap."""
    now = await way.market.now()
    cursor = past(glance.cursors[Stream.EDITED], now, way.rules.wide_horizon)
    ordinal = way.ordinal()
    answer = await way.market.list_edited(cursor - way.rules.overlap)
    # No sweep lists an edit again, so a Date that runs ahead must not carry the cursor over one: this machine's clock bounds it.
    move = {Stream.EDITED: min(answer.date, await way.market.now(), max(way.clocks.wall(), cursor))}
    if answer.elements:
        way.memory.said.clear()  # what the slices said of these orders may be old now
    batch = Batch(way, glance.workspace, Stream.EDITED, None, [Listed(answer, ordinal)], move)
    return Tally(requests=1) + await batch.record()


@dataclass(slots=True)
class Slices:
    """A run of slices, oldest first; each is recorded in a commit of its own.

    One that cannot be read, however small it is cut, stops no other: the run fails at its `end`, and the cursor stays before it.
    """

    way: Way
    workspace: WorkspaceState
    stream: Stream
    statuses: Sequence[str]
    vouch: Vouch | None = None
    #: The ids of every order that was listed.
    listed: set[str] = field(default_factory=set)
    #: What the slices brought so far.
    tally: Tally = field(default_factory=Tally)
    _broken: int = 0

    async def read(self, piece: Slice) -> None:
        """List one slice, once for each status, and record it; halved where its answer is too much or broken (A21)."""
        try:
            listed = {status: await _listed(self.way, piece, status) for status in self.statuses}
        except SliceUnreadable as error:
            await self._halve(piece, error)
        else:
            brought = await self._record(piece, listed)
            self.tally += Tally(requests=len(listed)) + brought

    async def _halve(self, piece: Slice, error: SliceUnreadable) -> None:
        parts = halves(piece)
        if parts is None:
            self._broken += 1
            if self._broken > _TOLERATED:
                raise error
            return
        self.way.say("slice.halved", stream=self.stream, start=piece[0], end=piece[1])
        for part in parts:
            await self.read(part)

    async def _record(self, piece: Slice, listed: Mapping[str, Listed]) -> Tally:
        is_gapless = self.stream is Stream.ACCEPTED and not self._broken
        move = {self.stream: min(piece[1], *(each.answer.date for each in listed.values()))} if is_gapless else {}
        known = self._said_before(piece, listed)
        fresh = [each for status, each in listed.items() if status not in known]
        batch = Batch(self.way, self.workspace, self.stream, self.way.cell_of(piece), fresh, move, self.vouch)
        tally = await batch.record()
        self.listed.update(batch.ids, *known.values())
        if tally.new == tally.fetched > 0:
            ids = frozenset(batch.ids)
            prints = {status: each.answer.fingerprint for status, each in listed.items()}
            said = {(piece, status): Said(said, ids) for status, said in prints.items() if said}
            self.way.memory.said.update(said)
        unchanged = sum(len(listed[status].answer.elements) for status in known)
        return tally + Tally(fetched=unchanged, unchanged=unchanged)

    def _said_before(self, piece: Slice, listed: Mapping[str, Listed]) -> dict[str, frozenset[str]]:
        """The ids in those answers that say, byte for byte, what this very collecting heard a moment ago: nothing new.

        The first sweep after a first start, or a long outage, asks again for what the window has just read.
        """
        said = self.way.memory.said
        return {
            status: before.ids
            for status, each in listed.items()
            if (before := said.get((piece, status))) and before.fingerprint == each.answer.fingerprint
        }

    def end(self) -> Tally:
        """What the run brought; raises `SliceUnreadable` if a part of it could not be read."""
        if self._broken:
            raise SliceUnreadable(f"{self._broken} slices cannot be read, however small they are cut")
        return self.tally


async def _listed(way: Way, piece: Slice, status: str) -> Listed:
    ordinal = way.ordinal()
    return Listed(await way.market.list_orders(piece[0] - SEAM, piece[1] + SEAM, status), ordinal)
