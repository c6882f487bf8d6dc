"""What the ERP booked, compared with what the order says: amounts, prices and totals, where the two can be compared at all.

Compared is without tax. An ordered unit and the unit of its price may differ (boxes ordered, priced per kilo): amount times price
is then not the line's total. Totals may also be on what was served instead of what was ordered, so either is right. What one side
does not say is not compared; nor is an amount that the ERP keeps in another unit.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from daemon.domain.content import number_text
from daemon.domain.order import Line, Order

#: Half a cent: what rounding a price takes or gives.
_ROUNDING = Decimal("0.005")


class Booked(Protocol):
    """One line of the ERP's record, as `daemon.ports.BookedLine` describes it."""

    @property
    def line_id(self) -> str | None:
        """The order's line that it stands for."""

    @property
    def sku(self) -> str | None:
        """The product."""

    @property
    def amount(self) -> Decimal | None:
        """How much, in `unit`."""

    @property
    def unit(self) -> str | None:
        """None: the order's."""

    @property
    def price(self) -> Decimal | None:
        """For one `unit`."""

    @property
    def total(self) -> Decimal | None:
        """Of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far off what is booked may be: the larger of the two, and above it by a tax that the ERP includes."""

    absolute: Decimal = Decimal("0.05")
    share: Decimal = Decimal("0.001")
    tax: Decimal = Decimal(0)

    def allows(self, expected: Decimal, booked: Decimal) -> bool:
        """Whether an amount of money is right."""
        slack = max(self.absolute, self.share * abs(expected))
        low, high = sorted((expected, expected * (1 + self.tax)))
        return low - slack <= booked <= high + slack

    def allows_price(self, expected: Decimal, booked: Decimal) -> bool:
        """Whether a price of one unit is right: they are small, so only rounding and the share count."""
        slack = max(_ROUNDING, self.share * abs(expected))
        low, high = sorted((expected, expected * (1 + self.tax)))
        return low - slack <= booked <= high + slack

    def allows_amount(self, expected: Decimal, booked: Decimal) -> bool:
        """Whether an amount of goods is right: an ERP rounds to what its unit can say."""
        return abs(booked - expected) <= max(_ROUNDING, self.share * abs(expected))


def mismatches(order: Order, *, total: Decimal | None, lines: Sequence[Booked] | None, tolerance: Tolerance) -> list[str]:
    """What is booked otherwise, in words; empty where nothing is, or nothing can be compared."""
    found = list(_of_lines(order, lines, tolerance)) if lines is not None else []
    return [*found, *_differing("the total", _order_totals(order), total, tolerance.allows)]


def _of_lines(order: Order, booked: Sequence[Booked], tolerance: Tolerance) -> Iterator[str]:
    by_id = {each.line_id: each for each in booked if each.line_id is not None}
    by_sku = _unique(booked)
    skus = Counter(line.sku for line in order.lines)
    for line in order.lines:
        match = by_id.get(line.id) or (by_sku.get(line.sku) if line.sku and skus[line.sku] == 1 else None)
        if match is not None:
            yield from _of_line(line, match, tolerance)
        elif line.amount and _is_lacking(line, booked):
            yield f"{_name(line)} is not booked"
    yield from (f"line {each} is booked, and not in the order" for each in by_id.keys() - {line.id for line in order.lines})


def _unique(booked: Sequence[Booked]) -> dict[str, Booked]:
    """The lines that name only a product, by it; one that stands there twice names none."""
    many = Counter(each.sku for each in booked)
    return {each.sku: each for each in booked if each.sku is not None and each.line_id is None and many[each.sku] == 1}


def _is_lacking(line: Line, booked: Sequence[Booked]) -> bool:
    """Whether the ERP tells enough of its lines to say that this one is not among them."""
    if all(each.line_id is not None for each in booked):
        return True
    return line.sku is not None and all(each.sku is not None and each.sku != line.sku for each in booked)


def _of_line(line: Line, booked: Booked, tolerance: Tolerance) -> Iterator[str]:
    name, unit = _name(line), booked.unit or line.unit
    totals = _line_totals(line)
    if _is_same(unit, line.unit):
        yield from _differing(
            f"the amount of {name}", _known(line.amount, line.served_amount), booked.amount, tolerance.allows_amount
        )
    if booked.total is not None and totals:
        yield from _differing(f"the total of {name}", totals, booked.total, tolerance.allows)
    elif _is_same(unit, line.price_unit or line.unit):
        yield from _differing(f"the price of {name}", _known(line.price, line.served_price), booked.price, tolerance.allows_price)


def _differing(
    what: str, expected: Sequence[Decimal], booked: Decimal | None, allows: Callable[[Decimal, Decimal], bool]
) -> Iterator[str]:
    """Words, where none of what is expected allows what is booked: what is no number (NaN) is never right."""
    if booked is not None and expected and not (booked.is_finite() and any(allows(each, booked) for each in expected)):
        yield f"{what} is {number_text(expected[0])}, and booked as {number_text(booked)}"


def _known(*candidates: Decimal | None) -> list[Decimal]:
    return [candidate for candidate in candidates if candidate is not None]


def _order_totals(order: Order) -> list[Decimal]:
    """What the total may be: as ordered, as Consentio says it, as served."""
    columns = [_ordered(order.lines), [order.price], [line.total_price for line in order.lines], _served(order.lines)]
    return [total for column in columns if column and (total := _sum(column)) is not None]


def _line_totals(line: Line) -> list[Decimal]:
    """The same for one line."""
    return _known(*_ordered([line]), line.total_price, *_served([line]))


def _ordered(lines: Iterable[Line]) -> list[Decimal | None]:
    """Amount times price, where both are of one unit."""
    return [
        line.amount * line.price
        if line.amount is not None and line.price is not None and _is_same(line.unit, line.price_unit or line.unit)
        else line.total_price
        for line in lines
    ]


def _served(lines: Iterable[Line]) -> list[Decimal | None]:
    """What was served of it; of a line of which nothing is said, what was ordered."""
    return [_served_total(line) if line.served_amount is not None else _ordered([line])[0] for line in lines]


def _served_total(line: Line) -> Decimal | None:
    price = line.price if line.served_price is None else line.served_price
    return None if price is None or line.served_amount is None else price * line.served_amount


def _sum(column: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for each in column:
        if each is None:
            return None
        total += each
    return total


def _is_same(unit: str | None, other: str | None) -> bool:
    return (unit or "").casefold() == (other or "").casefold()


def _name(line: Line) -> str:
    return f"line {line.id}" + (f" ({line.sku})" if line.sku else "")
