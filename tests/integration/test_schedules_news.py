"""The way back: what the ERP tells by itself, and what Consentio is told and asked for it (A14, A18, A24)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from daemon.cli.story import story_lines
from daemon.domain.brakes import Limit, Limits
from daemon.domain.ledger import Kind
from daemon.domain.news import TO_BE_DECIDED
from daemon.domain.order import Status
from daemon.domain.state import Situation
from daemon.domain.statuses import Spelling
from daemon.errors import ErpUnavailable
from daemon.store.questions import open_reader
from daemon.sync.restore import declare_restored
from daemon.sync.way import Rules
from daemon.testing import FakeErpSettings
from tests.support.world import World, world

TELLS = FakeErpSettings(reports=True)
FOLLOWS = Rules(cancel_on_consentio=True, prepare_on_consentio=True)


def follows(url: str, **changes: Any) -> Any:
    """A world whose ERP tells news, and whose daemon does on Consentio what it may."""
    return world(url, **{"erp": TELLS, "rules": FOLLOWS, **changes})


async def delivered(w: World) -> tuple[str, str]:
    """An order and its record."""
    order_id = w.market.place()
    await w.cycle()
    return order_id, w.erp.live(order_id)[0].id


def edit(w: World, order_id: str, amount: str) -> None:
    """The buyer changes the first line's amount."""
    w.clock.advance(1)
    line = w.market.order(order_id).lines[0]
    w.market.edit(order_id, lines=(replace(line, amount=Decimal(amount)),))


def calls(w: World, what: str) -> list[str]:
    """The calls of one kind that the ERP got."""
    return [call for call in w.erp.calls if call.startswith(what)]


# ---- statuses and numbers


async def test_a_status_is_told_once(database_url: str) -> None:
    """A clerk ships the record: Consentio is told so, once, however often the ERP repeats it."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_ships(record)
        await w.cycle(5)

        assert w.market.order(order_id).external_status == "shipped"
        assert w.market.calls.count("references") == 2
        assert [fields["count"] for fields in w.events("news.recorded")] == [1, 1]


async def test_statuses_are_spelt_as_the_config_says(database_url: str) -> None:
    """The ERP's word becomes the seller's; one without a spelling passes, cut to what a status may be long."""
    rules = replace(FOLLOWS, spelling=Spelling({"open": "Confirmed"}))
    async with follows(database_url, rules=rules) as w:
        order_id, record = await delivered(w)
        assert w.market.order(order_id).external_status == "Confirmed"

        w.erp.clerk_ships(record)
        await w.cycle()
        assert w.market.order(order_id).external_status == "shipped"


async def test_a_status_without_a_spelling_is_held(database_url: str) -> None:
    """Consentio keeps the status it was told last, and nothing is pushed for the other."""
    rules = replace(FOLLOWS, spelling=Spelling({"open": "Confirmed"}, holds_others=True))
    async with follows(database_url, rules=rules) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_ships(record)
        await w.cycle(2)

        assert w.market.order(order_id).external_status == "Confirmed"
        assert w.market.calls.count("references") == 1
        assert (await w.state(order_id)).erp_status == "shipped"


async def test_a_number_is_told_when_it_is_known(database_url: str) -> None:
    """An ERP that numbers later: no reference before, never the record's own id; then the number, and another one after it."""
    async with follows(database_url, erp=replace(TELLS, numbers_later=True)) as w:
        order_id, record = await delivered(w)
        await w.cycle()
        assert w.market.order(order_id).external_id is None

        w.erp.clerk_numbers(record, "SO-17")
        await w.cycle()
        assert w.market.order(order_id).external_id == "SO-17"

        w.erp.clerk_numbers(record, "SO-18")
        edit(w, order_id, "12")
        await w.live_on(1)
        await w.assert_promise(order_id)
        assert (await w.state(order_id)).hint is None
        async with open_reader(w.url) as reader:
            story = [*story_lines(await reader.story(order_id))]
        told = [line.rpartition(" ")[2] for line in story if "Consentio was told the ERP's reference" in line]
        assert told == ["SO-17", "SO-18"]


# ---- an ERP that cancels everything


