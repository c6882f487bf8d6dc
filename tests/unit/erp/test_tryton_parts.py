from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.erp.tryton import TrytonAdapter
from daemon.erp.tryton.sale import Sale, SaleLine, mark, read_sale
from daemon.erp.tryton.settings import TrytonSettings
from daemon.erp.tryton.wire import decoded, encoded

LINE = SaleLine(
    id=1,
    line_id="7001",
    is_goods=True,
    product=1,
    sku="TOM",
    quantity=Decimal(2),
    unit=2,
    symbol="kg",
    price=Decimal(1),
    total=Decimal(2),
    taxes=frozenset(),
)
SALE = Sale(
    id=17,
    reference="c123-5001",
    number="S9",
    state="processing",
    party=1,
    shipment_address=1,
    currency=1,
    shipping_date=None,
    comment="",
    total=Decimal(2),
    lines=(LINE,),
    is_leaving=False,
)


def settings(**fields):
    return TrytonSettings.model_validate({"base_url": "http://127.0.0.1:8000", "key": "k" * 128, **fields})


def problems(**fields):
    with pytest.raises(ValidationError) as refused:
        settings(**fields)
    return str(refused.value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12), st.dates())
def test_values_survive_the_wire(number, day):
    """Decimals and dates arrive as they were sent, and numbers of JSON exactly as written."""
    assert decoded(encoded({"price": number, "day": day})) == {"price": number, "day": day}
    assert decoded(b'{"quantity": 1.10}') == {"quantity": Decimal("1.10")}


def test_a_sale_of_nothing_is_no_live_sale():
    """After its confirmation a sale is cancelled by bringing its lines to nothing; an empty draft is only empty."""
    nothing = (replace(LINE, quantity=Decimal(0)),)
    assert SALE.is_live
    assert not replace(SALE, lines=nothing).is_live
    assert not replace(SALE, lines=nothing, state="done").is_live
    assert replace(SALE, lines=nothing, state="draft").is_live
    assert not replace(SALE, state="cancelled").is_live
    assert replace(SALE, lines=nothing).record().status == "cancelled"


def test_our_lines_are_known_by_their_note():
    """The note names the order's line wherever a clerk has put it; a line without it is a clerk's own."""
    shown = {
        **dict.fromkeys(("number", "reference", "shipping_date", "comment", "untaxed_amount")),
        "id": 1,
        "state": "draft",
        "party": 1,
        "currency": 1,
        "shipment_address": 1,
        "shipments": [],
        "lines": [
            {
                "id": 1,
                "type": "line",
                "quantity": None,
                "unit": None,
                "product": None,
                "unit_price": None,
                "amount": None,
                "taxes": [],
                "note": note,
            }
            for note in (f"ripe!\n{mark('7001 / a')}  ", "Consentio line", None)
        ],
    }
    sale = read_sale(shown)

    assert [line.line_id for line in sale.lines] == ["7001 / a", None, None]
    assert sale.name == "draft sale 1"


def test_the_config_is_held_to_what_can_work():
    """One key from one source; an address without secrets in it; plain http only to this machine, unless it is wanted."""
    assert "exactly one of" in problems(key=None)
    assert "exactly one of" in problems(key_env="X")
    assert "must be an address" in problems(base_url="erp")
    assert "scheme, host, port and path only" in problems(base_url="https://u:p@erp")
    assert "https://" in problems(base_url="http://erp.lan")
    assert settings(base_url="http://erp.lan", insecure_http=True).identity == "http://erp.lan/tryton"
    assert "database" in problems(database="a/b")


def test_capabilities_follow_the_config():
    """What the adapter says it can do after a confirmation is what the config lets it do."""
    usual = TrytonAdapter(settings(), workspace="1").capabilities
    amending = TrytonAdapter(settings(after_confirmation="amend", state="draft"), workspace="1").capabilities
    assert (usual.edit_after_confirmation, usual.cancel_after_confirmation, usual.numbers_later) == (False, False, False)
    assert (amending.edit_after_confirmation, amending.cancel_after_confirmation, amending.numbers_later) == (True, True, True)
    assert usual.find == "creates"
    assert usual.reports


def test_a_key_from_the_environment(monkeypatch):
    """The key may stand in a variable."""
    monkeypatch.setenv("TRYTON_KEY", " secret \n")
    assert settings(key=None, key_env="TRYTON_KEY").read_key() == "secret"
