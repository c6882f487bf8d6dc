from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.domain.order import Address, Line, Order, Status
from daemon.erp.mapping import Customer, Known, MappingSettings, Place, Product, Unit, map_order, wanted
from daemon.errors import OrderRejected

KG = Unit(id="2", name="kg", kind="weight", digits=2)
GRAM = Unit(id="3", name="g", kind="weight", size=Fraction(1, 1000), digits=2)
PIECE = Unit(id="1", name="u", kind="pieces", digits=0)
BOX = Unit(id="9", name="box", kind="pieces", size=Fraction(6), digits=0)
TOMATO = Product(id="11", unit=KG)
MELON = Product(id="12", unit=PIECE)
DOCK = Place(id="71", codes=frozenset({"DEL-01"}), street="Calle Mayor 1", postal_code="08018", city="Barcelona")
OFFICE = Place(id="70", street="Gran Vía 28", postal_code="28013", city="Madrid")
KNOWN = Known(
    customers={"C-17": [Customer(id="5", places=[OFFICE, DOCK])]},
    products={"TOM": [TOMATO], "MEL": [MELON]},
    eans={"8437012000012": [TOMATO]},
    units={"kg": KG, "g": GRAM, "u": PIECE},
    currencies=frozenset({"EUR"}),
)
LINE = Line(id="7001", sku="TOM", amount=Decimal("12.5"), unit="kg", price=Decimal("2.35"), price_unit="kg", currency="EUR")
ORDER = Order(
    id="5001",
    status=Status.ACCEPTED,
    counterpart_id_seller="C-17",
    counterpart_id="C-99",
    created_at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC),
    delivery_method="delivery",
    delivery_estimated_at=datetime(2026, 11, 24, 23, 30, tzinfo=UTC),
    deliver_to=Address(external_id="DEL-01"),
    currency="EUR",
    lines=(LINE,),
    more_info=" ring twice ",
)


def mapped(order=ORDER, known=KNOWN, **tables):
    return map_order(order, MappingSettings(**tables), known)


def line_of(line, known=KNOWN, **tables):
    return mapped(replace(ORDER, lines=(line,)), known, **tables).lines[0].measured


def gaps(order=ORDER, known=KNOWN, **tables):
    with pytest.raises(OrderRejected) as rejected:
        mapped(order, known, **tables)
    return list(rejected.value.missing)


def test_an_order_in_the_erps_words():
    """Customer, address, product, unit and price are the ERP's; dates are days in its own time zone."""
    said = mapped(time_zone="Europe/Madrid")

    assert (said.customer.id, said.place.id) == ("5", "71")
    assert (said.ordered_on, said.due_at.date()) == (date(2026, 11, 24), date(2026, 11, 25))
    assert (said.currency, said.note) == ("EUR", "ring twice")
    assert said.lines[0].product is TOMATO
    assert (said.lines[0].measured.amount, said.lines[0].measured.price) == (Decimal("12.50"), Decimal("2.3500"))
    assert said.roundings == ()


def test_every_gap_at_once():
    """An order that the ERP cannot take over names each missing key once, whatever else is missing."""
    order = replace(
        ORDER,
        counterpart_id_seller="C-18",
        currency="USD",
        lines=(
            replace(LINE, id="1", sku="NOPE"),
            replace(LINE, id="2", sku="NOPE"),
            replace(LINE, id="3", unit="crate"),
            replace(LINE, id="4", price=None, amount=None),
            replace(LINE, id="5", sku=None, ean_code=None),
        ),
    )

    assert gaps(replace(order, counterpart_id="C-99")) == [
        "customer:C-18",
        "product:NOPE",
        "unit:crate",
        "amount:TOM",
        "price:TOM",
        "product:(line 5)",
        "currency:USD",
        "currency:(mixed)",
    ]