async def test_an_erp_that_cancels_everything_is_not_followed(database_url: str) -> None:
    """Cancels come one by one and Consentio follows, up to what the brakes allow within a day; the others wait for a person."""
    limits = Limits(cancels=Limit(orders=3, floor=2))
    async with follows(database_url, rules=replace(FOLLOWS, brakes=limits)) as w:
        orders = [w.market.place() for _ in range(8)]
        await w.cycle()
        for order_id in orders[:3]:
            w.erp.clerk_cancels(w.erp.live(order_id)[0].id)
            await w.cycle(2)
        for order_id in orders[3:]:
            w.erp.clerk_cancels(w.erp.live(order_id)[0].id)
        await w.cycle(3)

        canceled = [order_id for order_id in orders if w.market.order(order_id).status is Status.CANCELED]
        assert canceled == orders[:3]
        assert {(await w.state(order_id)).reason for order_id in orders[3:]} == {TO_BE_DECIDED}
        assert [(held["count"], held["limit"]) for held in w.events("cancels.held")] == [(8, 3)]


# ---- A14: news and whom they are for


async def test_a14_our_own_cancel_is_no_news(database_url: str) -> None:
    """Our cancel comes back as news after the order was accepted again: the order lives on, on both sides."""
    async with follows(database_url) as w:
        order_id, _ = await delivered(w)
        w.use_hooks(erp=failing("reports"))
        w.market.cancel(order_id)
        await w.cycle(2)
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle(2)
        w.use_hooks()
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert w.market.order(order_id).status is Status.ACCEPTED
        assert "cancel" not in w.market.calls


def failing(what: str) -> Any:
    """A hook for an ERP that is away for these calls."""

    def hook(call: str) -> None:
        if call.startswith(f"before {what}"):
            raise ErpUnavailable("away")

    return hook


@pytest.mark.parametrize("rules", [FOLLOWS, Rules()], ids=["followed", "parked"])
async def test_a14_news_wait_while_a_row_is_open(database_url: str, rules: Rules) -> None:
    """Our cancel in doubt comes back as news once the order is accepted again: they wait for the doubt, and then are none."""
    async with follows(database_url, rules=rules) as w:
        order_id, _ = await delivered(w)
        lose, fail = lost_once("after cancel"), failing("reports")
        w.use_hooks(erp=lambda call: (lose(call), fail(call))[0])
        w.market.cancel(order_id)
        await w.cycle()
        w.use_hooks()
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert w.market.order(order_id).status is Status.ACCEPTED
        assert "cancel" not in w.market.calls


def lost_once(what: str) -> Any:
    """A hook that loses one answer."""
    left = [1]

    def hook(call: str) -> None:
        if left[0] and call.startswith(what):
            left[0] = 0
            raise ConnectionResetError(f"lost {call}")

    return hook


async def test_a14_news_of_a_record_not_yet_known_wait_for_it(database_url: str) -> None:
    """The create's answer is lost, and the goods are ready before the doubt is settled: Consentio is told yet."""
    async with follows(database_url) as w:
        w.use_hooks(erp=lost_once("after create"))
        order_id = w.market.place()
        await w.cycle()
        (record,) = w.erp.records
        w.erp.clerk_prepares(record)
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert w.market.prepared == [f"h{order_id}"]


async def test_a14_news_committed_late_behind_the_cursor(database_url: str) -> None:
    """A transaction that ends after the cursor, and the look-back of the ERP, have passed it: its news are heard yet."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_ships(record, committed=False)
        w.clock.advance(400)
        await delivered(w)
        await w.cycle(2)
        w.erp.journal.commit()
        await w.live_on(1)

        assert w.market.order(order_id).external_status == "shipped"


async def test_a14_an_older_status_heard_late_changes_nothing(database_url: str) -> None:
    """Only the newest counts: what happened before what was heard already is not told any more."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record, committed=False)
        w.clock.advance(1)
        w.erp.clerk_revives(record)
        await w.cycle()
        w.erp.journal.commit()
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert "cancel" not in w.market.calls


