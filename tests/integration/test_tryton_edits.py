from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from daemon.domain.ledger import NewsKind
from daemon.errors import Conflict, OrderRejected
from tests.support.tryton_orders import BOXES, EDIT, KILOS, change, check_edited, connected, key_of, lines_of, sale_of, some_order

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]  # the first of them may have to make a Tryton


@pytest.mark.parametrize("state", ["draft", "quotation"])
async def test_an_edit_before_confirmation(tryton_server, clerk, state):
    """A changed, an added and a removed line arrive in a draft, and in a quotation, which keeps its number; twice is once."""
    order = some_order()
    async with connected(tryton_server, state=state) as erp:
        made = await erp.create(order, key_of(order))
        edited = await erp.update(made.id, change(order, **EDIT), "u1")
        check_edited(edited)
        assert (edited.id, edited.number, edited.status) == (made.id, made.number, state)
        assert await erp.update(made.id, change(order, **EDIT), "u2") == edited
        assert await erp.read(made.id) == edited

    assert "Muelle 4" in sale_of(clerk, edited, "comment")["comment"]


async def test_each_part_of_the_header_follows(tryton_server, clerk):
    """Another date, place or note alone is an edit, too."""
    order = some_order()
    async with connected(tryton_server) as erp:
        made = await erp.create(order, key_of(order))
        later = order.delivery_estimated_at + timedelta(days=1)
        await erp.update(made.id, change(order, delivery_estimated_at=later), "u1")
        assert sale_of(clerk, made, "shipping_date")["shipping_date"] == later.date()
        await erp.update(made.id, change(order, delivery_method="pickup", pickup_estimated_at=later), "u2")
        assert "Pickup: " in sale_of(clerk, made, "comment")["comment"]


async def test_what_a_clerk_wrote_stays(tryton_server, clerk):
    """A clerk's own line and words below a blank line outlive an edit; what they did to our lines does not."""
    order = some_order()
    async with connected(tryton_server, state="draft") as erp:
        made = await erp.create(order, key_of(order))
        ours = sale_of(clerk, made, "comment")
        freight = {"type": "line", "description": "Freight", "quantity": 1.0, "unit_price": Decimal(9)}
        lines = [["write", [ours["lines"][0]], {"quantity": 1.0}], ["create", [freight]]]
        clerk.call("sale.sale", "write", [int(made.id)], {"lines": lines, "comment": ours["comment"] + "\n\nCall Núria first"})
        edited = await erp.update(made.id, change(order, **EDIT), "u1")

    ours, clerks = [[line for line in edited.lines if (line.line_id is None) == own] for own in (False, True)]
    check_edited(replace(edited, lines=ours))
    assert [line.price for line in clerks] == [Decimal(9)]
    assert sale_of(clerk, made, "comment")["comment"].endswith("Muelle 4\n\nCall Núria first")


async def test_a_confirmed_sale_is_left_to_a_person(tryton_server, clerk):
    """By default an edit or a cancel of what was confirmed is a conflict, and changes nothing; the same content is none."""
    order = some_order()
    async with connected(tryton_server) as erp:
        made = await erp.create(order, key_of(order))
        clerk.call("sale.sale", "confirm", [int(made.id)])
        held = await erp.read(made.id)
        assert held.status == "processing"
        assert await erp.update(made.id, change(order), "u0") == held
        for attempt in (erp.update(made.id, change(order, **EDIT), "u1"), erp.cancel(made.id, order, "x1")):
            with pytest.raises(Conflict, match=f"sale {made.number} is confirmed"):
                await attempt
        assert await erp.read(made.id) == held
        assert not erp.capabilities.edit_after_confirmation
        assert not erp.capabilities.cancel_after_confirmation


async def test_a_confirmed_sale_is_amended_where_configured(tryton_server, clerk):
    """By amendments, lines of a confirmed sale change and vanish, its shipment follows, and a cancel brings all to nothing."""
    order = some_order()
    async with connected(tryton_server, state="confirmed", after_confirmation="amend") as erp:
        await erp.check()
        made = await erp.create(order, key_of(order))
        fewer = change(order, lines=(replace(BOXES, amount=Decimal(15)),))
        edited = await erp.update(made.id, fewer, "u1")
        assert [(line.line_id, line.amount) for line in edited.lines] == [("7001", Decimal(90))]
        assert await erp.update(made.id, fewer, "u2") == edited
        moves = clerk.read("stock.move", ["quantity"], ["shipment.id", "in", shipments(clerk, made), "stock.shipment.out"])
        assert {move["quantity"] for move in moves} == {90.0}
        with pytest.raises(Conflict, match="no amendment can bring it: 5 u of MANG-KENT-6"):
            await erp.update(made.id, change(order, **EDIT), "u3")

        cancelled = await erp.cancel(made.id, order, "x1")
        assert (cancelled.live, cancelled.status, cancelled.total) == (False, "cancelled", 0)
        assert await erp.cancel(made.id, order, "x2") == cancelled == await erp.find(key_of(order))

        ends = [news for news in (await erp.reports(None)).news if news.record == made.id]
        assert [news.kind for news in ends] == [NewsKind.CANCELLED]

    assert shipments(clerk, made) == []
    assert clerk.search("sale.amendment", ["sale", "=", int(made.id)], ["state", "=", "draft"]) == []


def shipments(clerk, record):
    return clerk.read("sale.sale", ["shipments"], ["id", "=", int(record.id)])[0]["shipments"]


