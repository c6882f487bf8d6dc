"""What a sale holds in Tryton, and the record that the core is told of."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from daemon.erp.tryton.wire import Shown
from daemon.ports import BookedLine, Record

State = Literal["draft", "quotation", "confirmed", "processing", "done", "cancelled"]

#: How far a sale is.
RANKS: dict[str, int] = {"draft": 0, "quotation": 1, "confirmed": 2, "processing": 3, "done": 4}

_LINE = ("type", "product.code", "quantity", "unit.symbol", "unit_price", "amount", "note", "taxes")
#: What is read of a sale, always all of it.
FIELDS = (
    *("state", "number", "reference", "party", "shipment_address", "currency", "shipping_date", "comment", "untaxed_amount"),
    "shipments.state",
    *(f"lines.{name}" for name in _LINE),
)
#: Shipments in these states can still be taken back.
_TAKEN_BACK = frozenset({"draft", "waiting", "cancelled"})
_MARK = re.compile(r"^Consentio line (\S.*?)\s*$", re.MULTILINE)


def mark(line_id: str) -> str:
    """What our lines bear in their note, so that we know them again and leave those of clerks alone."""
    return f"Consentio line {line_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """One line. `line_id` is the order's line that it stands for; None for a clerk's own."""

    id: int
    line_id: str | None
    is_goods: bool
    product: int | None
    sku: str | None
    quantity: Decimal
    unit: int | None
    symbol: str | None
    price: Decimal | None
    total: Decimal | None
    taxes: frozenset[int]

    def booked(self) -> BookedLine:
        """As the port tells it."""
        return BookedLine(
            line_id=self.line_id, sku=self.sku, amount=self.quantity, unit=self.symbol, price=self.price, total=self.total
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A sale as Tryton holds it."""

    id: int
    reference: str | None
    number: str | None
    state: State
    party: int
    shipment_address: int | None
    currency: int
    shipping_date: date | None
    comment: str
    #: Without taxes.
    total: Decimal | None
    lines: tuple[SaleLine, ...]
    #: Some of it is being packed, or has left.
    is_leaving: bool

    @property
    def name(self) -> str:
        """What people call it."""
        return f"sale {self.number}" if self.number else f"draft sale {self.id}"

    @property
    def goods(self) -> list[SaleLine]:
        """Lines that sell something: not titles, subtotals and comments."""
        return [line for line in self.lines if line.is_goods]

    @property
    def ours(self) -> list[SaleLine]:
        """The lines that we wrote."""
        return [line for line in self.lines if line.line_id is not None]

    @property
    def is_live(self) -> bool:
        """A sale of nothing counts as cancelled: after its confirmation, Tryton can say that in no other way."""
        if self.state == "cancelled":
            return False
        is_confirmed = RANKS.get(self.state, 0) > RANKS["quotation"]
        return not (is_confirmed and self.goods and not any(line.quantity for line in self.goods))

    def record(self) -> Record:
        """As the port tells it."""
        return Record(
            id=str(self.id),
            number=self.number or None,
            live=self.is_live,
            status=self.state if self.is_live else "cancelled",
            total=self.total,
            # One of nothing is what an amendment leaves of a line that was removed.
            lines=tuple(line.booked() for line in self.goods if line.quantity),
        )


def read_sale(shown: Shown) -> Sale:
    """A sale out of an answer that has `FIELDS`."""
    return Sale(
        id=shown["id"],
        reference=shown["reference"],
        number=shown["number"],
        state=shown["state"],
        party=shown["party"],
        shipment_address=shown["shipment_address"],
        currency=shown["currency"],
        shipping_date=shown["shipping_date"],
        comment=shown["comment"] or "",
        total=shown["untaxed_amount"],
        lines=tuple(_read_line(line) for line in shown["lines"]),
        is_leaving=any(shipment["state"] not in _TAKEN_BACK for shipment in shown["shipments"]),
    )


def _read_line(shown: Shown) -> SaleLine:
    product, unit = shown["product"] or {}, shown["unit"] or {}
    marked = _MARK.search(shown["note"] or "")
    return SaleLine(
        id=shown["id"],
        line_id=marked[1] if marked else None,
        is_goods=shown["type"] == "line",
        product=product.get("id"),
        sku=product.get("code"),
        quantity=Decimal(shown["quantity"] or 0),
        unit=unit.get("id"),
        symbol=unit.get("symbol"),
        price=shown["unit_price"],
        total=shown["amount"],
        taxes=frozenset(shown["taxes"] or ()),
    )
