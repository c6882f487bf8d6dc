"""What Tryton knows of the things an order names, in the words of the mapping, with what a sale needs besides."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from daemon.domain.order import Order
from daemon.erp.mapping import Customer, Known, Place, Product, Unit, wanted
from daemon.erp.tryton.desk import Desk
from daemon.erp.tryton.settings import TrytonSettings
from daemon.erp.tryton.wire import Shown

#: Units and currencies hardly ever change: they are looked up again after so many seconds.
_FRESH_S = 60.0
#: How many characters of codes one question holds.
_MOST_ASKED = 1000

_ADDRESS = ("active", "delivery", "invoice", "party_name", "street", "postal_code", "city", "identifiers.code")
_METHODS = ("sale_invoice_method", "sale_shipment_method")
_PARTY = (
    *("code", "identifiers.code", "customer_payment_term", "customer_tax_rule", *_METHODS),
    *(f"addresses.{name}" for name in _ADDRESS),
)
_PRODUCT = (
    *("code", "identifiers.code", "sale_uom"),
    *("account_category.customer_taxes", "account_category.taxes_parent"),
)
_UNIT = ("name", "symbol", "digits", "factor", "category")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A customer, as a sale needs it."""

    id: int
    invoice_address: int | None
    delivery_address: int | None
    payment_term: int | None
    #: How it is invoiced and served, where that is not as usual: fields of a sale.
    methods: Mapping[str, str]
    #: Its taxes follow rules that only Tryton can apply.
    has_tax_rule: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """A product, as a sale's line needs it."""

    id: int
    taxes: tuple[int, ...]
    #: Its taxes are those of another category, which only Tryton can follow.
    has_parent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was looked up for one order; parties and goods by their ids, currencies by their codes."""

    known: Known
    parties: Mapping[str, Party]
    goods: Mapping[str, Goods]
    currencies: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Stock:
    """What all orders share."""

    read_at: float
    units: Mapping[str, Unit]
    currencies: Mapping[str, int]


class Lookup:
    """Looks up what orders name; remembers what hardly changes."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._stock: _Stock | None = None

    async def facts(self, desk: Desk, order: Order) -> Facts:
        """Everything that Tryton knows of what the order names."""
        asked, stock = wanted(order, self._settings.mapping), await self._shared(desk)
        parties = await _coded(desk, "party.party", asked.customers, _PARTY)
        units = {unit.id: unit for unit in stock.units.values()}
        products = [
            shown
            for shown in await _coded(desk, "product.product", [*asked.products, *asked.eans], _PRODUCT, salable=True)
            if str(shown["sale_uom"]) in units
        ]
        known = Known(
            customers={code: [_customer(shown) for shown in parties if code in _codes(shown)] for code in asked.customers},
            products={code: [_product(shown, units) for shown in products if shown["code"] == code] for code in asked.products},
            eans={code: [_product(shown, units) for shown in products if code in _identifiers(shown)] for code in asked.eans},
            units=stock.units,
            currencies=frozenset(stock.currencies),
            price_digits=self._settings.price_digits,
        )
        return Facts(
            known=known,
            parties={str(shown["id"]): _party(shown) for shown in parties},
            goods={str(shown["id"]): _goods(shown) for shown in products},
            currencies=stock.currencies,
        )

    async def _shared(self, desk: Desk) -> _Stock:
        if self._stock is None or time.monotonic() - self._stock.read_at > _FRESH_S:
            units = [_unit(shown) for shown in await desk.search("product.uom", [], _UNIT, order=[["id", "ASC"]])]
            currencies = await desk.search("currency.currency", [], ["code"])
            self._stock = _Stock(
                time.monotonic(),
                # A symbol is more telling than a name, which is in the user's language.
                {name: unit for unit, name in reversed(units)} | {unit.name: unit for unit, _ in reversed(units)},
                {shown["code"]: shown["id"] for shown in currencies},
            )
        return self._stock


async def _coded(desk: Desk, model: str, codes: Iterable[str], fields: Iterable[str], *, salable: bool = False) -> list[Shown]:
    """The records that bear one of these codes, as their own or as an identifier."""
    found: dict[int, Shown] = {}
    for asked in _batches(dict.fromkeys(codes)):
        domain: list[object] = [["OR", ["code", "in", asked], ["identifiers.code", "in", asked]]]
        domain += [["salable", "=", True]] if salable else []
        found |= {shown["id"]: shown for shown in await desk.search(model, domain, fields, order=[["id", "ASC"]])}
    return list(found.values())


def _batches(codes: Iterable[str]) -> Iterator[list[str]]:
    """A question is an address, and servers bound its length."""
    batch: list[str] = []
    for code in codes:
        if batch and sum(map(len, batch)) + len(code) + 10 * len(batch) > _MOST_ASKED:
            yield batch
            batch = []
        batch.append(code)
    if batch:
        yield batch


def _codes(shown: Shown) -> set[str]:
    return {shown["code"], *_identifiers(shown)}


def _identifiers(shown: Shown) -> set[str]:
    return {identifier["code"] for identifier in shown["identifiers"]}


def _unit(shown: Shown) -> tuple[Unit, str]:
    unit = Unit(
        id=str(shown["id"]),
        name=shown["symbol"],
        kind=str(shown["category"]),
        size=Fraction(shown["factor"]),
        digits=shown["digits"],
    )
    return unit, shown["name"]


def _product(shown: Shown, units: Mapping[str, Unit]) -> Product:
    return Product(id=str(shown["id"]), unit=units[str(shown["sale_uom"])])


def _goods(shown: Shown) -> Goods:
    category = shown.get("account_category") or {}
    return Goods(
        id=shown["id"],
        taxes=tuple(sorted(category.get("customer_taxes") or ())),
        has_parent=bool(category.get("taxes_parent")),
    )


def _customer(shown: Shown) -> Customer:
    return Customer(id=str(shown["id"]), places=[_place(address) for address in _addresses(shown)])


def _addresses(shown: Shown) -> list[Shown]:
    return [address for address in shown["addresses"] if address["active"]]


def _place(shown: Shown) -> Place:
    named = {shown["party_name"]} if shown["party_name"] else set()
    return Place(
        id=str(shown["id"]),
        codes=frozenset({f"#{shown['id']}", *named, *_identifiers(shown)}),
        street=shown["street"] or "",
        postal_code=shown["postal_code"] or "",
        city=shown["city"] or "",
    )


def _party(shown: Shown) -> Party:
    return Party(
        id=shown["id"],
        invoice_address=_usual(shown, "invoice"),
        delivery_address=_usual(shown, "delivery"),
        payment_term=shown["customer_payment_term"],
        methods={name.removeprefix("sale_"): shown[name] for name in _METHODS if shown[name]},
        has_tax_rule=bool(shown["customer_tax_rule"]),
    )


def _usual(shown: Shown, purpose: str) -> int | None:
    """The first address meant for this, else the first of all: as Tryton itself would choose."""
    addresses = sorted(_addresses(shown), key=lambda address: not address[purpose])
    return addresses[0]["id"] if addresses else None
