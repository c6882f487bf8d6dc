"""REPORTS: what the ERP tells by itself, recorded with the cursor behind it, and heard by the order whose present record it is.

News of a record that no order has yet wait for a while: its create may be recorded a moment later. So do those of an order with
an open row, or one that must be verified after a restore.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from daemon.domain.brakes import DAY, WEEK, Brake, Pull
from daemon.domain.ledger import Errand, Heard, Kind, LedgerRow, News, NewsKind
from daemon.domain.news import TO_BE_CANCELED, Heeded, hear, refuse
from daemon.domain.order import Order
from daemon.domain.plan import is_conflict, with_tell
from daemon.domain.state import OrderState, Situation
from daemon.domain.tally import Tally
from daemon.errors import ErpUnavailable, PoisonRow
from daemon.ports import Glance, Reports, Transaction
from daemon.sync.amounts import compared, contents_of
from daemon.sync.ends import tell_parked
from daemon.sync.errands import errand_for
from daemon.sync.way import Way

#: How many news are heard in one commit.
_BATCH = 500

#: How long news wait for a record that no order has. The record of a create in doubt is known once the doubt is settled.
PATIENCE = timedelta(days=2)

#: How far back the ERP is asked for news that it committed late, in seconds.
_REACH_S = 3600.0

#: What the record of an order was cancelled for, on Consentio.
CANCELLED_THERE = "cancelled in the ERP"
_LOOK_AT_THE_ERP = "look at the ERP: the orders are parked, and `cancel` or `retry` says for each of them what shall be"
PREPARED_THERE = "prepared in the ERP"


async def read_reports(way: Way, glance: Glance, *, is_stirred: bool) -> Tally:
    """Record what the ERP tells, and let orders hear it; raises `ErpUnavailable` where it tells nothing.

    `is_stirred`: this cycle changed what the ERP has, so news that wait may have found their order. An answer that holds nothing
    new costs no commit: its cursor rides along with the next one.
    """
    is_time = _is_time(way)
    told = await _ask(way, _since(way, glance, is_time=is_time))
    tally = Tally()
    if not way.memory.told_news.issuperset(told.news) or (glance.news and (is_stirred or is_time)):
        tally = await _hear_all(way, told)
    way.memory.told_news = frozenset(told.news)
    way.memory.reports_cursor = told.cursor
    return tally


def _is_time(way: Way) -> bool:
    """As often as the near past is swept, the ERP is asked for earlier news as well, and news that wait are looked at (A14)."""
    marks, interval = way.memory.reports_marks, way.rules.near_interval.total_seconds()
    return not marks or way.clocks.monotonic() - marks[-1][0] >= interval


def _since(way: Way, glance: Glance, *, is_time: bool) -> str | None:
    """The last cursor; or, when it is time, the one of some time ago."""
    last = way.memory.reports_cursor or glance.workspace.reports_cursor
    if not is_time:
        return last
    now, marks = way.clocks.monotonic(), way.memory.reports_marks
    marks[:] = [*([mark for mark in marks if now - mark[0] <= _REACH_S] or marks[-1:]), (now, last)]
    return marks[0][1]


async def _ask(way: Way, since: str | None) -> Reports:
    """Whatever an adapter raises here, nothing was sent: the ERP tells nothing, and is asked again in the next cycle."""
    try:
        async with asyncio.timeout(way.rules.call_timeout.total_seconds()):
            return await way.erp.reports(since)
    except ErpUnavailable:
        raise
    except Exception as error:
        raise ErpUnavailable(f"the ERP's news cannot be read: {type(error).__name__}: {error}") from error


async def _hear_all(way: Way, told: Reports) -> Tally:
    tally = Tally(news=await _record(way, told))
    while not way.stopping():
        hearing = await _hear(way)
        tally += hearing.told(way)
        if not hearing.batch:
            break
    return tally


async def _record(way: Way, told: Reports) -> int:
    """The news and their cursor, in one commit: neither lost nor doubled, wherever it breaks off."""
    try:
        count = await _commit(way, told.news, told.cursor)
    except PoisonRow:
        count = sum([await _record_alone(way, one) for one in told.news]) + await _commit(way, (), told.cursor)
    if count:
        way.say("news.recorded", count=count)
    return count


async def _record_alone(way: Way, one: News) -> int:
    """News that the database refuses are told, and passed over: they stop no others (A20)."""
    try:
        return await _commit(way, (one,), None)
    except PoisonRow as error:
        way.say("news.discarded", record=one.record, kind=one.kind, reason=str(error))
        return 0


async def _commit(way: Way, news: Sequence[News], cursor: str | None) -> int:
    now = way.now()
    async with way.store.transaction() as tx:
        count = await tx.add_news(news, now)
        await tx.expire_news(now - PATIENCE, now)
        await tx.stamp(collected_at=None, delivered_at=None, acknowledged_at=None, reports_cursor=cursor)
    return count


@dataclass(slots=True)
class Hearing:
    """Some news on their way to their orders, in one commit."""

    way: Way
    batch: Sequence[Heard]
    states: dict[str, OrderState]
    rows: Mapping[str, LedgerRow]
    errands: dict[tuple[str, Kind], Errand]
    #: What the effects carried that the ERP has booked.
    contents: Mapping[tuple[str, int], Order]
    #: Whether Consentio is asked to cancel what the ERP cancelled.
    cancels: bool
    outcomes: dict[Heard, str] = field(default_factory=dict)
    made: list[Errand] = field(default_factory=list)
    before: dict[str, OrderState] = field(default_factory=dict)

    def hear(self) -> None:
        """Every one, as they happened."""
        self.before = dict(self.states)
        for one in self.batch:
            heeded = self._heed(one)
            self.states[one.order_id], self.outcomes[one] = heeded.state, heeded.said
        for order_id, state in self.states.items():
            self._follow(self.before[order_id], state)

    def _heed(self, one: Heard) -> Heeded:
        state, now, news = self.states[one.order_id], self.way.now(), one.news
        if news.kind is NewsKind.REFUSED:
            return self._refused(one)
        if state.erp_record != news.record:
            return Heeded(state, "the order has another record now")
        if news.kind is NewsKind.PREPARED:
            return self._prepared(one)
        heeded = hear(state, news, now, cancels=self.cancels)
        return Heeded(self._compared(heeded.state, news), heeded.said)

    def _compared(self, state: OrderState, news: News) -> OrderState:
        """A total is compared where it was booked for the very effect that the order's revision was written by."""
        row = self.rows.get(news.key or "")
        order = None if row is None or row.revision != state.erp_revision else self.contents.get((state.id, row.revision))
        if news.total is None or order is None or state.is_canceled:
            return state
        return compared(self.way, state, state, order, total=news.total, lines=None)

    def _refused(self, one: Heard) -> Heeded:
        state, now = self.states[one.order_id], self.way.now()
        row = self.rows.get(one.news.key or "")
        if row is None or row.kind not in (Kind.CREATE, Kind.UPDATE, Kind.CANCEL):
            return Heeded(state, "it names no effect of ours")
        by_id = None if self.way.erp.capabilities.numbers_later else row.record
        heeded = refuse(state, row, one.news, number=one.news.number or state.hint or by_id, now=now)
        after = heeded.state
        if after.situation is Situation.PARKED and after.missing:
            after = after.evolve(due_at=now + self.way.rules.missing_recheck)
        return Heeded(with_tell(after, now), heeded.said)

    def _prepared(self, one: Heard) -> Heeded:
        state = self.states[one.order_id]
        heeded = hear(state, one.news, self.way.now(), cancels=False)
        if not self.way.rules.prepare_on_consentio:
            return Heeded(heeded.state, "noted; news.prepare_on_consentio is off")
        if state.is_canceled or is_conflict(state):
            return Heeded(heeded.state, "the order is cancelled")
        known = self.errands.get((state.id, Kind.PREPARE))
        if known is not None and (known.record, known.revision) == (state.erp_record, state.wanted):
            return Heeded(heeded.state, "known")
        self._make(state, Kind.PREPARE, PREPARED_THERE)
        return Heeded(heeded.state, "Consentio is asked to mark it as prepared")

    def _follow(self, before: OrderState, after: OrderState) -> None:
        """Only what holds after the newest news is asked of Consentio."""
        if after.reason == TO_BE_CANCELED and before.reason != TO_BE_CANCELED:
            self._make(after, Kind.CANCEL_REMOTE, CANCELLED_THERE)

    def _make(self, state: OrderState, kind: Kind, reason: str) -> None:
        errand = errand_for(self.way, state, kind, who="daemon", reason=reason)
        self.errands[state.id, kind] = errand
        self.made = [*(one for one in self.made if (one.order_id, one.kind) != (state.id, kind)), errand]

    def told(self, way: Way) -> Tally:
        """One line for each, and the counts."""
        for one, said in self.outcomes.items():
            news = one.news
            way.say("news.heard", order_id=one.order_id, record=news.record, kind=news.kind, status=news.status, outcome=said)
        parked = [state for state in self.states.values() if self._is_parked(state)]
        for state in parked:
            tell_parked(way, state)
        wrong = sum(bool(state.mismatch) and not self.before[state.id].mismatch for state in self.states.values())
        return Tally(heard=len(self.outcomes), parked=len(parked), mismatched=wrong)

    def _is_parked(self, state: OrderState) -> bool:
        return state.situation is Situation.PARKED and self.before[state.id].reason != state.reason


