import pytest

from daemon.errors import ErpError, ErpUnavailable
from tests.support.hardships import closed_port
from tests.support.tryton_orders import EDIT, change, check_edited, connected, key_of, sales_with, some_order

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]  # the first of them may have to make a Tryton


@pytest.mark.parametrize("fault", ["lost", "late", "502", "502 after", "unsent"])
async def test_a_create_whose_answer_is_lost_is_a_doubt(tryton_server, clerk, tryton_proxy, fault):
    """Whatever breaks once the sale was sent is no verdict; asking by the key then tells what happened."""
    order = some_order()
    patience_s = 3 if fault == "late" else 60  # the questions before the create must not run into it on a busy machine
    async with connected(tryton_server, base_url=tryton_proxy.url, timeout_s=patience_s) as erp:
        await erp.find("to be ready")
        tryton_proxy.fault(fault, "POST /tryton/rest/model/sale.sale[?]", seconds=2 * patience_s)
        with pytest.raises(Exception, match=r"answer|broke|502") as raised:
            await erp.create(order, key_of(order))
        assert not isinstance(raised.value, ErpError)
        found = await erp.find(key_of(order))

    assert (found is not None) == (fault not in ("502", "unsent")) == bool(sales_with(clerk, key_of(order)))


async def test_a_half_made_sale_is_finished_by_its_update(tryton_server, tryton_proxy):
    """A create that broke before the quotation is found as a draft; the update that follows takes it on, taxes included."""
    order = some_order(counterpart_id_seller="C-0148", deliver_to=None)
    async with connected(tryton_server, base_url=tryton_proxy.url) as erp:
        await erp.find("to be ready")
        tryton_proxy.fault("unsent", "PUT")
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


async def test_an_edit_that_breaks_in_the_middle_is_finished_by_the_next(tryton_server, clerk, tryton_proxy):
    """A quotation that was left as a draft by a broken edit is a quotation again after the repetition, even a clerk's own."""
    order = some_order()
    async with connected(tryton_server, base_url=tryton_proxy.url, state="draft") as erp:
        made = await erp.create(order, key_of(order))
        clerk.call("sale.sale", "quote", [int(made.id)])
        number = (await erp.read(made.id)).number
        tryton_proxy.fault("unsent", "PUT")
        with pytest.raises(Exception, match="broke") as raised:
            await erp.update(made.id, change(order, **EDIT), "u1")
        assert not isinstance(raised.value, ErpError)
        assert (await erp.read(made.id)).status == "draft"
        edited = await erp.update(made.id, change(order, **EDIT), "u2")
        check_edited(edited)
        assert (edited.number, edited.status) == (number, "quotation")


async def test_an_outage_in_the_middle_is_not_told_as_nothing_sent(tryton_server, tryton_proxy):
    """A refused connection means that nothing was sent only before the first write."""
    order = some_order()
    async with connected(tryton_server, base_url=tryton_proxy.url) as erp:
        made = await erp.create(order, key_of(order))
        press = erp._rest.send

        async def then_away(method, path, **named):
            answer = await press(method, path, **named)
            tryton_proxy.close()
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


async def test_look_ups_that_fail_have_sent_nothing(tryton_server, tryton_proxy):
    """A question that is lost has changed nothing: before the first write that is an outage, not a doubt."""
    order = some_order()
    async with connected(tryton_server, base_url=tryton_proxy.url) as erp:
        for fault in ("lost", "502"):
            tryton_proxy.fault(fault, "GET .*party.party")
            with pytest.raises(ErpUnavailable):
                await erp.create(order, key_of(order))
