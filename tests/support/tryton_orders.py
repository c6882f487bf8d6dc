"""Orders that Tryton's shop can take over, and an adapter that is connected to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from daemon.domain.content import Change, difference
from daemon.domain.order import Address, Line, Order, Status
from daemon.erp.tryton import TrytonAdapter
from daemon.erp.tryton.settings import TrytonSettings
from tests.support.tryton import Tryton
from tests.support.tryton_shop import mapping

_numbers = count(1)

BOXES = Line(id="7001", sku="TOM-RAF-6", amount=Decimal(12), unit="box", price=Decimal("3.10"), price_unit="kg", currency="EUR")
KILOS = Line(
    id="7002", sku="LIM-VERNA", amount=Decimal("42.5"), unit="kg", price=Decimal("1.12"), price_unit="kg", currency="EUR"
)
MANGOS = Line(
    id="7003", sku="MANG-KENT-6", amount=Decimal(5), unit="box", price=Decimal("14.40"), price_unit="box", currency="EUR"
)
DOCK = Address(external_id="DEL-01", street="Carrer de la Marina 101", postal_code="08018", city="Barcelona")


def some_order(**fields: Any) -> Order:
    """An accepted order with an id of its own: twelve boxes of tomatoes and some lemons."""
    now = datetime.now(UTC)
    whole = Order(
        id=f"{next(_numbers)}{now:%H%M%S%f}",
        status=Status.ACCEPTED,
        created_at=now,
        counterpart_id_seller="C-0101",
        delivery_method="delivery",
        delivery_estimated_at=(now + timedelta(days=2)).replace(hour=5, minute=0),
        deliver_to=DOCK,
        lines=(BOXES, KILOS),
        currency="EUR",
        more_info="Entregar antes de las 7:00",
    )
    return replace(whole, **fields)


def change(before: Order | None, **fields: Any) -> Change:
    """What an edit asks for."""
    return difference(before, replace(before, **fields))


def settings(server: Tryton, **fields: Any) -> TrytonSettings:
    """How the shop's Tryton is reached."""
    reached = {"base_url": server.url, "key": server.key, "mapping": mapping()}
    return TrytonSettings.model_validate({**reached, **fields})


@asynccontextmanager
async def connected(server: Tryton, **fields: Any) -> AsyncIterator[TrytonAdapter]:
    """An adapter that has been entered."""
    async with TrytonAdapter(settings(server, **fields), workspace="123") as adapter:
        yield adapter


#: An edit with a changed, an added and a removed line, and another note.
EDIT = {"lines": (replace(BOXES, amount=Decimal(15), price=Decimal("3.05")), MANGOS), "more_info": "Muelle 4"}


def check_edited(record):
    booked = [(line.line_id, line.sku, line.amount, line.price) for line in record.lines]
    assert booked == [
        ("7001", "TOM-RAF-6", Decimal(90), Decimal("3.05")),
        ("7003", "MANG-KENT-6", Decimal(5), Decimal("14.40")),
    ]


def key_of(order):
    return f"c123-{order.id}"


def sale_of(clerk, record, *fields):
    return clerk.read("sale.sale", ["state", "number", "lines", *fields], ["id", "=", int(record.id)])[0]


def lines_of(clerk, record):
    fields = ["product.code", "quantity", "unit.symbol", "unit_price", "taxes", "note"]
    return clerk.read("sale.line", fields, ["sale", "=", int(record.id)])


def sales_with(clerk, reference):
    return clerk.search("sale.sale", ["reference", "=", reference])
