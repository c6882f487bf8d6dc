import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import pytest

from daemon.domain.ledger import Kind, NewsKind
from daemon.domain.order import Address
from daemon.errors import AdapterError, Ambiguous, Conflict, ErpError, ErpUnavailable, OrderRejected
from daemon.ports import Effect
from daemon.sandbox.catalogue import PRODUCTS
from tests.support.hardships import closed_port
from tests.support.proxy import Proxy
from tests.support.tryton_orders import BOXES, KILOS, MANGOS, change, connected, some_order
from tests.support.tryton_shop import application_key, mapping

pytestmark = pytest.mark.tryton


@pytest.fixture(scope="module")
def clerk(tryton_server):
    """A clerk's session in Tryton."""
    return tryton_server.rpc()


@pytest.fixture
def proxy(tryton_server):
    """Stands before Tryton and spoils what a test wants spoilt."""
    with Proxy(urlsplit(tryton_server.url).port) as standing:
        yield standing


def key_of(order):
    return f"c123-{order.id}"


def sale_of(clerk, record, *fields):
    return clerk.read("sale.sale", ["state", "number", "lines", *fields], ["id", "=", int(record.id)])[0]


def lines_of(clerk, record):
    fields = ["product.code", "quantity", "unit.symbol", "unit_price", "taxes", "note"]
    return clerk.read("sale.line", fields, ["sale", "=", int(record.id)])


def sales_with(clerk, reference):
    return clerk.search("sale.sale", ["reference", "=", reference])


# ---- a sale for an order


async def test_an_order_becomes_a_sale(tryton_server, clerk):
    """A create makes one quotation with customer, addresses, dates, note, produce in Tryton's units, and taxes."""
    order = some_order()
    async with connected(tryton_server) as erp:
        await erp.check()
        record = await erp.create(order, key_of(order))

    sale = sale_of(
        clerk, record, "reference", "comment", "shipping_date", "party.name", "shipment_address.party_name", "tax_amount"
    )
    assert (record.number, record.status, record.live) == (sale["number"], "quotation", True)
    assert sale["reference"] == key_of(order)
    assert sale["party."]["name"] == "Frutas Hermanos Vidal"
    assert sale["shipment_address."]["party_name"] == "DEL-01"
    assert sale["shipping_date"] == (datetime.now(UTC) + timedelta(days=2)).date()
    assert "Entregar antes de las 7:00" in sale["comment"]
    assert f"Delivery: {sale['shipping_date']} 0" in sale["comment"]
    booked = [(line["product."]["code"], line["quantity"], line["unit."]["symbol"]) for line in lines_of(clerk, record)]
    assert booked == [("TOM-RAF-6", 72.0, "kg"), ("LIM-VERNA", 42.5, "kg")]
    assert record.total == Decimal("270.80")
    assert sale["tax_amount"] == Decimal("10.83")
    assert [line.line_id for line in record.lines] == ["7001", "7002"]


async def test_taxes_follow_the_customers_rule(tryton_server, clerk):
    """A customer abroad is taxed by the rule that Tryton has for it, which only Tryton can apply."""
    order = some_order(counterpart_id_seller="C-0148", deliver_to=None)
    async with connected(tryton_server) as erp:
        record = await erp.create(order, key_of(order))

    assert sale_of(clerk, record, "tax_amount")["tax_amount"] == 0
    assert all(line["taxes"] != [tryton_server.facts["tax"]] for line in lines_of(clerk, record))


@pytest.mark.parametrize(("goal", "state"), [("draft", "draft"), ("quotation", "quotation"), ("confirmed", "processing")])
async def test_a_sale_is_taken_as_far_as_configured(tryton_server, clerk, goal, state):
    """An imported sale is a draft, a quotation or confirmed, as the operator wants; only the draft waits for its number."""
    order = some_order()
    async with connected(tryton_server, state=goal) as erp:
        record = await erp.create(order, key_of(order))
        assert erp.capabilities.numbers_later == (record.number is None)

    assert sale_of(clerk, record)["state"] == record.status == state


