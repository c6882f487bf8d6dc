"""The tables that an operator fills in where Consentio and the ERP call a thing differently, and the look-ups they lead to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from daemon.domain.order import Line, Order

_CONTENT = re.compile(r"(\d+(?:\.\d+)?)\s+(\S.*)")


@dataclass(frozen=True, slots=True)
class Content:
    """What a package holds: so many of another unit."""

    amount: Fraction
    unit: str


def _read_content(value: object) -> Content:
    if isinstance(value, Content):
        return value
    found = _CONTENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not Decimal(found[1]):
        raise ValueError('must be an amount and a unit, such as "6 kg"')
    return Content(Fraction(found[1]), found[2])


def _write_content(content: Content) -> str:
    return f"{float(content.amount):g} {content.unit}"


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise ValueError('must be a time zone that this machine knows, such as "Europe/Madrid"') from None
    return name


class MappingSettings(BaseModel):
    """How the orders' words are the ERP's words. What stands in no table is taken as the ERP's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    customers: dict[str, str] = Field({}, description="Consentio's customer code = the ERP's")
    default_customer: str | None = Field(
        None, min_length=1, description="who gets an order that names no customer; else it parks"
    )
    products: dict[str, str] = Field({}, description="Consentio's SKU or EAN = the ERP's product code")
    units: dict[str, str] = Field({}, description="Consentio's unit = the ERP's; \"\" is the unit of a line that names none")
    contents: dict[str, dict[str, Annotated[Content, BeforeValidator(_read_content), PlainSerializer(_write_content)]]] = Field(
        {}, description='for each SKU, what a package holds: box = "6 kg"'
    )
    addresses: dict[str, str] = Field({}, description="Consentio's address code, or CUSTOMER/ADDRESS = the ERP's")
    unknown_address: Literal["reject", "default"] = Field(
        "reject", description="an address the ERP does not know parks the order, or gives way to the customer's own"
    )
    time_zone: Annotated[str, AfterValidator(_check_time_zone)] = Field("UTC", description="in which a delivery has its date")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.time_zone)

    def customer_codes(self, order: Order) -> list[str]:
        """The ERP's codes that the order's customer may have, the likeliest first."""
        given = dict.fromkeys(code for code in (order.counterpart_id_seller, order.counterpart_id) if code)
        codes = [self.customers.get(code, code) for code in given]
        return codes or ([self.default_customer] if self.default_customer else [])

    def product_code(self, line: Line) -> str | None:
        """The ERP's code of a line's product: by its SKU, else where a table leads from its EAN."""
        if line.sku:
            return self.products.get(line.sku, line.sku)
        return self.products.get(line.ean_code) if line.ean_code else None

    def unit_name(self, word: str | None) -> str:
        """The ERP's name of a unit."""
        return self.units.get(word or "", word or "")

    def address_code(self, code: str, *, customer: str | None) -> str:
        """The ERP's code of an address."""
        return self.addresses.get(f"{customer}/{code}") or self.addresses.get(code, code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an adapter must look up in its ERP before an order can be mapped; each list without repetitions."""

    customers: tuple[str, ...]
    products: tuple[str, ...]
    eans: tuple[str, ...]
    currencies: tuple[str, ...]


def wanted(order: Order, mapping: MappingSettings) -> Wanted:
    """Every code that the order leads to. Units are few: an adapter looks all of them up at once."""
    return Wanted(
        customers=_distinct(mapping.customer_codes(order)),
        products=_distinct(mapping.product_code(line) for line in order.lines),
        eans=_distinct(line.ean_code for line in order.lines),
        currencies=_distinct([order.currency, *(line.currency for line in order.lines)]),
    )


def _distinct(codes: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for code in codes if code))