def test_the_customer_is_the_sellers_own_code_then_the_counterpart_then_the_default():
    """The seller's own code of the customer leads; the default serves an order that names none, never one that is unknown."""
    assert mapped(replace(ORDER, counterpart_id_seller=None, counterpart_id="C-17")).customer.id == "5"
    assert mapped(replace(ORDER, counterpart_id_seller="nobody", counterpart_id="C-17")).customer.id == "5"
    nameless = replace(ORDER, counterpart_id_seller=None, counterpart_id=None)
    assert mapped(nameless, default_customer="C-17").customer.id == "5"
    assert gaps(nameless) == ["customer:(none)"]
    unknown = replace(ORDER, counterpart_id_seller="nobody", counterpart_id=None)
    assert gaps(unknown, default_customer="C-17") == ["customer:nobody"]
    assert mapped(unknown, customers={"nobody": "C-17"}).customer.id == "5"


def test_a_product_is_known_by_its_sku_then_its_ean():
    """SKU first, EAN second; a table may lead from either; a code that two products bear is a gap that says so."""
    by_ean = replace(LINE, sku="unheard of", ean_code="8437012000012")
    assert line_of(by_ean).unit is KG
    assert line_of(replace(LINE, sku="RAF"), products={"RAF": "TOM"}).unit is KG
    assert line_of(replace(LINE, sku=None, ean_code="1"), products={"1": "TOM"}).unit is KG
    with pytest.raises(OrderRejected, match="product TOM is there 2 times") as rejected:
        mapped(known=replace(KNOWN, products={"TOM": [TOMATO, MELON]}))
    assert rejected.value.missing == ("product:TOM",)


def test_what_must_be_looked_up():
    """An adapter learns each code to look up once, as the tables have it."""
    lines = (LINE, replace(LINE, sku="RAF", ean_code="84"), replace(LINE, sku="TOM"))
    asked = wanted(replace(ORDER, lines=lines), MappingSettings(products={"RAF": "TOM"}, customers={"C-17": "K1"}))

    assert (asked.customers, asked.products, asked.eans, asked.currencies) == (("K1", "C-99"), ("TOM",), ("84",), ("EUR",))


BOXES = Line(id="1", sku="TOM", amount=Decimal(10), unit="box", price=Decimal("3.10"), price_unit="kg")


def test_boxes_ordered_priced_per_kilo():
    """What a box holds turns it into the product's own unit, with the price of that unit, so that the total stays the same."""
    said = line_of(BOXES, contents={"TOM": {"box": "6 kg"}})

    assert (said.unit, said.amount, said.price, said.roundings) == (KG, Decimal("60.00"), Decimal("3.1000"), ())


def test_kilos_priced_where_the_erp_sells_boxes():
    """Where the ERP sells the product by the box, a price per kilo becomes one per box."""
    known = replace(KNOWN, products={"TOM": [Product(id="11", unit=BOX)]}, units={**KNOWN.units, "box": BOX})
    said = line_of(BOXES, known, contents={"TOM": {"box": "6 kg"}})

    assert (said.unit, said.amount, said.price, said.roundings) == (BOX, Decimal(10), Decimal("18.6000"), ())


def test_a_unit_that_needs_no_rounding_is_preferred():
    """A price that the ordered unit cannot hold is booked in the unit that it was agreed in."""
    said = line_of(replace(LINE, amount=Decimal(500), unit="g", price=Decimal("2.3511"), price_unit="kg"))

    assert (said.unit, said.amount, said.price, said.roundings) == (KG, Decimal("0.50"), Decimal("2.3511"), ())


def test_roundings_are_told():
    """A quantity or a price finer than the ERP can hold is rounded half up, and told in words."""
    said = line_of(replace(LINE, amount=Decimal("1.255"), price=Decimal("0.00005")))

    assert (said.amount, said.price) == (Decimal("1.26"), Decimal("0.0001"))
    assert said.roundings == ("TOM: 1.255 kg booked as 1.26 kg", "TOM: the price of 0.00005 per kg booked as 0.0001 per kg")
    assert gaps(replace(ORDER, lines=(replace(LINE, amount=Decimal("0.001")),))) == ["amount:TOM"]


