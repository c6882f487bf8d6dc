"""One order, mapped as a whole, or rejected with every gap at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from daemon.domain.order import Address, Line, Order
from daemon.erp.mapping.known import Customer, Known, Place, Product
from daemon.erp.mapping.measure import Measured, UnknownUnit, measure
from daemon.erp.mapping.settings import MappingSettings
from daemon.errors import OrderRejected


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedLine:
    """One line in the ERP's words. `line` is what was ordered."""

    line: Line
    product: Product
    measured: Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedOrder:
    """An order in the ERP's words. `place` is None where the customer's own address serves, or the goods are picked up."""

    order: Order
    customer: Customer
    place: Place | None
    lines: tuple[MappedLine, ...]
    currency: str | None
    #: In the ERP's time zone; None where the order does not say.
    ordered_on: date | None
    due_at: datetime | None
    note: str

    @property
    def roundings(self) -> tuple[str, ...]:
        """Everything that the ERP cannot hold exactly, in words."""
        return tuple(words for line in self.lines for words in line.measured.roundings)


def map_order(order: Order, mapping: MappingSettings, known: Known) -> MappedOrder:
    """The order in the ERP's words. Raises `OrderRejected` naming each gap once, as `kind:key`.

    Kinds are customer, product, unit, address, amount, price, currency and lines.
    """
    task = _Task(order, mapping, known)
    mapped = task.mapped()
    if task.gaps:
        raise OrderRejected(task.reason(), missing=list(dict.fromkeys(task.gaps)))
    if mapped is None:
        raise AssertionError("an order that cannot be mapped has a gap")
    return mapped


class _Task:
    """Maps one order, collecting gaps on the way."""

    def __init__(self, order: Order, mapping: MappingSettings, known: Known) -> None:
        self.gaps: list[str] = []
        self._doubles: list[str] = []
        self._order, self._mapping, self._known = order, mapping, known

    def reason(self) -> str:
        """What the gaps are about, in words."""
        kinds = dict.fromkeys(gap.partition(":")[0] for gap in self.gaps)
        return "; ".join([f"the ERP cannot take over its {', '.join(kinds)}", *dict.fromkeys(self._doubles)])

    def mapped(self) -> MappedOrder | None:
        """None only where there are gaps."""
        order, customer = self._order, self._customer()
        place = self._place(customer) if customer else None
        lines = tuple(self._lines())
        self._check_currency()
        if customer is None:
            return None
        return MappedOrder(
            order=order,
            customer=customer,
            place=place,
            lines=lines,
            currency=order.currency,
            ordered_on=order.created_at.astimezone(self._mapping.zone).date() if order.created_at else None,
            due_at=self._due_at(),
            note=(order.more_info or "").strip(),
        )

    def _customer(self) -> Customer | None:
        codes = self._mapping.customer_codes(self._order)
        found = next((found for code in codes if (found := self._known.customers.get(code))), ())
        if len(found) == 1:
            return found[0]
        self._gap("customer", self._order.customer or "(none)", found)
        return None

    def _place(self, customer: Customer) -> Place | None:
        wanted = self._order.deliver_to
        if wanted is None or self._order.delivery_method == "pickup" or not _text(wanted):
            return None
        code = self._mapping.address_code(wanted.external_id, customer=self._order.customer) if wanted.external_id else None
        found = [place for place in customer.places if code in place.codes] or [
            place for place in customer.places if _is_same_place(place, wanted)
        ]
        if found:
            return found[0]
        if self._mapping.unknown_address == "reject":
            self.gaps.append(f"address:{self._order.customer or '(none)'}/{wanted.external_id or _text(wanted)}")
        return None

    def _lines(self) -> Iterator[MappedLine]:
        if not self._order.lines:
            self.gaps.append("lines:(none)")
        for line in self._order.lines:
            product = self._product(line)
            unsaid = [f"{what}:{_name(line)}" for what in ("amount", "price") if getattr(line, what) is None]
            self.gaps += unsaid
            if product and not unsaid and (measured := self._measured(line, product)):
                yield MappedLine(line=line, product=product, measured=measured)

    def _product(self, line: Line) -> Product | None:
        code = self._mapping.product_code(line)
        found = self._known.products.get(code or "") or self._known.eans.get(line.ean_code or "") or ()
        if len(found) == 1:
            return found[0]
        self._gap("product", _name(line), found)
        return None

    def _gap(self, kind: str, key: str, found: Sequence[object]) -> None:
        self.gaps.append(f"{kind}:{key}")
        if found:
            self._doubles.append(f"{kind} {key} is there {len(found)} times")

    def _measured(self, line: Line, product: Product) -> Measured | None:
        try:
            measured = measure(
                line, product, mapping=self._mapping, units=self._known.units, price_digits=self._known.price_digits
            )
        except UnknownUnit as unknown:
            self.gaps.append(self._unit_gap(unknown.word, line))
            return None
        if not measured.amount and line.amount:
            self.gaps.append(f"amount:{_name(line)}")  # less than the ERP can count
            return None
        return measured

    def _unit_gap(self, word: str, line: Line) -> str:
        """A unit that nobody knows is one gap for all products; one that this product is not sold in is the product's own."""
        is_known = self._mapping.unit_name(word) in self._known.units or any(
            word in contents for contents in self._mapping.contents.values()
        )
        return f"unit:{word or '(none)'}" + (f" of {_name(line)}" if is_known else "")

    def _check_currency(self) -> None:
        if self._known.currencies is None:
            return
        used = dict.fromkeys([self._order.currency, *(line.currency for line in self._order.lines)])
        self.gaps += [f"currency:{code}" for code in used if code and code not in self._known.currencies]
        if self._order.currency and any(line.currency not in (None, self._order.currency) for line in self._order.lines):
            self.gaps.append("currency:(mixed)")

    def _due_at(self) -> datetime | None:
        order = self._order
        first, second = order.delivery_estimated_at, order.pickup_estimated_at
        moment = (second or first) if order.delivery_method == "pickup" else (first or second)
        return moment.astimezone(self._mapping.zone) if moment else None


def _name(line: Line) -> str:
    return line.sku or line.ean_code or f"(line {line.id})"


def _text(address: Address) -> str:
    parts = (address.street, address.postal_code, address.city)
    return ", ".join(part for part in parts if part) or address.external_id or ""


def _is_same_place(place: Place, wanted: Address) -> bool:
    """By what is written on the parcel; an address without a street is nowhere."""
    if not wanted.street or _plain(place.street) != _plain(wanted.street):
        return False
    if place.postal_code and wanted.postal_code:
        return _plain(place.postal_code) == _plain(wanted.postal_code)
    return _plain(place.city) == _plain(wanted.city or "")


def _plain(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
