"""What a person asks of Consentio by way of the daemon, and what becomes of an order whose record was cancelled in the ERP."""

from datetime import timedelta

from daemon.domain.news import TO_BE_DECIDED
from daemon.domain.order import Status
from daemon.domain.state import Situation
from daemon.sync.way import Rules
from daemon.testing import FakeErpSettings
from tests.support.desk import notes_of, wish
from tests.support.world import World, world

TELLS = FakeErpSettings(reports=True)


async def delivered(w: World) -> tuple[str, str]:
    """An order and its record."""
    order = w.market.place()
    await w.cycle()
    return order, w.erp.live(order)[0].id


async def test_a_cancel_by_hand_goes_both_ways(database_url):
    """Consentio is asked at once; its record in the ERP follows; who wanted it and why stands in the story."""
    async with world(database_url) as w:
        order, record = await delivered(w)
        answer = await wish(w, "cancel", order, reason="sold out")
        await w.cycle(2)

        then = f"once Consentio lists it as canceled, its record {record} is cancelled in the ERP, too"
        assert answer == f"Consentio is asked to cancel it; {then}"
        assert w.market.order(order).status is Status.CANCELED
        await w.assert_promise(order)
        assert ("ana", "cancel wished", "sold out") in await notes_of(w, order)


async def test_a_cancel_by_hand_ends_a_conflict(database_url):
    """Cancelled in the ERP before: the person is told that nothing more happens there, and nothing does."""
    async with world(database_url, erp=TELLS) as w:
        order, record = await delivered(w)
        w.erp.clerk_cancels(record)
        await w.cycle()
        assert (await w.state(order)).reason == TO_BE_DECIDED
        answer = await wish(w, "cancel", order)
        await w.cycle(2)

        assert answer == f"Consentio is asked to cancel it; its record {record} is cancelled in the ERP already"
        await w.assert_promise(order)
        assert not [call for call in w.erp.calls if call.startswith("cancel")]


async def test_a_retry_writes_it_into_the_erp_again(database_url):
    """A new record under the next key; no second one where the old lives again."""
    async with world(database_url, erp=TELLS) as w:
        gone, its_record = await delivered(w)
        revived, other = await delivered(w)
        for record in (its_record, other):
            w.erp.clerk_cancels(record)
        await w.cycle()
        w.erp.records[other].live = True
        for order in (gone, revived):
            await wish(w, "retry", order)
        await w.cycle(3)

        await w.assert_promise(gone, revived)
        assert w.erp.live(gone)[0].key == f"c123-{gone}-2"
        assert w.erp.live(revived)[0].id == other


async def test_a_preparation_by_hand(database_url):
    """Asked once; again only after its content has changed."""
    async with world(database_url) as w:
        order, _ = await delivered(w)
        assert await wish(w, "prepare", order) == (
            "Consentio is asked to mark every item of it as prepared; that cannot be taken back"
        )
        again = await wish(w, "prepare", order)

        assert w.market.prepared == [f"h{order}"]
        assert (again or "").startswith("refused: it was marked as prepared at ")


async def test_what_makes_no_sense_is_refused_in_words(database_url):
    """Unknown, older than going live, canceled already, not accepted, without a hash."""
    w = World(database_url, rules=Rules(initial_lookback=timedelta(0)))
    old = w.market.place()
    w.clock.advance(3600)
    await w.start()
    try:
        await w.cycle()
        canceled, pending = w.market.place(), w.market.place(accepted=False)
        unnamed = w.market.place(hash_id=None)
        w.market.cancel(canceled)
        await w.live_on(0.5)

        assert (await w.state(old)).situation is Situation.BASELINE
        leaves = "refused: it is older than going live, and this daemon leaves it alone: do it on Consentio"
        assert [await wish(w, what, old) for what in ("cancel", "prepare")] == [leaves, leaves]
        assert await wish(w, "cancel", "999") == "refused: no such order"
        assert await wish(w, "cancel", canceled) == "refused: Consentio lists it as canceled already"
        wrong = await wish(w, "prepare", pending)
        assert wrong == "refused: only accepted orders are prepared, and Consentio lists it as pending"
        assert await wish(w, "prepare", unnamed) == "refused: Consentio never told its hash id, which the request needs"
    finally:
        await w.stop()


async def test_a_refusal_for_good_is_asked_again_by_retry(database_url):
    """Given up after some tries, and told; a person may ask again."""
    async with world(database_url) as w:
        order, _ = await delivered(w)
        w.market.refuses[order] = "it has been paid"
        await wish(w, "cancel", order)
        await w.live_on(4)
        assert w.events("errand.refused")[-1]["is_over"]

        w.market.refuses.clear()
        await wish(w, "retry", order)
        await w.cycle(2)
        assert w.market.order(order).status is Status.CANCELED
        await w.assert_promise(order)