def test_a_unit_the_product_is_not_sold_in_is_a_gap_of_its_own():
    """A unit that nobody knows is one gap for all products; one that only this product lacks names the product."""
    assert gaps(replace(ORDER, lines=(BOXES,))) == ["unit:box"]
    assert gaps(replace(ORDER, lines=(BOXES,)), contents={"MEL": {"box": "8 u"}}) == ["unit:box of TOM"]
    assert gaps(replace(ORDER, lines=(replace(LINE, unit="u"),))) == ["unit:u of TOM"]
    assert gaps(replace(ORDER, lines=(replace(LINE, unit=None, price_unit=None),))) == ["unit:(none)"]
    assert line_of(replace(LINE, unit=None, price_unit=None), units={"": "kg"}).unit is KG


def test_an_address_by_its_code_then_by_what_is_written_on_it():
    """The seller's code finds an address, through the tables; else street and town, whatever their spelling; else it is a gap."""

    def place(**written):
        order = replace(ORDER, deliver_to=Address(**written))
        return mapped(order, addresses={"C-17/X": "DEL-01", "Y": "DEL-01"}).place

    assert place(external_id="X") is place(external_id="Y") is DOCK
    assert place(street="gran via, 28".replace("via", "vía"), postal_code="28013") is OFFICE
    assert place(street="Gran Vía 28", city="MADRID") is OFFICE
    unknown = replace(ORDER, deliver_to=Address(external_id="", street="Gran Vía 28", postal_code="99999"))
    assert gaps(unknown) == ["address:C-17/Gran Vía 28, 99999"]
    assert gaps(replace(ORDER, deliver_to=Address(external_id="Z"))) == ["address:C-17/Z"]
    assert mapped(unknown, unknown_address="default").place is None


def test_goods_that_are_picked_up_need_no_address():
    """For a pickup, and where an order names no place, the customer's own address serves."""
    assert mapped(replace(ORDER, delivery_method="pickup", deliver_to=Address(external_id="Z"))).place is None
    assert mapped(replace(ORDER, deliver_to=None)).place is None
    assert mapped(replace(ORDER, deliver_to=Address())).place is None
    pickup = replace(ORDER, delivery_method="pickup", pickup_estimated_at=datetime(2026, 12, 1, tzinfo=UTC))
    assert mapped(pickup).due_at.date() == date(2026, 12, 1)


def test_an_order_without_lines_is_a_gap():
    """Nothing can be sold of an order without lines."""
    assert gaps(replace(ORDER, lines=())) == ["lines:(none)"]


def test_bad_tables_are_refused():
    """A content without a unit, and a time zone that nobody knows, are errors of the config."""
    for tables in ({"contents": {"TOM": {"box": "6"}}}, {"contents": {"TOM": {"box": "0 kg"}}}, {"time_zone": "Mars/Base"}):
        with pytest.raises(ValidationError):
            MappingSettings(**tables)
    with pytest.raises(ValidationError):
        MappingSettings(time_zone="../etc/passwd")


amounts = st.decimals(min_value=0, max_value=10**9, places=3).filter(lambda value: value >= Decimal("0.01"))
prices = st.decimals(min_value=0, max_value=10**6, places=4)


@given(amount=amounts, price=prices, content=st.integers(min_value=1, max_value=500), unit=st.sampled_from(["box", "kg", "g"]))
def test_a_total_survives_the_conversion(amount, price, content, unit):
    """Whatever the units, what is booked is worth what was ordered, but for roundings, which are told."""
    said = line_of(
        replace(LINE, amount=amount, unit=unit, price=price, price_unit="kg"), contents={"TOM": {"box": f"{content} kg"}}
    )
    kilos = Fraction(amount) * {"box": Fraction(content), "kg": Fraction(1), "g": Fraction(1, 1000)}[unit]
    booked_kilos, kilo_price = Fraction(said.amount) * said.unit.size, Fraction(said.price) / said.unit.size

    assert abs(booked_kilos - kilos) <= Fraction(1, 200)
    assert said.roundings or (booked_kilos, kilo_price) == (kilos, Fraction(price))
    assert -said.amount.as_tuple().exponent == said.unit.digits
