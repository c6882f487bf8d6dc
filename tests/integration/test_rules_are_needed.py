"""Each rule is there because the promise breaks without it: the rule is taken away, and its schedule must notice.

A schedule that still held without its rule would test nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.domain import outcome, reading
from daemon.domain.ledger import Kind, LedgerRow, NewsKind, Outcome
from daemon.domain.order import Status
from daemon.domain.plan import settled, steer
from daemon.domain.state import QUIET, OrderState
from daemon.domain.tally import Tally
from daemon.errors import ErpUnavailable, StoreUnavailable
from daemon.ports import Record
from daemon.store import news, orders, tables, workspaces
from daemon.store.store import SqlTransaction
from daemon.sync import acknowledge, batch, collect, cycle, deliver, doubts, effects, ends, intents, reports, sweep
from daemon.sync.restore import declare_restored
from daemon.sync.way import Rules, Way
from daemon.testing import FakeErpSettings, Oddities, StillUnderWay
from tests.support.torture.process import Process
from tests.support.torture.sqlite import backup, without_threads
from tests.support.torture.stage import Scenery, Stage
from tests.support.world import Crash, World, world


def edit(w: World, order_id: str, amount: int, **fields: Any) -> None:
    w.clock.advance(1)
    w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], amount=Decimal(amount)),), **fields)


def once(call: str, happen: Callable[[], None]) -> Callable[[str], None]:
    """A hook for the first such call."""
    left = [1]

    def hook(what: str) -> None:
        if left[0] and what.startswith(call):
            left[0] = 0
            happen()

    return hook


def lost() -> None:
    raise ConnectionResetError


def under_way() -> None:
    raise StillUnderWay


# ---- the schedules: each asserts the promise at its end


async def a_lost_database(url: str, folder: Any) -> None:
    async with world(url) as w:
        order_id = w.market.place()
        await w.cycle()
        await w.stop()
        w.url = f"sqlite:///{folder}-another.db"
        w.rules = Rules(initial_lookback=timedelta(days=2))
        # The reference was never told, so that the reading gives no hint.
        w.market.edit(order_id, external_id=None, external_status=None)
        await w.start()
        await w.live_on(1)
        await w.assert_promise(order_id)


async def a_create_that_lands_late(url: str, _: Any) -> None:
    async with world(url) as w:
        w.use_hooks(erp=once("before create", under_way))
        order_id = w.market.place()
        await w.cycle(3, after=20)
        w.erp.land()
        await w.live_on(1)
        await w.assert_promise(order_id)


async def a_create_whose_answer_is_lost(url: str, _: Any) -> None:
    async with world(url) as w:
        w.use_hooks(erp=once("after create", lost))
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 12)
        await w.live_on(1)
        await w.assert_promise(order_id)


async def an_update_in_doubt_and_an_edit_back(url: str, _: Any) -> None:
    async with world(url) as w:
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=once("after update", lost))
        edit(w, order_id, 12)
        await w.cycle()
        edit(w, order_id, 10)
        await w.live_on(1)
        await w.assert_promise(order_id)


async def canceled_and_accepted_again(url: str, _: Any) -> None:
    async with world(url, erp=FakeErpSettings(refuses_second_key=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        w.market.cancel(order_id)
        await w.cycle(2)
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.live_on(1)
        await w.assert_promise(order_id)


async def a_cancel_on_no_list(url: str, _: Any) -> None:
    async with world(url, oddities=Oddities(edited_lists_cancels=False)) as w:
        order_id = w.market.place()
        await w.cycle()
        w.market.cancel(order_id)
        await w.live_on(1)
        await w.assert_promise(order_id)


async def a_to_b_and_back_to_a(url: str, _: Any) -> None:
    async with world(url) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 12)
        edit(w, order_id, 10)
        await w.live_on(1)
        assert not w.market.unseen(order_id), "an edit was never marked as seen"


async def a_stamp_that_runs_backwards(url: str, _: Any) -> None:
    async with world(url) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 3, updated_at=w.clock.now() - timedelta(minutes=3))
        await w.live_on(1)
        await w.assert_promise(order_id)


async def an_old_edit_that_a_seen_swallowed(url: str, _: Any) -> None:
    async with world(url, oddities=Oddities(filter_by="created")) as w:
        order_id = w.market.place()
        await w.cycle()
        await w.cycle(5, after=86_400)
        edit(w, order_id, 12)
        w.use_hooks(market=once("before seen", lambda: edit(w, order_id, 13)))
        await w.cycle(14)
        await w.assert_promise(order_id)


async def a_database_that_fails_after_a_listing(url: str, _: Any) -> None:
    async with world(url, rules=Rules(near_interval=timedelta(days=1), wide_interval=timedelta(days=2))) as w:
        order_id = w.market.place()
        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(orders, "save", _fail)
            with pytest.raises(StoreUnavailable):
                await w.cycle(after=3_600)
        await w.restart()
        await w.cycle(2, after=3_600)
        async with w.way.store.transaction() as tx:
            assert order_id in await tx.orders([order_id]), f"order {order_id} is unknown here"
        await w.assert_promise(order_id)


async def _fail(*_: object) -> None:
    raise StoreUnavailable


async def an_edit_that_moves_no_stamp(url: str, _: Any) -> None:
    async with world(url, oddities=Oddities(filter_by="created", stamp_stands_still=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 12)
        await w.live_on(1)
        await w.assert_promise(order_id)


async def a_crash_right_after_a_create(url: str, _: Any) -> None:
    async with world(url, erp=FakeErpSettings(find="nothing", read=False)) as w:
        order_id = w.market.place()

        def die() -> None:
            w.doors.break_at = w.doors.passed
            w.doors.knock("the create is done")

        w.use_hooks(erp=once("after create", die))
        with suppress(Crash):
            await w.cycle()
        w.doors.break_at = None
        await w.restart()
        await w.live_on(1)
        w.content_in_erp(order_id)


async def a_create_that_never_arrives(url: str, _: Any) -> None:
    async with world(url) as w:
        w.use_hooks(erp=once("before create", lost))
        order_id = w.market.place()
        await w.live_on(1)
        await w.assert_promise(order_id)


async def an_edit_while_the_erp_is_away(url: str, _: Any) -> None:
    async with world(url) as w:
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=away)
        edit(w, order_id, 12)
        await w.cycle()
        assert w.market.unseen(order_id), f"order {order_id} was acknowledged early"


async def an_edit_of_an_order_that_never_reached_the_erp(url: str, _: Any) -> None:
    async with world(url) as w:
        w.use_hooks(erp=away)
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id, 12)
        await w.cycle()
        assert w.market.unseen(order_id), f"order {order_id} was acknowledged early"


def away(what: str) -> None:
    if what.startswith("before"):
        raise ErpUnavailable


async def accepted_an_hour_late(url: str, _: Any) -> None:
    async with world(url, oddities=Oddities(filter_by="created")) as w:
        order_id = w.market.place(accepted=False)
        await w.cycle()
        await w.cycle(after=3_600)
        w.market.accept(order_id)
        await w.live_on(7)
        assert w.content_in_erp(order_id) is not None, f"order {order_id} is lost"


async def a_leader_that_is_overtaken_between_question_and_create(_: str, folder: Any) -> None:
    folder.mkdir()
    with without_threads():
        stage = Stage(Scenery(), folder)
        try:
            await stage.run(stage.a)
            stage.place(accepted=True, boxes=1)
            await stage.run(stage.a, "erp: after find")
            stage.a.has_answer = True  # it freezes behind the answer
            stage.lose_lock()
            for _ in range(4):
                await stage.run(stage.b)
                await stage.wait(80)
            await stage.run(stage.a)
            stage.truth.during()
        finally:
            await stage.close()


async def revision_numbers_that_come_again(url: str, folder: Any) -> None:
    async with world(url, erp=FakeErpSettings(remembers_keys=True)) as w:
        order_id = w.market.place()
        await w.cycle()
        backup(Path(url.removeprefix("sqlite:///")), Path(f"{folder}-copy.db"))
        edit(w, order_id, 12)
        await w.cycle()
        await w.stop()
        w.url = f"sqlite:///{folder}-copy.db"
        edit(w, order_id, 13)
        await w.start()
        await declare_restored(w.way, "a test")
        await w.live_on(1)
        await w.assert_promise(order_id)


async def a_clock_that_was_three_days_ahead(url: str, _: Any) -> None:
    async with world(url) as w:
        w.clock.jump(86_400 * 3)
        await w.cycle(2)
        w.clock.jump(-86_400 * 3)
        order_id = w.market.place()
        await w.cycle(after=3_600)
        await w.live_on(1)
        assert w.content_in_erp(order_id) is not None, f"order {order_id} is lost"


async def our_own_cancel_comes_back_as_news(url: str, _: Any) -> None:
    rules = Rules(cancel_on_consentio=True)
    async with world(url, erp=FakeErpSettings(reports=True), rules=rules) as w:
        tell = w.erp._tell  # an ERP that tells nothing but cancels
        w.erp._tell = lambda record, kind, **how: tell(record, kind, **how) if kind is NewsKind.CANCELLED else None
        order_id = w.market.place()
        await w.cycle()
        w.use_hooks(erp=lambda call: away(call) if "reports" in call else None)
        w.market.cancel(order_id)
        await w.cycle(2)
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle(2)
        w.use_hooks()
        await w.live_on(1)
        assert w.market.order(order_id).status is Status.ACCEPTED, f"order {order_id} is cancelled on Consentio"


# ---- the rules, each taken away


class _Unwritten:
    """A transaction in which the intents are not written."""

    def __init__(self, tx: Any) -> None:
        self._tx = tx

    def __getattr__(self, name: str) -> Any:
        return _nothing if name in ("save_rows", "save_orders") else getattr(self._tx, name)


async def _nothing(_: object) -> None:
    return


async def _intend_unwritten(way: Way, tx: Any, states: Sequence[OrderState], *more: Any) -> Any:
    return await INTEND(way, _Unwritten(tx), states, *more)


def _guess_done(way: Way, row: LedgerRow, state: OrderState, *_: object) -> Any:
    record = row.record or "R1"
    known = outcome.adopted(state, record=record, number=None, status=None, now=way.now())
    return Outcome.DONE, settled(known)


async def _acknowledge_whatever(way: Way, after: str = "") -> list[OrderState]:
    async with way.store.transaction() as tx:
        return [state for state in (await tx.orders(["5001"])).values() if state.edited and state.id > after]


async def _acknowledge_what_the_erp_has(way: Way, after: str = "") -> list[OrderState]:
    return [state for state in await _acknowledge_whatever(way, after) if state.erp_revision]


async def _nothing_at_all(*_: object) -> None:
    return


async def _sweep_nothing(*_: object) -> Tally:
    return Tally()


def _made_with_a_boot_clock_that_stands(self: Process, store: Any) -> Way:
    way = MADE(self, store)
    return replace(way, clocks=replace(way.clocks, boot=lambda: 0.0))


def _row_with_a_derived_key(way: Way, state: OrderState, now: datetime) -> LedgerRow:
    row = ROW(way, state, now)
    return replace(row, key=f"u{row.order_id}-{row.revision}") if row.kind is Kind.UPDATE else row


_NEWS_OF_ANY_RECORD = news._heard(
    tables.orders.c.id == tables.ledger.c.order_id, (tables.ledger, tables.ledger.c.record == tables.news.c.record)
)


def _heed_of_any_record(self: reports.Hearing, one: Any) -> Any:
    present = self.states[one.order_id].erp_record or one.news.record
    return HEED(self, replace(one, news=replace(one.news, record=present)))


def _due_even_if_it_lies_ahead(last: datetime | None, interval: timedelta, now: datetime) -> bool:
    return last is None or now - last >= interval


async def _find_nothing(*_: object) -> dict[str, Any]:
    return {}


def _adopt_as_current(state: OrderState, **known: Any) -> OrderState:
    return settled(ADOPTED(state, **known))


def _take_as_untouched(state: OrderState, now: datetime) -> OrderState:
    return steer(outcome.freed(state), now)


def _cancel_for_good(state: OrderState, row: LedgerRow, **known: Any) -> OrderState:
    return CANCELED(state, row, **known).evolve(incarnation=row.incarnation)


def _take_as_present(_way: Way, state: OrderState, record: Record, now: datetime) -> OrderState:
    return outcome.adopted(state, record=record.id, number=record.id, status=record.status, now=now)


async def _move_cursor_first(slice_: batch.Batch) -> Tally:
    async with slice_.way.store.transaction() as tx:
        await tx.move_cursors(slice_.move)
    return await RECORD(slice_)


ADOPTED, CANCELED, RECORD = outcome.adopted, outcome.canceled, collect.Batch.record
INTEND, ROW, MADE, HEED = intents.intend, intents._row, Process._made, reports.Hearing._heed


@dataclass(frozen=True, slots=True)
class Rule:
    """Its schedule, what stands in its place (where, name, what), and how the promise then breaks."""

    story: Callable[[str, Any], Awaitable[None]]
    instead: Sequence[tuple[Any, str, Any]]
    breaks: str


RULES = {
    "every create is preceded by find": Rule(a_lost_database, [(effects, "_find_first", _find_nothing)], "is doubled"),
    "a doubt waits": Rule(a_create_that_lands_late, [(doubts, "is_ripe", lambda *_: True)], "is doubled"),
    "what find met has an unknown revision": Rule(
        a_create_whose_answer_is_lost, [(outcome, "adopted", _adopt_as_current)], "is stale"
    ),
    "a doubtful update leaves the revision unknown": Rule(
        an_update_in_doubt_and_an_edit_back, [(outcome, "unknown", _take_as_untouched)], "is stale"
    ),
    "a cancel raises the incarnation": Rule(
        canceled_and_accepted_again, [(outcome, "canceled", _cancel_for_good), (ends, "_met", _take_as_present)], "is lost"
    ),
    "canceled orders are listed": Rule(
        a_cancel_on_no_list,
        [(collect, "WINDOW_STATUSES", ("accepted",)), (sweep, "SWEEP_STATUSES", ("pending", "accepted"))],
        "yet live in the ERP",
    ),
    "being on the edited list is a mark": Rule(
        a_to_b_and_back_to_a,
        [(reading, "_is_seen_lately", lambda state, read, *_: read.digest == state.latest_digest)],
        "never marked as seen",
    ),
    "what looks older is believed when it is said again": Rule(
        a_stamp_that_runs_backwards, [(reading, "_said_again", lambda *_: False)], "is stale"
    ),
    "the near sweep follows what was just seen": Rule(
        an_old_edit_that_a_seen_swallowed,
        [(OrderState, "is_watched", property(lambda state: state.situation not in QUIET))],
        "is stale",
    ),
    "orders and cursor are one commit": Rule(
        a_database_that_fails_after_a_listing, [(collect.Batch, "record", _move_cursor_first)], "is unknown here"
    ),
    "the intent is committed first": Rule(
        a_crash_right_after_a_create,
        [(deliver, "intend", _intend_unwritten), (SqlTransaction, "close_rows", _nothing_at_all)],
        "is doubled",
    ),
    "a doubt is asked about, never guessed": Rule(a_create_that_never_arrives, [(doubts, "_judge", _guess_done)], "is lost"),
    "acknowledge last": Rule(
        an_edit_of_an_order_that_never_reached_the_erp, [(acknowledge, "_ackable", _acknowledge_whatever)], "acknowledged early"
    ),
    "acknowledge only the latest": Rule(
        an_edit_while_the_erp_is_away, [(acknowledge, "_ackable", _acknowledge_what_the_erp_has)], "acknowledged early"
    ),
    "sweeps read the past again": Rule(accepted_an_hour_late, [(cycle, "sweep", _sweep_nothing)], "is lost"),
    "a lease, and an epoch in every commit": Rule(
        a_leader_that_is_overtaken_between_question_and_create,
        [(Process, "_made", _made_with_a_boot_clock_that_stands), (workspaces, "require_epoch", _nothing_at_all)],
        "two live records",
    ),
    "the keys of updates are random": Rule(
        revision_numbers_that_come_again, [(intents, "_row", _row_with_a_derived_key)], "is stale"
    ),
    "a moment in the future is pulled back": Rule(
        a_clock_that_was_three_days_ahead,
        [(collect, "past", lambda cursor, *_: cursor), (sweep, "is_due", _due_even_if_it_lies_ahead)],
        "is lost",
    ),
    "news are for the record that the order has now": Rule(
        our_own_cancel_comes_back_as_news,
        [(reports.Hearing, "_heed", _heed_of_any_record), (news, "_OF_RECORDS", _NEWS_OF_ANY_RECORD)],
        "is cancelled on Consentio",
    ),
    "content decides, not dates": Rule(
        an_edit_that_moves_no_stamp, [(batch, "digest", lambda order: f"{order.status} {order.updated_at}")], "is stale"
    ),
}


@pytest.mark.parametrize("name", RULES)
async def test_the_promise_holds_with_the_rule_and_breaks_without(monkeypatch, tmp_path, name):
    """The schedule ends well; with the rule taken away it ends in the very harm that the rule prevents."""
    rule = RULES[name]
    await rule.story(f"sqlite:///{tmp_path}/with.db", tmp_path / "with")

    for where, what, substitute in rule.instead:
        monkeypatch.setattr(where, what, substitute)
    with pytest.raises(AssertionError, match=rule.breaks):
        await rule.story(f"sqlite:///{tmp_path}/without.db", tmp_path / "without")