async def test_find_sees_drafts_and_cancelled_sales_by_the_whole_key(tryton_server, clerk):
    """A key finds its sale in whatever state, and no key finds another's: 5001 is not 5001/2."""
    order = some_order()
    key = key_of(order)
    async with connected(tryton_server, state="draft") as erp:
        assert await erp.find(key) is None
        made = await erp.create(order, key)
        assert await erp.find(key) == made == await erp.read(made.id)
        assert await erp.find(key[:-1]) is await erp.find(f"{key}/2") is await erp.find(key.upper()) is None
        clerk.call("sale.sale", "cancel", [int(made.id)])
        found = await erp.find(key)
        assert (found.id, found.live) == (made.id, False)
        clerk.call("sale.sale", "delete", [int(made.id)])
        assert await erp.find(key) is await erp.read(made.id) is None


async def test_two_sales_with_one_reference_are_ambiguous(tryton_server, clerk):
    """Tryton keeps no reference unique: two sales that bear one are told, with their names."""
    order = some_order()
    async with connected(tryton_server) as erp:
        made = await erp.create(order, key_of(order))
        company = {"company": tryton_server.facts["company"], "currency": tryton_server.facts["currency"]}
        clerk.create("sale.sale", party=2, reference=key_of(order), **company)
        with pytest.raises(Ambiguous, match=f"sale {made.number} and draft sale"):
            await erp.find(key_of(order))


async def test_every_gap_is_named_and_nothing_written(tryton_server, clerk):
    """An order that Tryton cannot take over is rejected with all that is missing, and leaves no sale."""
    lines = (replace(BOXES, sku="NOPE"), replace(KILOS, unit="crate"))
    order = some_order(counterpart_id_seller="C-9999", lines=lines)
    async with connected(tryton_server) as erp:
        with pytest.raises(OrderRejected) as rejected:
            await erp.create(order, key_of(order))
        assert rejected.value.missing == ("customer:C-9999", "product:NOPE", "unit:crate")
        elsewhere = some_order(deliver_to=Address(external_id="NOWHERE"))
        with pytest.raises(OrderRejected) as rejected:
            await erp.create(elsewhere, key_of(elsewhere))
        assert rejected.value.missing == ("address:C-0101/NOWHERE",)

    assert sales_with(clerk, key_of(order)) == sales_with(clerk, key_of(elsewhere)) == []


async def test_a_product_is_found_by_its_ean(tryton_server):
    """A SKU that Tryton does not know gives way to the code under the bars."""
    order = some_order(lines=(replace(KILOS, sku="their own", ean_code=PRODUCTS["LIM-VERNA"].ean_code),))
    async with connected(tryton_server) as erp:
        record = await erp.create(order, key_of(order))

    assert record.lines[0].sku == "LIM-VERNA"


async def test_a_quantity_finer_than_the_unit_is_rounded_and_told(tryton_server, clerk):
    """Tryton refuses a third decimal of a kilo: the quantity is rounded before, and the sale's comment says so."""
    order = some_order(lines=(replace(KILOS, amount=Decimal("1.255")),))
    async with connected(tryton_server) as erp:
        record = await erp.create(order, key_of(order))

    assert record.lines[0].amount == Decimal("1.26")
    assert "Rounded: LIM-VERNA: 1.255 kg booked as 1.26 kg" in sale_of(clerk, record, "comment")["comment"]


async def test_odd_text_survives(tryton_server, clerk):
    """Notes with quotes, line breaks and other scripts arrive as they are; a blank line in them is closed up."""
    order = some_order(more_info='«Muelle 4»\n\n"O\'Brien" <b>& 山田</b> \\ %s =1+1')
    async with connected(tryton_server) as erp:
        record = await erp.create(order, key_of(order))
        assert await erp.update(record.id, change(order), "u1") == record

    assert sale_of(clerk, record, "comment")["comment"].endswith('«Muelle 4»\n"O\'Brien" <b>& 山田</b> \\ %s =1+1')


# ---- edits, by the sale's state

EDIT = {"lines": (replace(BOXES, amount=Decimal(15), price=Decimal("3.05")), MANGOS), "more_info": "Muelle 4"}


def check_edited(record):
    booked = [(line.line_id, line.sku, line.amount, line.price) for line in record.lines]
    assert booked == [
        ("7001", "TOM-RAF-6", Decimal(90), Decimal("3.05")),
        ("7003", "MANG-KENT-6", Decimal(5), Decimal("14.40")),
    ]


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


