"""What the ERP booked otherwise is told, counted and shown, and parks if so configured."""

from dataclasses import replace
from decimal import Decimal

from daemon.domain.ledger import News, NewsKind, Wish
from daemon.domain.plan import Plan, plan
from daemon.domain.state import Situation
from daemon.store import wishes
from daemon.store.questions import open_reader
from daemon.store.scope import Scope
from daemon.sync.way import Amounts, Rules
from daemon.testing import FakeErpSettings
from tests.integration.test_schedules import edit
from tests.support.world import World, world

BOOKS = FakeErpSettings(books=True)
PARKS = Rules(amounts=Amounts(park=True))


def priced_by_the_box(w: World) -> str:
    """An order whose lines' totals can be told."""
    order_id = w.market.place()
    line = w.market.order(order_id).lines[0]
    w.market.edit(order_id, lines=(replace(line, price_unit="box"),))
    return order_id


async def retried(w: World, order_id: str) -> None:
    """A person looked, and accepts it."""
    async with w.way.store._store._engine.writing() as connection:
        wish = Wish(number=0, what="retry", order_id=order_id, who="ana", reason="", made_at=w.clock.now())
        await wishes.make(Scope(connection, "123"), wish)


async def test_amounts_that_are_right_are_not_told(database_url: str) -> None:
    """An ERP that books what was ordered leaves no trace."""
    async with world(database_url, erp=BOOKS) as w:
        order_id = priced_by_the_box(w)
        report = await w.cycle()

        await w.assert_promise(order_id)
        assert report.tally.mismatched == 0
        assert (await w.state(order_id)).mismatch == ""


async def test_a_mismatch_is_told_once_a_revision_and_counted(database_url: str) -> None:
    """The write stands; the difference is a log line, a count, a figure of `status`, and gone once it is booked right."""
    async with world(database_url, erp=BOOKS) as w:
        order_id = priced_by_the_box(w)
        w.erp.surcharge = Decimal("0.50")
        report = await w.cycle()
        await w.cycle(3)

        (told,) = w.events("amount.mismatched")
        assert (
            told["difference"]
            == "the total of line 7001 (TOM-RAF) is 12, and booked as 12.5; the total is 12, and booked as 12.5"
        )
        assert report.tally.mismatched == 1
        await w.assert_promise(order_id)
        async with open_reader(database_url) as reader:
            assert (await reader.overview())[0].mismatched == 1

        w.clock.advance(1)
        w.market.edit(order_id, more_info="ring twice")
        await w.cycle(2)
        assert [fields["revision"] for fields in w.events("amount.mismatched")] == [1, 2]
        w.erp.surcharge = Decimal(0)
        edit(w, order_id, "30")
        await w.cycle(2)
        assert (await w.state(order_id)).mismatch == ""


async def test_a_mismatch_parks_after_the_write(database_url: str) -> None:
    """The ERP has it and Consentio knows the reference, but no edit is seen before a person accepts it with `retry`."""
    async with world(database_url, erp=BOOKS, rules=PARKS) as w:
        order_id = priced_by_the_box(w)
        await w.cycle()
        w.erp.surcharge = Decimal("0.50")
        edit(w, order_id, "20")
        await w.cycle(3)

        state = await w.state(order_id)
        assert (state.situation, plan(state)) == (Situation.PARKED, Plan.SETTLE)
        assert state.reason.startswith("the ERP booked otherwise: ")
        assert w.market.unseen(order_id)
        assert w.market.order(order_id).external_id == state.erp_record

        effects = list(w.erp.effects)
        await retried(w, order_id)
        await w.cycle(2)
        await w.assert_promise(order_id)
        assert not w.market.unseen(order_id)
        assert w.erp.effects == effects  # nothing was sent again


async def test_a_newer_content_is_delivered_to_an_order_parked_for_its_amounts(database_url: str) -> None:
    """It is compared again, and settles when it is right."""
    async with world(database_url, erp=BOOKS, rules=PARKS) as w:
        order_id = priced_by_the_box(w)
        w.erp.surcharge = Decimal("0.50")
        await w.cycle()
        w.erp.surcharge = Decimal(0)
        edit(w, order_id, "20")
        await w.cycle(2)

        await w.assert_promise(order_id)


async def test_amounts_that_nobody_checks(database_url: str) -> None:
    """Switched off, nothing is told."""
    async with world(database_url, erp=BOOKS, rules=Rules(amounts=Amounts(check=False))) as w:
        priced_by_the_box(w)
        w.erp.surcharge = Decimal("0.50")
        report = await w.cycle()

        assert report.tally.mismatched == 0
        assert not w.events("amount.mismatched")


def books(w: World, order_id: str, key: str, total: str) -> None:
    """The ERP tells later what it booked for a document, as importers do."""
    (record,) = w.erp.live(order_id)
    at = w.clock.now()
    w.erp.journal.write(News(record=record.id, kind=NewsKind.STATUS, at=at, status="booked", total=Decimal(total), key=key))


async def test_a_total_that_is_told_later_is_compared(database_url: str) -> None:
    """What the ERP books of a document it says in its news: compared with what that very document carried."""
    async with world(database_url, erp=FakeErpSettings(reports=True), rules=PARKS) as w:
        order_id = priced_by_the_box(w)
        await w.cycle()
        (create,) = [effect.split()[1] for effect in w.erp.effects]
        books(w, order_id, create, "12")
        report = await w.cycle(2)
        assert (report.tally.mismatched, (await w.state(order_id)).mismatch) == (0, "")

        w.clock.advance(1)
        books(w, order_id, create, "13")
        await w.cycle()
        state = await w.state(order_id)
        assert (state.situation, state.mismatch) == (Situation.PARKED, "the total is 12, and booked as 13")
        assert len(w.events("amount.mismatched")) == len(w.events("order.parked")) == 1


async def test_a_total_of_an_earlier_document_is_not_compared(database_url: str) -> None:
    """News of what was booked before an edit say nothing of the edit."""
    async with world(database_url, erp=FakeErpSettings(reports=True), rules=PARKS) as w:
        order_id = priced_by_the_box(w)
        await w.cycle()
        (create,) = [effect.split()[1] for effect in w.erp.effects]
        edit(w, order_id, "20")
        await w.cycle(2)
        books(w, order_id, create, "12")
        await w.cycle(2)

        assert (await w.state(order_id)).mismatch == ""
        assert not w.events("amount.mismatched")