async def test_a14_nothing_is_done_while_the_order_is_unverified_after_a_restore(database_url: str) -> None:
    """An older copy knows the record that we cancelled since: the news of that cancel wait until the ERP was asked."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        copy = await w.state(order_id)
        w.market.cancel(order_id)
        await w.cycle(2)
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle(2)
        async with w.way.store.transaction() as tx:
            await tx.save_orders([copy])
        await declare_restored(w.way, "a copy")
        w.erp.clerk_cancels(record)
        await w.cycle()
        assert (await w.state(order_id)).verify
        await w.live_on(1)

        await w.assert_promise(order_id)
        assert w.market.order(order_id).status is Status.ACCEPTED
        assert "cancel" not in w.market.calls


# ---- cancelled in the ERP


async def test_a_cancel_in_the_erp_cancels_on_consentio_once(database_url: str) -> None:
    """Consentio is asked once; when it says so itself, the order is settled without a call for the record cancelled before."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.live_on(8)

        await w.assert_promise(order_id)
        assert w.market.order(order_id).status is Status.CANCELED
        assert w.market.calls.count("cancel") == 1
        assert calls(w, "cancel") == []
        assert len(w.events("order.canceled_remote")) == 1


async def test_a14_a_cancel_in_the_erp_parks_where_consentio_does_not_follow(database_url: str) -> None:
    """With the way back off, a person decides; the reason says how, and an edit changes nothing about it."""
    async with follows(database_url, rules=Rules()) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.cycle()
        edit(w, order_id, "12")
        await w.live_on(1)

        state = await w.state(order_id)
        assert (state.situation, state.reason) == (Situation.PARKED, TO_BE_DECIDED)
        assert "cancel" not in w.market.calls
        assert calls(w, "update") == []


async def test_both_sides_agree_on_a_cancel(database_url: str) -> None:
    """Canceled on Consentio after the conflict parked it: settled, without a call."""
    async with follows(database_url, rules=Rules()) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.cycle()
        w.market.cancel(order_id)
        await w.cycle()

        await w.assert_promise(order_id)
        assert calls(w, "cancel") == []


async def test_agreed_and_accepted_again_is_another_incarnation(database_url: str) -> None:
    """After both sides cancelled, a renewed acceptance makes a new record."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.cycle(3)
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)
        assert w.erp.live(order_id)[0].key == f"c123-{order_id}-2"


async def test_a_cancel_that_is_taken_back_in_the_erp(database_url: str) -> None:
    """Live again, as the ERP says when it is asked: the order is brought up to date there, and stays on Consentio."""
    async with follows(database_url, rules=Rules()) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.cycle()
        w.clock.advance(1)
        w.erp.clerk_revives(record)
        await w.cycle(3)

        await w.assert_promise(order_id)


async def test_a23_a_refused_cancel_backs_off_and_holds_up_nothing(database_url: str) -> None:
    """Consentio refuses it with a growing wait; other orders flow, and at the end a person is told."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.market.refuses[order_id] = "it has been paid"
        w.erp.clerk_cancels(record)
        other, other_record = await delivered(w)
        w.erp.clerk_ships(other_record)
        await w.live_on(8)

        state = await w.state(order_id)
        assert state.situation is Situation.PARKED
        assert "it has been paid" in state.reason
        assert w.market.calls.count("cancel") == w.rules.max_attempts
        await w.assert_promise(other)
        assert w.market.order(other).external_status == "shipped"


# ---- prepared in the ERP


async def test_a18_prepared_is_told_once_and_its_echo_is_no_content(database_url: str) -> None:
    """Every item is marked once; the served amounts and the closing that come back change nothing in the ERP."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_prepares(record)
        await w.live_on(8)
        w.clock.advance(1)
        w.erp.clerk_prepares(record)
        await w.live_on(1)

        assert w.market.prepared == [f"h{order_id}"]
        assert w.market.order(order_id).closed_at is not None
        assert (await w.state(order_id)).latest == 1
        assert calls(w, "update") == []
        await w.assert_promise(order_id)


async def test_prepared_before_an_edit_is_not_told(database_url: str) -> None:
    """The goods were ready for an older content: what was added since must not be called prepared."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        edit(w, order_id, "12")
        w.use_hooks(market=lost_api)
        w.erp.clerk_prepares(record)
        await w.cycle()
        w.use_hooks()
        await w.live_on(1)

        assert w.market.prepared == []
        await w.assert_promise(order_id)