async def test_a_clerk_who_confirms_between_our_look_and_our_write_wins(tryton_server, clerk, proxy):
    """An edit that meets a sale which was confirmed a moment ago is refused by Tryton, and not a line of it is written."""
    order = some_order()
    async with connected(tryton_server, base_url=proxy.url) as erp:
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


# ---- what cannot be known, and what can


@pytest.mark.parametrize("fault", ["lost", "late", "502", "502 after", "unsent"])
async def test_a_create_whose_answer_is_lost_is_a_doubt(tryton_server, clerk, proxy, fault):
    """Whatever breaks once the sale was sent is no verdict; asking by the key then tells what happened."""
    order = some_order()
    async with connected(tryton_server, base_url=proxy.url, timeout=1) as erp:
        await erp.find("to be ready")
        proxy.fault(fault, "POST /tryton/rest/model/sale.sale[?]", seconds=2)
        with pytest.raises(Exception, match=r"answer|broke|502") as raised:
            await erp.create(order, key_of(order))
        assert not isinstance(raised.value, ErpError)
        found = await erp.find(key_of(order))

    assert (found is not None) == (fault not in ("502", "unsent")) == bool(sales_with(clerk, key_of(order)))


async def test_a_half_made_sale_is_finished_by_its_update(tryton_server, proxy):
    """A create that broke before the quotation is found as a draft; the update that follows takes it on, taxes included."""
    order = some_order(counterpart_id_seller="C-0148", deliver_to=None)
    async with connected(tryton_server, base_url=proxy.url) as erp:
        await erp.find("to be ready")
        proxy.fault("unsent", "PUT")
        with pytest.raises(Exception, match="broke") as raised:
            await erp.create(order, key_of(order))
        assert not isinstance(raised.value, ErpError)
        found = await erp.find(key_of(order))
        assert (found.status, found.number) == ("draft", None)
        record = await erp.update(found.id, change(order), "u1")
        assert record.status == "quotation"
        taxes = {tax for line in (await erp._book.read(desk_of(erp), record.id)).lines for tax in line.taxes}
        assert taxes == {tryton_server.facts["tax"] + 1}


def desk_of(erp):
    from daemon.erp.tryton.desk import Desk

    return Desk(erp._rest)


async def test_an_edit_that_breaks_in_the_middle_is_finished_by_the_next(tryton_server, clerk, proxy):
    """A quotation that was left as a draft by a broken edit is a quotation again after the repetition, even a clerk's own."""
    order = some_order()
    async with connected(tryton_server, base_url=proxy.url, state="draft") as erp:
        made = await erp.create(order, key_of(order))
        clerk.call("sale.sale", "quote", [int(made.id)])
        number = (await erp.read(made.id)).number
        proxy.fault("unsent", "PUT")
        with pytest.raises(Exception, match="broke") as raised:
            await erp.update(made.id, change(order, **EDIT), "u1")
        assert not isinstance(raised.value, ErpError)
        assert (await erp.read(made.id)).status == "draft"
        edited = await erp.update(made.id, change(order, **EDIT), "u2")
        check_edited(edited)
        assert (edited.number, edited.status) == (number, "quotation")


async def test_an_outage_in_the_middle_is_not_told_as_nothing_sent(tryton_server, proxy):
    """A refused connection means that nothing was sent only before the first write."""
    order = some_order()
    async with connected(tryton_server, base_url=proxy.url) as erp:
        made = await erp.create(order, key_of(order))
        press = erp._rest.send

        async def then_away(method, path, **named):
            answer = await press(method, path, **named)
            proxy.close()
            return answer

        erp._rest.send = then_away
        with pytest.raises(Exception, match="after a part of it was done") as raised:
            await erp.update(made.id, change(order, **EDIT), "u1")
        assert not isinstance(raised.value, ErpError)


async def test_an_erp_that_is_away(tryton_server):
    """Where nothing listens, nothing was sent: every call says so."""
    order = some_order()
    async with connected(tryton_server, base_url=f"http://127.0.0.1:{closed_port()}") as erp:
        for call in (erp.check(), erp.find("c1"), erp.read("1"), erp.create(order, "c1"), erp.update("1", change(order), "u1")):
            with pytest.raises(ErpUnavailable, match="cannot be reached"):
                await call


