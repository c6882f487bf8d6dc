from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from daemon.domain.order import Address
from daemon.errors import Ambiguous, OrderRejected
from daemon.sandbox.catalogue import PRODUCTS
from tests.support.tryton_orders import BOXES, KILOS, change, connected, key_of, lines_of, sale_of, sales_with, some_order

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]  # the first of them may have to make a Tryton


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


async def test_a_thousand_lines(tryton_server):
    """An order of very many products is looked up in several questions, and booked as one sale."""
    lines = tuple(replace(KILOS, id=str(n), sku=f"{'X' * 60}{n}", ean_code=PRODUCTS["LIM-VERNA"].ean_code) for n in range(1000))
    order = some_order(lines=lines)
    async with connected(tryton_server, timeout_s=60, state="draft") as erp:
        record = await erp.create(order, key_of(order))

    assert [line.line_id for line in record.lines] == [line.id for line in lines]