async def _hear(way: Way) -> Hearing:
    async with way.store.transaction() as tx:
        batch = await tx.heard(_BATCH)
        ids = list(dict.fromkeys(one.order_id for one in batch))
        rows = await tx.ledger_rows(_keys(batch))
        errands = {(errand.order_id, errand.kind): errand for errand in await tx.errands(ids)}
        contents = await contents_of(way, tx, _booked(batch, rows))
        pull = await _too_many(way, tx, batch) if way.rules.cancel_on_consentio else None
        cancels = way.rules.cancel_on_consentio and pull is None
        hearing = Hearing(way, batch, await tx.orders(ids), rows, errands, contents, cancels)
        hearing.hear()
        await tx.save_orders(state for state in hearing.states.values() if state != hearing.before[state.id])
        await tx.save_errands(hearing.made)
        await tx.heed(hearing.outcomes, way.now())
    if pull is not None:
        way.say("cancels.held", count=pull.count, limit=pull.limit, listed=pull.listed, remedy=_LOOK_AT_THE_ERP)
    return hearing


async def _too_many(way: Way, tx: Transaction, batch: Iterable[Heard]) -> Pull | None:
    """An ERP that suddenly cancels everything is not followed by itself (A25): counted as cancels in the ERP are."""
    news = {one.order_id for one in batch if one.news.kind is NewsKind.CANCELLED}
    limits, now = way.rules.brakes.cancels, way.now()
    if not news:
        return None
    count = len(news) + await tx.count_errands(Kind.CANCEL_REMOTE, "daemon", since=now - DAY)
    listed = await tx.count_listed(now - WEEK)
    limit = limits.of(listed)
    if limit is None or count <= limit:
        return None
    return Pull(brake=Brake.CANCELS, at=now, count=count, limit=limit, listed=listed)


def _keys(batch: Iterable[Heard]) -> set[str]:
    answers = (one.news for one in batch if one.news.kind is NewsKind.REFUSED or one.news.total is not None)
    return {news.key for news in answers if news.key}


def _booked(batch: Iterable[Heard], rows: Mapping[str, LedgerRow]) -> list[LedgerRow]:
    """The rows of the effects that the ERP tells a total for."""
    told = (rows.get(one.news.key or "") for one in batch if one.news.total is not None)
    return [row for row in told if row is not None]