def lost_api(call: str) -> None:
    """Listings fail, so nobody knows of the edit yet; and so does what would be asked."""
    from daemon.errors import MarketplaceUnavailable

    if call.startswith("before"):
        raise MarketplaceUnavailable("away")


@pytest.mark.parametrize(("rules", "hash_id"), [(Rules(), "h1"), (FOLLOWS, None)])
async def test_prepared_needs_the_setting_and_the_hash(database_url: str, rules: Rules, hash_id: str | None) -> None:
    """Without the setting nothing is asked; without a hash nothing is guessed."""
    async with follows(database_url, rules=rules) as w:
        w.market.place(hash_id=hash_id)
        await w.cycle()
        w.erp.clerk_prepares("R1")
        await w.cycle(2)

        assert "prepare" not in w.market.calls


# ---- A24


async def test_a24_a_late_push_of_an_older_status_is_repaired(database_url: str) -> None:
    """A sweep compares what Consentio shows with what it was told, in the seller's spelling, and tells it again."""
    rules = replace(FOLLOWS, spelling=Spelling({"shipped": "On its way"}))
    async with follows(database_url, rules=rules) as w:
        order_id, record = await delivered(w)
        w.erp.clerk_ships(record)
        await w.cycle()
        w.market._entries[order_id].order = replace(w.market.order(order_id), external_status="open")
        await w.live_on(1)

        assert w.market.order(order_id).external_status == "On its way"
        assert w.market.calls.count("references") == 3


async def test_a24_an_api_that_spells_a_status_otherwise_makes_no_loop(database_url: str) -> None:
    """Told again a few times, then left alone."""
    async with follows(database_url) as w:
        order_id, _ = await delivered(w)
        tell = w.market._tell

        def shouting(references: Any) -> Any:
            told = tell(references)
            w.market._entries[order_id].order = replace(w.market.order(order_id), external_status="OPEN")
            return told

        w.market._tell = shouting  # type: ignore[method-assign]
        w.market._entries[order_id].order = replace(w.market.order(order_id), external_status="OPEN")
        await w.live_on(8)

        assert w.market.calls.count("references") == 4


# ---- refused by an importer


async def test_a_refused_create_is_sent_anew_under_another_key(database_url: str) -> None:
    """It parks with the reason; a newer content is a new create, under a new key."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.importer_refuses(record, f"c123-{order_id}", "no such customer")
        await w.cycle()
        state = await w.state(order_id)
        assert (state.situation, state.reason) == (Situation.PARKED, "the ERP refused the create: no such customer")

        edit(w, order_id, "12")
        await w.cycle(2)
        await w.assert_promise(order_id)
        assert w.erp.live(order_id)[0].key == f"c123-{order_id}-2"


async def test_news_of_a_record_that_was_refused_are_none(database_url: str) -> None:
    """Told in one breath: refused, and then deleted. The order has no record any more, so there is no conflict."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.importer_refuses(record, f"c123-{order_id}", "no such customer")
        w.clock.advance(1)
        w.erp.clerk_deletes(record)
        await w.cycle()

        state = await w.state(order_id)
        assert (state.erp_record, state.erp_cancelled) == (None, False)
        assert state.reason == "the ERP refused the create: no such customer"
        assert "cancel" not in w.market.calls


async def test_a_refused_create_waits_for_what_is_missing(database_url: str) -> None:
    """Missing keys are shown, and it is tried again by itself."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.erp.importer_refuses(record, f"c123-{order_id}", "unknown product", missing=["product:TOM-RAF"])
        await w.cycle()
        assert (await w.state(order_id)).missing == ("product:TOM-RAF",)

        await w.live_on(2)
        await w.assert_promise(order_id)


async def test_a_refused_update_leaves_the_content_unknown(database_url: str) -> None:
    """The ERP keeps what it had: it parks, and the whole content is sent when it is retried."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        edit(w, order_id, "12")
        await w.cycle()
        key = w.erp.records[record].touched_by[-1]
        w.erp.importer_refuses(record, key, "already packed")
        await w.cycle()

        state = await w.state(order_id)
        assert (state.situation, state.erp_revision) == (Situation.PARKED, None)
        assert state.reason == "the ERP refused the update: already packed"
        edit(w, order_id, "13")
        await w.cycle(2)
        await w.assert_promise(order_id)


