"""The stage of the imitated ERP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

from daemon.domain.content import content
from daemon.domain.order import Address, Line, Order, Status
from daemon.errors import ErpUnavailable
from daemon.testing import FakeErp, FakeErpSettings
from daemon.testing.exam import Held, Stage

TOMATOES = Line(
    id="7001", sku="TOM", amount=Decimal(10), unit="box", price=Decimal("1.20"), price_unit="kg", total_price=Decimal(72)
)
LEMONS = Line(id="7002", sku="LIM", amount=Decimal("42.5"), unit="kg", price=Decimal("1.12"), price_unit="kg")
MANGOS = Line(id="7003", sku="MAN", amount=Decimal(5), unit="box", price=Decimal("14.40"), price_unit="box")
ORDER = Order(
    id="",
    status=Status.ACCEPTED,
    created_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
    counterpart_id_seller="C-0101",
    delivery_estimated_at=datetime(2026, 11, 25, 5, tzinfo=UTC),
    deliver_to=Address(external_id="DEL-01"),
    lines=(TOMATOES, LEMONS),
    more_info="Entregar antes de las 7:00",
    price=Decimal("119.60"),
)


def strangers(order: Order) -> Order:
    """The order with two products that nobody knows."""
    first, *others = order.lines
    return replace(order, lines=(replace(first, sku="NOPE"), *others, replace(first, id="7009", sku="NADA")))


class FakeStage(Stage):
    def __init__(self, settings: FakeErpSettings | None = None, kind: type[FakeErp] = FakeErp) -> None:
        self.erp = kind(settings)
        self.erp.products = {"TOM", "LIM", "MAN"}
        self.trouble: str | None = None
        self.erp.on_call = self._hear

    def _hear(self, what: str) -> None:
        if self.trouble == "away" and what.startswith("before"):
            raise ErpUnavailable("nobody there")
        if self.trouble and what.startswith(f"after {self.trouble}"):
            raise TimeoutError

    @contextmanager
    def _troubled(self, what: str) -> Iterator[None]:
        self.trouble = what
        yield
        self.trouble = None

    def adapter(self, workspace="123"):
        return self.erp.beside(workspace)

    def order(self, order_id):
        return replace(ORDER, id=order_id)

    def held(self, record):
        held = self.erp.records.get(record)
        if held is None or held.gone:
            return None
        says = content(replace(held.order, id=""))
        lines, note = says.pop("lines"), says.pop("more_info", "")
        return Held(live=held.live, lines=list(lines.values()), note=note, header=says)

    def everything(self):
        return {name: (repr(record), id(record)) for name, record in self.erp.records.items()}

    def other_line(self):
        return MANGOS

    def other_address(self):
        return Address(external_id="DEL-02")

    def unknown(self, order):
        return strangers(order), ["product:NOPE", "product:NADA"]

    def double(self, order, key):
        self.erp.clerk_types(order, key=key)

    def clerk_cancels(self, record):
        self.erp.clerk_cancels(record)

    def clerk_deletes(self, record):
        self.erp.clerk_deletes(record)

    def clerk_confirms(self, record):
        self.erp.clerk_confirms(record)

    def clerk_ships(self, record):
        self.erp.clerk_ships(record)

    def clerk_numbers(self, record):
        self.erp.clerk_numbers(record, "SO-4711")
        return "SO-4711"

    def away(self):
        return self._troubled("away")

    def lose_answer(self, effect):
        return self._troubled(effect)


class UniqueStage(FakeStage):
    waives: ClassVar = {"double": "its keys are unique"}
