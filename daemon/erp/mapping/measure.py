"""Units and prices: a line's amount and price in a unit of the ERP, exact where that can be, and whatever was rounded told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from daemon.domain.content import number_text
from daemon.domain.order import Line
from daemon.erp.mapping.known import Product, Unit
from daemon.erp.mapping.settings import Content, MappingSettings


class UnknownUnit(Exception):
    """Nothing says how much of the product this unit is."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """An amount and a price in one unit of the ERP. `roundings` tells in words what could not be said exactly."""

    unit: Unit
    amount: Decimal
    price: Decimal
    roundings: tuple[str, ...] = ()


def measure(line: Line, product: Product, *, mapping: MappingSettings, units: Mapping[str, Unit], price_digits: int) -> Measured:
    """The line in the first of these units in which it can be said exactly: the ordered, the priced and the product's usual one.

    Where none is exact, in the first that the product can be sold in, rounded half up. The line has an amount and a price.
    Raises `UnknownUnit`.
    """
    scale = _Scale(line, product, mapping, units)
    amount, price = scale.amount(), scale.price()
    said = [_say(line, unit, amount / unit.size, price * unit.size, price_digits) for unit in scale.candidates()]
    return next((measured for measured in said if not measured.roundings), said[0])


class _Scale:
    """One line and its product, weighed in the base unit of the product's kind."""

    def __init__(self, line: Line, product: Product, mapping: MappingSettings, units: Mapping[str, Unit]) -> None:
        self._line, self._product, self._mapping, self._units = line, product, mapping, units
        self._contents: Mapping[str, Content] = mapping.contents.get(line.sku or line.ean_code or "", {})

    def amount(self) -> Fraction:
        """In base units."""
        return Fraction(self._line.amount or 0) * self._size(self._line.unit or "")

    def price(self) -> Fraction:
        """Of one base unit."""
        return Fraction(self._line.price or 0) / self._size(self._line.price_unit or self._line.unit or "")

    def candidates(self) -> list[Unit]:
        """Units of the ERP that the line may be booked in, the likeliest first."""
        named = [self._sold_in(word or "") for word in (self._line.unit, self._line.price_unit)]
        return list({unit.id: unit for unit in (*named, self._product.unit) if unit is not None}.values())

    def _size(self, word: str) -> Fraction:
        """How many base units one `word` is: as the ERP says, as its content says, or as the content of what holds it says."""
        size = self._told_size(word) or self._content_size(word) or self._part_size(word)
        if size is None:
            raise UnknownUnit(word)
        return size

    def _told_size(self, word: str) -> Fraction | None:
        unit = self._sold_in(word)
        return unit.size if unit else None

    def _content_size(self, word: str) -> Fraction | None:
        content = self._contents.get(word)
        size = self._told_size(content.unit) if content else None
        return size * content.amount if content and size else None

    def _part_size(self, word: str) -> Fraction | None:
        name = self._mapping.unit_name(word)
        for package, content in self._contents.items():
            size = self._told_size(package)
            if size and self._mapping.unit_name(content.unit) == name:
                return size / content.amount
        return None

    def _sold_in(self, word: str) -> Unit | None:
        unit = self._units.get(self._mapping.unit_name(word))
        return unit if unit and unit.kind == self._product.unit.kind else None


def _say(line: Line, unit: Unit, amount: Fraction, price: Fraction, price_digits: int) -> Measured:
    booked, priced = _rounded(amount, unit.digits), _rounded(price, price_digits)
    name = line.display_name or line.sku or line.id
    roundings = []
    if Fraction(booked) != amount:
        ordered = f"{number_text(line.amount or Decimal(0))} {line.unit or ''}".strip()
        roundings.append(f"{name}: {ordered} booked as {number_text(booked)} {unit.name}")
    if Fraction(priced) != price:
        asked = f"{number_text(line.price or Decimal(0))} per {line.price_unit or line.unit or 'unit'}"
        roundings.append(f"{name}: the price of {asked} booked as {number_text(priced)} per {unit.name}")
    return Measured(unit=unit, amount=booked, price=priced, roundings=tuple(roundings))


def _rounded(value: Fraction, digits: int) -> Decimal:
    """Half up, in whole numbers: no context can cut digits off."""
    whole = math.floor(abs(value) * 10**digits + Fraction(1, 2))
    return Decimal(f"{'-' if value < 0 else ''}{whole}E-{digits}")