async def test_a_refused_cancel_parks_with_its_record(database_url: str) -> None:
    """The record is live still, and the order's again: a person decides."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.market.cancel(order_id)
        await w.cycle()
        w.clock.advance(1)
        w.erp.importer_refuses(record, w.erp.records[record].touched_by[-1], "the truck has left")
        await w.cycle()

        state = await w.state(order_id)
        assert (state.situation, state.erp_record) == (Situation.PARKED, record)
        assert "the truck has left" in state.reason


async def test_a_refused_cancel_of_an_order_accepted_again(database_url: str) -> None:
    """The record that was not cancelled serves the renewed acceptance, if no other was made yet."""
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        w.market.cancel(order_id)
        await w.cycle()
        w.clock.advance(1)
        w.erp.importer_refuses(record, w.erp.records[record].touched_by[-1], "too late")
        await w.cycle()
        w.clock.advance(1)
        w.market.accept(order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)
        assert w.erp.live(order_id)[0].id == record


# ---- what it costs, and outages


async def test_an_idle_cycle_asks_once_and_commits_once(database_url: str) -> None:
    """News told again and again cost one call and no commit of their own."""
    async with follows(database_url) as w:
        await delivered(w)
        await w.cycle(2)
        before = w.erp.calls.count("reports")
        w.doors.names.clear()
        await w.cycle()

        assert w.erp.calls.count("reports") == before + 1
        assert w.doors.names[-3:] == ["after reports", "before commit", "after commit"]


async def test_an_erp_that_tells_nothing_stops_nothing(database_url: str) -> None:
    """Whatever `reports` raises ends that step only: orders flow, and the ERP is asked again."""
    async with follows(database_url) as w:
        w.use_hooks(erp=lambda call: (_ for _ in ()).throw(ValueError("odd")) if call == "before reports" else None)
        order_id = w.market.place()
        report = await w.cycle()

        assert "reports" in report.troubles
        await w.assert_promise(order_id)


async def test_an_adapter_without_news_is_never_asked(database_url: str) -> None:
    """No call where there is nothing to tell."""
    async with world(database_url) as w:
        await delivered(w)
        assert "reports" not in w.erp.calls


@pytest.mark.parametrize("kind", [Kind.CANCEL_REMOTE, Kind.PREPARE])
async def test_an_errand_whose_answer_is_lost_is_repeated(database_url: str, kind: Kind) -> None:
    """It may be repeated at will: nothing else comes of it."""
    from daemon.errors import MarketplaceUnavailable

    what = "cancel" if kind is Kind.CANCEL_REMOTE else "prepare"
    async with follows(database_url) as w:
        order_id, record = await delivered(w)
        left = [1]

        def hook(call: str) -> None:
            if call == f"after {what}" and left[0]:
                left[0] = 0
                raise MarketplaceUnavailable("lost")

        w.use_hooks(market=hook)
        w.erp.clerk_cancels(record) if kind is Kind.CANCEL_REMOTE else w.erp.clerk_prepares(record)
        await w.cycle(4)

        await w.assert_promise(order_id)
        assert w.market.calls.count(what) <= 2


async def test_news_without_an_order_are_kept_for_a_while(database_url: str) -> None:
    """News of records that are not ours end by themselves."""
    async with follows(database_url) as w:
        stranger = w.erp.clerk_types(w.market.order(w.market.place(accepted=False)))
        w.erp.clerk_ships(stranger.id)
        await w.cycle()
        assert (await w.way.store.glance(w.clock.now())).news
        w.clock.advance(timedelta(days=3).total_seconds())
        await w.cycle()
        assert not (await w.way.store.glance(w.clock.now())).news