async def test_goods_that_are_leaving_are_a_conflict(tryton_server, clerk):
    """Once the shipment is packed, no amendment is tried."""
    order = some_order(lines=(KILOS,))
    async with connected(tryton_server, state="confirmed", after_confirmation="amend") as erp:
        made = await erp.create(order, key_of(order))
        for button in ("assign_force", "pick"):
            clerk.call("stock.shipment.out", button, shipments(clerk, made))
        with pytest.raises(Conflict, match="is being shipped"):
            await erp.update(made.id, change(order, lines=(replace(KILOS, amount=Decimal(3)),)), "u1")
        with pytest.raises(Conflict, match="is being shipped"):
            await erp.cancel(made.id, order, "x1")


async def test_a_clerk_who_confirms_between_our_look_and_our_write_wins(tryton_server, clerk, tryton_proxy):
    """An edit that meets a sale which was confirmed a moment ago is refused by Tryton, and not a line of it is written."""
    order = some_order()
    async with connected(tryton_server, base_url=tryton_proxy.url) as erp:
        made = await erp.create(order, key_of(order))
        book, look = erp._book, erp._book.content

        async def confirm_meanwhile(desk, wanted):
            content = await look(desk, wanted)
            clerk.call("sale.sale", "confirm", [int(made.id)])
            return content

        book.content = confirm_meanwhile
        with pytest.raises(Conflict):
            await erp.update(made.id, change(order, more_info="only the note"), "u1")

    assert [line["quantity"] for line in lines_of(clerk, made)] == [72.0, 42.5]
    assert "only the note" not in sale_of(clerk, made, "comment")["comment"]


async def test_a_draft_that_is_confirmed_before_the_write_is_not_overwritten(tryton_server, clerk):
    """Every write replaces a line, and that Tryton refuses once a sale is no draft: even a note of an edit cannot slip in."""
    order = some_order()
    async with connected(tryton_server, state="draft") as erp:
        made = await erp.create(order, key_of(order))
        book, look = erp._book, erp._book.content

        async def confirm_meanwhile(desk, wanted):
            content = await look(desk, wanted)
            clerk.call("sale.sale", "quote", [int(made.id)])
            clerk.call("sale.sale", "confirm", [int(made.id)])
            return content

        book.content = confirm_meanwhile
        with pytest.raises(Conflict, match="became processing in Tryton meanwhile"):
            await erp.update(made.id, change(order, more_info="only the note"), "u1")

    assert "only the note" not in sale_of(clerk, made, "comment")["comment"]


async def test_a_draft_that_is_cancelled_before_the_write_is_not_touched(tryton_server, clerk):
    """Tryton lets lines of a cancelled sale be deleted, but none be made: an edit that only removes one cannot slip in either."""
    order = some_order()
    async with connected(tryton_server, state="draft") as erp:
        made = await erp.create(order, key_of(order))
        book, look = erp._book, erp._book.content

        async def cancel_meanwhile(desk, wanted):
            content = await look(desk, wanted)
            clerk.call("sale.sale", "cancel", [int(made.id)])
            return content

        book.content = cancel_meanwhile
        with pytest.raises(Conflict, match="is cancelled"):
            await erp.update(made.id, change(order, lines=order.lines[:1]), "u1")

    assert len(lines_of(clerk, made)) == 2


async def test_an_edit_of_what_is_gone_or_cancelled_is_a_conflict(tryton_server, clerk):
    """A sale that a clerk cancelled or deleted is not brought back by an edit."""
    order = some_order()
    async with connected(tryton_server) as erp:
        made = await erp.create(order, key_of(order))
        clerk.call("sale.sale", "cancel", [int(made.id)])
        with pytest.raises(Conflict, match="is cancelled"):
            await erp.update(made.id, change(order, **EDIT), "u1")
        clerk.call("sale.sale", "delete", [int(made.id)])
        with pytest.raises(Conflict, match="is gone"):
            await erp.update(made.id, change(order, **EDIT), "u2")


async def test_a_rejected_edit_leaves_the_quotation_as_it_was(tryton_server, clerk):
    """An edit that lacks something is rejected before the sale is touched; refused by Tryton, it is a quotation again."""
    order = some_order()
    async with connected(tryton_server) as erp:
        made = await erp.create(order, key_of(order))
        with pytest.raises(OrderRejected) as rejected:
            await erp.update(made.id, change(order, lines=(replace(BOXES, sku="NOPE"),)), "u1")
        assert rejected.value.missing == ("product:NOPE",)
        before = order.created_at - timedelta(days=9)
        with pytest.raises(OrderRejected, match="Shipping Date"):
            await erp.update(made.id, change(order, delivery_estimated_at=before), "u2")
        assert await erp.read(made.id) == made


@pytest.mark.parametrize("state", ["draft", "quotation"])
async def test_a_cancel_before_confirmation_may_be_repeated(tryton_server, clerk, state):
    """A cancelled sale, or one that is gone, is cancelled once more with success."""
    order = some_order()
    async with connected(tryton_server, state=state) as erp:
        made = await erp.create(order, key_of(order))
        assert (await erp.cancel(made.id, order, "x1")).live is False
        assert sale_of(clerk, made)["state"] == "cancelled"
        assert (await erp.cancel(made.id, order, "x2")).live is False
        clerk.call("sale.sale", "delete", [int(made.id)])
        assert (await erp.cancel(made.id, order, "x3")).live is False
