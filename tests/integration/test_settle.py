"""Doubts that a person settles, where the ERP cannot be asked or answers with two records; on both databases."""

from decimal import Decimal

import pytest

from daemon.domain.ledger import Outcome
from daemon.domain.state import Situation
from daemon.errors import ErpUnavailable
from daemon.store.questions import open_reader
from daemon.sync.restore import MAY_BE_THERE, declare_restored
from daemon.testing import FakeErpSettings
from tests.integration.test_schedules import edit, lose
from tests.support.desk import notes_of, wish
from tests.support.world import World, world

MUTE = FakeErpSettings(find="nothing", read=False)


async def in_doubt(w: World, *, arrived: bool) -> str:
    """An order whose create got no answer, parked since nobody can ask."""
    w.use_hooks(erp=lose("after create" if arrived else "before create"))
    order = w.market.place()
    await w.live_on(0.5)
    assert (await w.state(order)).reason == "outcome unknown"
    return order


async def outcomes_of(w: World, order: str) -> list[tuple[Outcome, str]]:
    async with open_reader(w.url) as reader:
        return [(attempt.outcome, attempt.answer) for attempt in (await reader.story(order)).attempts]


async def test_a_doubt_settled_as_a_record(database_url):
    """The person's word closes the row and is kept; the record is adopted, and brought to what the buyer wants by now."""
    async with world(database_url, erp=MUTE) as w:
        order = await in_doubt(w, arrived=True)
        edit(w, order, "12")
        await w.cycle()
        (record,) = w.erp.live(order)

        answer = await wish(w, "settle", order, argument=record.id, reason="seen there")

        assert answer == "parked before, waiting now"
        await w.live_on(0.5)
        await w.assert_promise(order)
        assert w.content_in_erp(order).lines[0].amount == Decimal(12)
        assert (await outcomes_of(w, order))[0] == (Outcome.FOUND, f"settled by ana as {record.id}: seen there")
        assert ("ana", "settled", f"as {record.id}: seen there") in await notes_of(w, order)


async def test_a_doubt_settled_as_absent(database_url):
    """One more attempt, and no other order waits for it."""
    async with world(database_url, erp=MUTE) as w:
        order = await in_doubt(w, arrived=False)
        assert await wish(w, "settle", order, argument="absent") == "parked before, waiting now"
        await w.live_on(0.5)

        await w.assert_promise(order)
        assert [outcome for outcome, _ in await outcomes_of(w, order)] == [Outcome.ABSENT, Outcome.DONE]


async def test_a07_only_settle_wakes_a_doubt_that_nobody_can_ask_about(database_url):
    """Neither a new revision, nor a retry, nor a restart makes a second create."""
    async with world(database_url, erp=MUTE) as w:
        order = await in_doubt(w, arrived=True)
        edit(w, order, "12")
        await w.live_on(1)
        assert (await wish(w, "retry", order) or "").startswith("refused: nobody can ask the ERP")
        await w.restart()
        await w.live_on(1)

        assert (await w.state(order)).reason == "outcome unknown"
        assert not (await w.cycle()).tally  # months may pass: a cycle in which nothing happens tells nothing
        assert len(w.erp.live(order)) == 1
        assert w.market.unseen(order)


async def test_an_early_word_waits_until_nothing_can_arrive_any_more(database_url):
    """A4: said while an abandoned call may still land, it is kept, and obeyed after the doubt wait."""
    async with world(database_url, erp=MUTE) as w:
        order = await in_doubt(w, arrived=False)
        await w.restart()
        assert await wish(w, "settle", order, argument="absent") is None
        assert (await w.state(order)).situation is not Situation.SETTLED
        await w.cycle(3)

        await w.assert_promise(order)
        assert len(w.events("order.settled")) == 1


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_cancel_in_doubt(database_url, arrived):
    """The word is about the ERP, not about the call: `absent` means that the cancel is done, a record that it stands there."""
    async with world(database_url, erp=MUTE) as w:
        order = w.market.place()
        await w.cycle()
        (record,) = w.erp.live(order)
        w.use_hooks(erp=lose("after cancel" if arrived else "before cancel"))
        w.market.cancel(order)
        await w.live_on(0.5)
        assert (await w.state(order)).reason == "outcome unknown"

        await wish(w, "settle", order, argument="absent" if arrived else record.id)
        await w.live_on(0.5)

        await w.assert_promise(order)
        assert (await outcomes_of(w, order))[1][0] is (Outcome.FOUND if arrived else Outcome.ABSENT)