async def test_look_ups_that_fail_have_sent_nothing(tryton_server, proxy):
    """A question that is lost has changed nothing: before the first write that is an outage, not a doubt."""
    order = some_order()
    async with connected(tryton_server, base_url=proxy.url) as erp:
        for fault in ("lost", "502"):
            proxy.fault(fault, "GET .*party.party")
            with pytest.raises(ErpUnavailable):
                await erp.create(order, key_of(order))


# ---- keys, rights, set-up


async def test_a_refused_key_is_not_tried_again(tryton_server, proxy):
    """A key that Tryton refused is not sent again, so that nobody is locked out; another key is."""
    async with connected(tryton_server, base_url=proxy.url, key="0" * 128) as erp:
        with pytest.raises(AdapterError, match="refuses the key") as refused:
            await erp.check()
        assert "User Applications" in refused.value.remedy
        asked = len(proxy.asked)
        for _ in range(3):
            with pytest.raises(ErpUnavailable, match="refuses the key"):
                await erp.find("c1")
        assert len(proxy.asked) == asked


async def test_a_new_key_is_read_from_its_file(tryton_server, tmp_path):
    """After a rotation the daemon goes on with the new key, without a restart."""
    file = tmp_path / "key"
    file.write_text("0" * 128)
    async with connected(tryton_server, key=None, key_file=file) as erp:
        with pytest.raises(ErpUnavailable):
            await erp.find("c1")
        file.write_text(f"{tryton_server.key}\n")
        assert await erp.find("c1") is None
        file.unlink()
        with pytest.raises(ErpUnavailable, match="cannot be read"):
            await erp.find("c1")


async def test_what_is_not_set_up_is_told_with_a_remedy(tryton_server, clerk):
    """A wrong database, an unknown company and missing rights each end the check with a remedy."""

    async def told(**fields):
        async with connected(tryton_server, **fields) as erp:
            with pytest.raises(AdapterError) as refused:
                await erp.check()
            assert refused.value.remedy
            return str(refused.value)

    assert "no such database" in await told(database="other")
    assert "0 companies called 'Nobody'" in await told(company="Nobody")
    user = clerk.create("res.user", name="x", login=f"x{some_order().id}", companies=[["add", [1]]], company=1)
    assert "may not read sale.sale, write sale.sale" in await told(key=application_key(clerk, user))
    sales = clerk.search("res.group", ["name", "=", "Sales"])
    clerk.call("res.user", "write", [user], {"groups": [["add", sales]]})
    assert "may not press validate_amendment" in await told(key=application_key(clerk, user), after_confirmation="amend")


async def test_a_button_that_others_may_press_is_told(own_tryton):
    """Where a group of its own may confirm sales, and the import user is not in it, the check says which."""
    clerk = own_tryton.rpc()
    group = clerk.call("res.group", "create", [{"name": "Sales bosses"}])
    button = clerk.search("ir.model.button", ["model", "=", "sale.sale"], ["name", "=", "confirm"])
    clerk.call("ir.model.button", "write", button, {"groups": [["add", group]]})
    async with connected(own_tryton) as erp:
        with pytest.raises(AdapterError, match="may not press confirm") as refused:
            await erp.check()
    assert "Sales bosses" in refused.value.remedy


async def test_a_thousand_lines(tryton_server):
    """An order of very many products is looked up in several questions, and booked as one sale."""
    lines = tuple(replace(KILOS, id=str(n), sku=f"{'X' * 60}{n}", ean_code=PRODUCTS["LIM-VERNA"].ean_code) for n in range(1000))
    order = some_order(lines=lines)
    async with connected(tryton_server, timeout=60, state="draft") as erp:
        record = await erp.create(order, key_of(order))

    assert [line.line_id for line in record.lines] == [line.id for line in lines]


