import re
from datetime import UTC, datetime, timedelta

import pytest

from daemon.domain.ledger import Kind, NewsKind
from daemon.errors import OrderRejected
from daemon.ports import Effect
from tests.support.tryton_orders import (
    EDIT,
    change,
    connected,
    key_of,
    sale_of,
    some_order,
)
from tests.support.tryton_shop import mapping

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]  # the first of them may have to make a Tryton


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


async def test_a_preview_touches_nothing(tryton_server, clerk, tryton_proxy):
    """What would be done is told in words, and only questions are asked."""
    order = some_order()
    edit = change(order, **EDIT)
    async with connected(tryton_server, base_url=tryton_proxy.url) as erp:
        made = await erp.create(order, key_of(order))
        before = len(tryton_proxy.asked)
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
    assert all(re.match(r"GET|POST .*/get_preferences", line) for line in tryton_proxy.asked[before:])
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
