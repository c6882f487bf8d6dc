"""COLLECT: from the API into revisions, orders and the cursor, one commit a slice."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.domain.content import DIGEST_VERSION, digest
from daemon.domain.ledger import Note, Revision, Stream, Unreadable
from daemon.domain.plan import is_left_alone, park
from daemon.domain.reading import UNREADABLE, Reading, Taken, Verdict, first, take
from daemon.domain.state import OrderState, Situation, WorkspaceState
from daemon.domain.tally import Tally
from daemon.domain.window import SEAM, Slice, halves, past, slices
from daemon.errors import PoisonRow, SliceUnreadable
from daemon.ports import Answer, Element, Glance, Transaction
from daemon.sync.redigest import redigested
from daemon.sync.way import Way

#: What a window asks for: cancelled orders are listed as such, since absence proves nothing (law 7).
WINDOW_STATUSES = ("accepted", "canceled")

#: How many of the smallest slices may be broken before the API is taken for broken as such: a run must end.
_TOLERATED = 4


@dataclass(frozen=True, slots=True)
class Listed:
    """One answer, with the ordinal of its request."""

    answer: Answer
    ordinal: int


async def collect_window(way: Way, glance: Glance) -> Tally:
    """Accepted and canceled orders since the cursor, less the overlap."""
    now = await way.market.now()
    cursor = past(glance.cursors[Stream.ACCEPTED], now, way.rules.wide_horizon)
    reading = Slices(way, glance.workspace, Stream.ACCEPTED, WINDOW_STATUSES)
    for piece in slices(cursor - way.rules.overlap, now, way.rules.max_window):
        await reading.read(piece)
    return reading.end()


async def collect_edited(way: Way, glance: Glance) -> Tally:
    """Orders edited after acceptance, since the cursor, less the overlap."""
    now = await way.market.now()
    since = past(glance.cursors[Stream.EDITED], now, way.rules.wide_horizon) - way.rules.overlap
    ordinal = way.ordinal()
    answer = await way.market.list_edited(since)
    move = {Stream.EDITED: min(answer.date, await way.market.now())}
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
    #: The ids of every order that was listed.
    listed: set[str] = field(default_factory=set)
    _tally: Tally = field(default_factory=Tally)
    _broken: int = 0

    async def read(self, piece: Slice) -> None:
        """List one slice, once for each status, and record it; halved where its answer is too much or broken (A21)."""
        try:
            listed = [await _listed(self.way, piece, status) for status in self.statuses]
        except SliceUnreadable as error:
            await self._halve(piece, error)
        else:
            self._tally += Tally(requests=len(listed)) + await self._record(piece, listed)

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

    async def _record(self, piece: Slice, listed: Sequence[Listed]) -> Tally:
        self.listed.update(element.id for each in listed for element in each.answer.elements if element.id)
        is_gapless = self.stream is Stream.ACCEPTED and not self._broken
        move = {self.stream: min(piece[1], *(each.answer.date for each in listed))} if is_gapless else {}
        return await Batch(self.way, self.workspace, self.stream, self.way.cell_of(piece), listed, move).record()

    def end(self) -> Tally:
        """What the run brought; raises `SliceUnreadable` if a part of it could not be read."""
        if self._broken:
            raise SliceUnreadable(f"{self._broken} slices cannot be read, however small they are cut")
        return self._tally


async def _listed(way: Way, piece: Slice, status: str) -> Listed:
    ordinal = way.ordinal()
    return Listed(await way.market.list_orders(piece[0] - SEAM, piece[1] + SEAM, status), ordinal)


@dataclass(slots=True)
class Batch:
    """What one slice said, on its way into one commit."""

    way: Way
    workspace: WorkspaceState
    stream: Stream
    cell: Slice | None
    listed: Sequence[Listed]
    move: dict[Stream, datetime]
    #: What the commit will hold.
    states: dict[str, OrderState] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    revisions: list[Revision] = field(default_factory=list)
    unreadables: list[Unreadable] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    async def record(self) -> Tally:
        """Commit all of it, or, if the database refuses a row, each order by itself (A20)."""
        pairs = sorted(self._pairs(), key=_age)
        if not pairs:
            self.way.memory.moves.update(self.move)
            return Tally()
        try:
            return await self._commit(pairs, self.move)
        except PoisonRow:
            tally = Tally()
            for pair in pairs:
                tally += await self._commit_alone(pair)
            self.way.memory.moves.update(self.move)
            return tally

    def _pairs(self) -> Iterable[tuple[Element, int]]:
        return ((element, each.ordinal) for each in self.listed for element in each.answer.elements)

    async def _commit(self, pairs: Sequence[tuple[Element, int]], move: dict[Stream, datetime]) -> Tally:
        self._clear()
        async with self.way.store.transaction() as tx:
            self.states = await tx.orders({element.id for element, _ in pairs if element.id})
            tally = Tally(fetched=len(pairs))
            for element, ordinal in pairs:
                tally += await self._take(tx, element, ordinal)
            if not tally.balances:
                raise AssertionError(f"the {self.stream} run does not balance: {tally.counts()}")
            if self.touched or self.unreadables:
                await self._save(tx, move)
        if not self.touched and not self.unreadables:
            self.way.memory.moves.update(move)
        for event, fields in self.events:
            self.way.say(event, **fields)
        return tally

    async def _commit_alone(self, pair: tuple[Element, int]) -> Tally:
        element, ordinal = pair
        try:
            return await self._commit([pair], {})
        except PoisonRow as error:
            poison = Element(element.raw, None, f"the database refuses it: {error}")
            return await self._commit([(poison, ordinal)], {})

    def _clear(self) -> None:
        self.touched.clear()
        for gathered in (self.revisions, self.unreadables, self.notes, self.events):
            gathered.clear()

    async def _save(self, tx: Transaction, move: dict[Stream, datetime]) -> None:
        await tx.save_orders([self.states[order_id] for order_id in sorted(self.touched)])
        await tx.add_revisions(self.revisions)
        if self.unreadables:
            await tx.add_unreadables(self.unreadables)
        await tx.add_notes(self.notes)
        await tx.move_cursors({**self.way.memory.moves, **move})
        self.way.memory.moves.clear()

    async def _take(self, tx: Transaction, element: Element, ordinal: int) -> Tally:
        if element.order is None:
            return self._unreadable(element, ordinal)
        old = self.states.get(element.order.id)
        if old is not None and old.latest_digest_version not in (0, DIGEST_VERSION):
            old = await redigested(tx, self.way.market, old)
        now = self.way.now()
        reading = Reading(
            order=element.order,
            digest=digest(element.order),
            raw=element.raw,
            ordinal=ordinal,
            stream=self.stream,
            cell=self.cell,
        )
        if old is None or old.latest == 0:
            taken = first(reading, self.workspace, now, edited=old is not None and old.edited)
        else:
            taken = take(old, reading, now, sweep_interval=min(self.way.rules.near_interval, self.way.rules.overlap))
        self._keep(old, taken, reading, now)
        is_baseline = taken.verdict is Verdict.NEW and taken.state.situation is Situation.BASELINE
        return Tally(**{taken.verdict.value: 1}, baseline=int(is_baseline))

    def _keep(self, old: OrderState | None, taken: Taken, reading: Reading, now: datetime) -> None:
        state = taken.state
        if state == old:
            return
        self.states[state.id] = state
        self.touched.add(state.id)
        if taken.is_revision:
            self.revisions.append(_revision(state, reading, now))
            if state.situation is not Situation.BASELINE:  # they may be thousands, and are told in one line
                self._tell(taken.verdict, state)
        if state.situation is Situation.PARKED and (old is None or old.situation is not Situation.PARKED):
            self._tell_parked(state.id, state.reason)

    def _tell_parked(self, order_id: str, reason: str) -> None:
        self.notes.append(self.way.note("parked", order_id=order_id, reason=reason))
        self.events.append(("order.parked", {"order_id": order_id, "reason": reason}))

    def _tell(self, verdict: Verdict, state: OrderState) -> None:
        event = "order.recorded" if verdict is Verdict.NEW else "order.changed"
        fields: dict[str, object] = {"order_id": state.id, "revision": state.latest, "status": state.latest_status}
        if state.situation not in ("waiting", "held", "settled"):
            fields |= {"situation": state.situation.value, **({"reason": state.reason} if state.reason else {})}
        self.events.append((event, fields))

    def _unreadable(self, element: Element, ordinal: int) -> Tally:
        """It parks alone, with its raw bytes; under its id, if it has a usable one."""
        now = self.way.now()
        key = hashlib.sha256(element.raw).hexdigest()
        self.unreadables.append(Unreadable(digest=key, raw=element.raw, error=element.error, seen_at=now))
        if element.id is not None:
            self._park_unreadable(element.id, element, ordinal)
        return Tally(unreadable=1)

    def _park_unreadable(self, order_id: str, element: Element, ordinal: int) -> None:
        new = OrderState(id=order_id, hash_id=element.hash_id, created_at=None, ordinal=ordinal)
        old = self.states.get(order_id, new)
        reason = UNREADABLE + element.error
        parked = old if is_left_alone(old) else park(old, reason)
        state = parked.evolve(edited=old.edited or self.cell is None)
        if state == old:
            return
        self.states[order_id] = state
        self.touched.add(order_id)
        if state.reason == old.reason:
            return
        self._tell_parked(order_id, reason)


def _age(pair: tuple[Element, int]) -> tuple[int, float]:
    """The same id twice in one answer: the newer `updated_at` counts, then the later position (the sort is stable)."""
    element, ordinal = pair
    updated = element.order.updated_at if element.order else None
    return ordinal, updated.timestamp() if updated else 0.0


def _revision(state: OrderState, reading: Reading, now: datetime) -> Revision:
    return Revision(
        order_id=state.id,
        number=state.latest,
        digest=reading.digest,
        digest_version=DIGEST_VERSION,
        status=state.latest_status,
        source_updated_at=reading.order.updated_at,
        found_in=reading.stream.value,
        recorded_at=now,
        raw=reading.raw,
    )