async def test_a_rule_that_could_hide_a_sale_ends_the_check(own_tryton):
    """A sale that a record rule hides from `find` would be made twice: the check refuses such a set-up."""
    rules = [["create", [{"domain": '[["state", "!=", "draft"]]'}]]]
    group = {"name": "No drafts", "model": "sale.sale", "global_p": True, "rules": rules}
    own_tryton.rpc().call("ir.rule.group", "create", [group])
    async with connected(own_tryton) as erp:
        with pytest.raises(AdapterError, match="'No drafts' can hide sales"):
            await erp.check()


async def test_a_company_by_its_name(tryton_server):
    """The company may be named; it is part of the identity."""
    order = some_order()
    async with connected(tryton_server, company="Huerta Ejido SL") as erp:
        await erp.check()
        assert (await erp.create(order, key_of(order))).live
        assert erp.identity == f"{tryton_server.url}/tryton#Huerta Ejido SL"


# ---- the way back, and the rehearsal


async def test_what_clerks_do_is_reported(tryton_server, clerk):
    """Numbers, states and cancels of our sales are told since a cursor, again until it moves on; other people's are not."""
    order, other = some_order(), some_order()
    async with connected(tryton_server, state="draft") as erp:
        since = (await erp.reports(None)).cursor
        made, second = [await erp.create(one, key_of(one)) for one in (order, other)]
        clerk.create("sale.sale", company=1, party=2, currency=1, reference="by hand")
        clerk.call("sale.sale", "quote", [int(made.id)])
        clerk.call("sale.sale", "cancel", [int(second.id)])
        told = await erp.reports(since)
        assert await erp.reports(since) == told
        later = await erp.reports(told.cursor)

    number = clerk.read("sale.sale", ["number"], ["id", "=", int(made.id)])[0]["number"]
    said = {(news.record, news.kind, news.status or news.number) for news in told.news}
    assert said >= {
        (made.id, NewsKind.NUMBERED, number),
        (made.id, NewsKind.STATUS, "quotation"),
        (second.id, NewsKind.CANCELLED, "cancelled"),
    }
    assert told.cursor == later.cursor > (since or "")
    assert later.news == told.news, "what was committed late behind the cursor would be lost"
    everyones = {
        sale["reference"] for sale in clerk.read("sale.sale", ["reference"], ["id", "in", [int(n.record) for n in told.news]])
    }
    assert all(re.match(r"c123-|h", reference) for reference in everyones)
    assert all(abs(news.at - datetime.now(UTC)) < timedelta(minutes=5) for news in told.news if news.record == made.id)


async def test_a_preview_touches_nothing(tryton_server, clerk, proxy):
    """What would be done is told in words, and only questions are asked."""
    order = some_order()
    edit = change(order, **EDIT)
    async with connected(tryton_server, base_url=proxy.url) as erp:
        made = await erp.create(order, key_of(order))
        before = len(proxy.asked)
        bad = some_order(counterpart_id_seller="C-9999")
        said = [
            await erp.preview(effect)
            for effect in (
                Effect(kind=Kind.CREATE, key="c1", order=order),
                Effect(kind=Kind.UPDATE, key="u1", order=edit.after, record=made.id, change=edit),
                Effect(kind=Kind.CANCEL, key="x1", order=order, record=made.id),
            )
        ]
        with pytest.raises(OrderRejected) as refused:
            await erp.preview(Effect(kind=Kind.CREATE, key="c2", order=bad))

    assert refused.value.missing == ("customer:C-9999",)
    assert all(re.match(r"GET|POST .*/get_preferences", line) for line in proxy.asked[before:])
    assert said[0].startswith(
        f"create a sale for order {order.id} with the reference c1, as quotation\n  72 kg of TOM-RAF-6 at 3.1"
    )
    assert said[1].startswith(f"change sale {made.number} of order {order.id}, by way of a draft, then as quotation\n  line 7001")
    assert said[2] == f"cancel sale {made.number} of order {order.id}, as it is"
    assert sale_of(clerk, made)["state"] == "quotation"


def test_no_secret_in_identity_or_errors(tryton_server):
    """The key is in no text that the settings can show."""
    from tests.support.tryton_orders import settings

    held = settings(tryton_server)
    assert tryton_server.key not in f"{held!r}{held}{held.identity}{held.model_dump_json()}"
    assert mapping()["contents"]["LECH-ICE-10"] == {"box": "10 u"}
