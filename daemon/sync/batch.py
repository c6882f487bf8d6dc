"""One slice's answers on their way into one commit: each element is read, taken, saved and forgotten, a portion at a time."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.domain.content import DIGEST_VERSION, digest
from daemon.domain.ledger import Note, Revision, Stream, Unreadable
from daemon.domain.order import Order
from daemon.domain.plan import is_conflict, is_left_alone, is_too_old, park
from daemon.domain.reading import UNREADABLE, Reading, Taken, Verdict, first, let_through, take
from daemon.domain.state import OrderState, Situation, WorkspaceState
from daemon.domain.tally import Tally
from daemon.domain.window import Slice
from daemon.errors import PoisonRow
from daemon.ports import Answer, Element, Transaction
from daemon.sync.redigest import redigested
from daemon.sync.way import MOST_CONTENTS, Way

#: How many elements are in memory at once, and for how long the loop stands still: a few milliseconds.
_PORTION = 200
_LET_THROUGH = "let through"
_PARKED = "parked"
#: So many digests of unreadable elements are remembered; then they are told again.
_MOST_TOLD = 1_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One answer, with the ordinal of its request."""

    answer: Answer
    ordinal: int


@dataclass(frozen=True, slots=True)
class Vouch:
    """A person's word that orders older than the start wall were not typed in by hand."""

    who: str
    reason: str