async def test_a_canceled_order_that_may_be_there(database_url):
    """Its create was repeated under one key and is canceled now: `absent` ends it, a record is cancelled."""
    async with world(database_url, erp=FakeErpSettings(find="nothing", read=False, refuses_second_key=True)) as w:
        w.use_hooks(erp=lose("after create"))
        orders = [w.market.place(), w.market.place()]
        await w.cycle()
        for order in orders:
            w.market.cancel(order)
        await w.live_on(1)
        parked = [order for order in orders if (await w.state(order)).reason == MAY_BE_THERE]
        assert parked
        for order in parked:
            live = w.erp.live(order)
            await wish(w, "settle", order, argument=live[0].id if live else "absent")
        await w.live_on(0.5)

        await w.assert_promise(*orders)


async def test_two_records_with_one_key(database_url):
    """The person chooses; what cannot be is refused: `absent`, a record of another order, one that is not there or cancelled."""
    async with world(database_url) as w:
        other = w.market.place()
        await w.cycle()
        theirs = w.erp.live(other)[0].id
        order = w.market.place()
        copies = [w.erp.clerk_types(w.market.order(order), key=f"c123-{order}") for _ in range(2)]
        gone = w.erp.clerk_types(w.market.order(order))
        w.erp.clerk_cancels(gone.id)
        await w.cycle()
        assert (await w.state(order)).reason.startswith("ambiguous: ")

        said = {name: await wish(w, "settle", order, argument=name) for name in ("absent", theirs, "R99", gone.id)}
        assert all(answer.startswith("refused: ") for answer in said.values()), said
        assert said[theirs] == f"refused: record {theirs} is that of order {other}"

        assert await wish(w, "settle", order, argument=copies[1].id) == "parked before, waiting now"
        await w.cycle()
        state = await w.state(order)
        assert (state.situation, state.erp_record) == (Situation.SETTLED, copies[1].id)


async def test_what_is_no_doubt_is_not_settled(database_url):
    """A settled order, one that is parked for something else, and a doubt of an ERP that can be asked."""
    async with world(database_url) as w:
        settled = w.market.place()
        await w.cycle()
        w.erp.products = set()
        parked = w.market.place()
        await w.cycle()
        w.erp.products = None
        w.use_hooks(erp=lose("after create"))
        doubtful = w.market.place()
        await w.cycle()

        for order in (settled, parked, doubtful):
            assert (await wish(w, "settle", order, argument="absent") or "").startswith("refused: nothing to settle"), order
        assert await wish(w, "settle", "999", argument="absent") == "refused: no such order"


async def test_a_record_that_was_typed_in_by_hand_is_taken_over(database_url):
    """An order first met with a reference that the ERP's keys know nothing of."""
    async with world(database_url) as w:
        order = w.market.place(external_id="SO-7", external_id_seller="SO-7")
        typed = w.erp.clerk_types(w.market.order(order))
        await w.cycle(2)
        assert (await w.state(order)).reason == "already has a reference"

        assert (await wish(w, "settle", order, argument="absent") or "").endswith("`consentio-sync retry` it")
        await wish(w, "settle", order, argument=typed.id)
        await w.cycle(2)
        assert (await w.state(order)).situation is Situation.SETTLED
        assert [record.id for record in w.erp.live(order)] == [typed.id]


async def test_the_story_keeps_a_create_whose_record_the_erp_has_lost(database_url):
    """It is sent again under the same key; what was withdrawn in between is no second success."""
    async with world(database_url) as w:
        order = w.market.place()
        await w.cycle()
        w.erp.live(order)[0].gone = True
        await declare_restored(w.way, "both sides are copies")
        finds = []

        def away(what: str) -> None:
            finds.extend([what] if what.startswith("before find") else [])
            if len(finds) == 4:  # three to verify the order, and the one before its create
                finds.append("away")
                raise ErpUnavailable("away")

        w.use_hooks(erp=away)
        await w.live_on(0.5)

        await w.assert_promise(order)
        assert [outcome for outcome, _ in await outcomes_of(w, order)] == [Outcome.DONE, Outcome.UNAVAILABLE, Outcome.DONE]