@dataclass(slots=True)
class Batch:
    """What one slice said, on its way into one commit."""

    way: Way
    workspace: WorkspaceState
    stream: Stream
    cell: Slice | None
    listed: Sequence[Listed]
    move: dict[Stream, datetime]
    vouch: Vouch | None = None
    #: The ids of every order that was listed.
    ids: set[str] = field(default_factory=set)
    #: What the next save will hold.
    states: dict[str, OrderState] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    revisions: list[Revision] = field(default_factory=list)
    unreadables: list[Unreadable] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    #: The first contents that are due, remembered once all is committed: before, another content may yet get their number.
    contents: list[tuple[tuple[str, int], Order, str]] = field(default_factory=list)
    #: What is told once all is committed.
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    async def record(self) -> Tally:
        """Commit all of it, or, if the database refuses a row, each order by itself (A20)."""
        try:
            return await self._commit(self._portions(), self.move)
        except PoisonRow:
            tally = Tally()
            for pair in [pair for portion in self._portions() for pair in portion]:
                tally += await self._commit_alone(pair)
            self.way.memory.moves.update(self.move)
            return tally

    def _portions(self) -> Iterator[Sequence[tuple[Element, int]]]:
        for each in self.listed:
            elements = each.answer.elements
            for start in range(0, len(elements), _PORTION):
                yield sorted([(element, each.ordinal) for element in elements[start : start + _PORTION]], key=_age)

    async def _commit(self, portions: Iterable[Sequence[tuple[Element, int]]], move: dict[Stream, datetime]) -> Tally:
        self.events.clear()
        self.contents.clear()
        if not any(each.answer.elements for each in self.listed):
            self.way.memory.moves.update(move)
            return Tally()
        tally, is_news = Tally(), False
        async with self.way.store.transaction() as tx:
            for portion in portions:
                tally += await self._take_all(tx, portion)
                is_news = await self._save(tx) or is_news
                await asyncio.sleep(0)  # whatever else waits for the loop has its turn
            if not tally.balances:
                raise AssertionError(f"the {self.stream} run does not balance: {tally.counts()}")
            if is_news:
                await tx.move_cursors({**self.way.memory.moves, **move})
        self._moved(move, is_stored=is_news)
        for revision, order, digest_ in self.contents:
            self.way.memory.contents.keep(revision, order, digest_)
        for event, fields in self.events:
            self.way.say(event, **fields)
        return tally

    def _moved(self, move: dict[Stream, datetime], *, is_stored: bool) -> None:
        """An answer that brought nothing new is not worth a commit: its cursor's move rides along with the next one."""
        if is_stored:
            self.way.memory.moves.clear()
        else:
            self.way.memory.moves.update(move)

    async def _commit_alone(self, pair: tuple[Element, int]) -> Tally:
        element, ordinal = pair
        try:
            return await self._commit([[pair]], {})
        except PoisonRow as error:
            poison = Element(element.raw, None, f"the database refuses it: {error}")
            return await self._commit([[(poison, ordinal)]], {})

    async def _take_all(self, tx: Transaction, portion: Sequence[tuple[Element, int]]) -> Tally:
        for gathered in (self.touched, self.revisions, self.unreadables, self.notes):
            gathered.clear()
        ids = {element.id for element, _ in portion if element.id}
        self.ids |= ids
        self.states = await tx.orders(ids)
        counts, now = Counter({"fetched": len(portion)}), self.way.now()
        for element, ordinal in portion:
            counts[await self._take(tx, element, ordinal, now)] += 1
        fresh = [self.states[new.order_id] for new in self.revisions]
        counts["baseline"] = sum(state.situation is Situation.BASELINE for state in fresh)
        counts["older"] = sum(state.situation is Situation.PARKED and is_too_old(state) for state in fresh)
        counts["parked"] = sum(note.what == _PARKED and note.reason.startswith(UNREADABLE) for note in self.notes)
        vouched = {note.order_id for note in self.notes if note.what == _LET_THROUGH}
        counts["let_through"] = len(vouched)
        counts["referenced"] = sum(state.met_with_reference for state in self.states.values() if state.id in vouched)
        return Tally(**counts)

    async def _save(self, tx: Transaction) -> bool:
        """Whether there was anything to save."""
        if not self.touched and not self.unreadables:
            return False
        await tx.save_orders([self.states[order_id] for order_id in sorted(self.touched)])
        await tx.add_revisions(self.revisions)
        if self.unreadables:
            await tx.add_unreadables(self.unreadables)
        await tx.add_notes(self.notes)
        return True

    async def _take(self, tx: Transaction, element: Element, ordinal: int, now: datetime) -> str:
        """What the element was, in the words of the tally."""
        if element.order is None:
            return self._unreadable(element, ordinal)
        old = self.states.get(element.order.id)
        if old is not None and old.latest_digest_version not in (0, DIGEST_VERSION):
            old = await redigested(tx, self.way.market, old)
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
        self._keep(old, self._vouched(taken, reading, now), reading, now)
        return taken.verdict.value

    def _vouched(self, taken: Taken, reading: Reading, now: datetime) -> Taken:
        if self.vouch is None or not is_too_old(taken.state):
            return taken
        vouch, order_id = self.vouch, taken.state.id
        self.notes.append(self.way.note(_LET_THROUGH, order_id=order_id, who=vouch.who, reason=vouch.reason))
        return let_through(taken, reading, now)

    def _keep(self, old: OrderState | None, taken: Taken, reading: Reading, now: datetime) -> None:
        state = taken.state
        if state == old:
            return
        self.states[state.id] = state
        self.touched.add(state.id)
        if taken.is_revision:
            self.revisions.append(_revision(state, reading, now))
            if state.due_at is not None and len(self.contents) < MOST_CONTENTS:
                self.contents.append(((state.id, state.latest), reading.order, reading.digest))
            if state.situation is not Situation.BASELINE:  # they may be thousands, and are told in one line
                self._tell(taken.verdict, state)
        if state.situation is Situation.PARKED and (old is None or old.situation is not Situation.PARKED):
            self._tell_parked(state.id, state.reason)

    def _tell_parked(self, order_id: str, reason: str) -> None:
        self.notes.append(self.way.note(_PARKED, order_id=order_id, reason=reason))
        self.events.append(("order.parked", {"order_id": order_id, "reason": reason}))

    def _tell(self, verdict: Verdict, state: OrderState) -> None:
        event = "order.recorded" if verdict is Verdict.NEW else "order.changed"
        fields: dict[str, object] = {"order_id": state.id, "revision": state.latest, "status": state.latest_status}
        if state.situation not in ("waiting", "held", "settled"):
            fields |= {"situation": state.situation.value, **({"reason": state.reason} if state.reason else {})}
        self.events.append((event, fields))

    def _unreadable(self, element: Element, ordinal: int) -> str:
        """It parks alone, with its raw bytes; under its id, if it has a usable one."""
        now = self.way.now()
        key = hashlib.sha256(element.raw).hexdigest()
        self.unreadables.append(Unreadable(digest=key, raw=element.raw, error=element.error, seen_at=now))
        if element.id is not None:
            self._park_unreadable(element.id, element, ordinal)
        else:
            self._tell_nameless(key, element.error)
        return "unreadable"

    def _tell_nameless(self, key: str, error: str) -> None:
        """No order can be parked for it, so it is told; once, though it is listed again and again."""
        told = self.way.memory.told_unreadable
        if key in told:
            return
        if len(told) >= _MOST_TOLD:
            told.clear()
        told.add(key)
        self.events.append(("element.refused", {"digest": key, "reason": error}))

    def _park_unreadable(self, order_id: str, element: Element, ordinal: int) -> None:
        new = OrderState(id=order_id, hash_id=element.hash_id, created_at=None, ordinal=ordinal)
        old = self.states.get(order_id, new)
        reason = UNREADABLE + element.error
        parked = old if is_left_alone(old) or is_conflict(old) else park(old, reason)
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
