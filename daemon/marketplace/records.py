"""Whole records off the wire: which fields a kind of record has, and how each is read.

From the vendor's pages (https://partner.docs.consentio.co/api-reference, its models ViewOrder, OrderItem and Address).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from daemon.marketplace.scalars import flag, ident, moment, number, text, texts

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of a record, by how they are read; `nested` ones are read apart."""

    texts: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    others: Mapping[str, Reader] = field(default_factory=dict)
    nested: tuple[str, ...] = ()

    def names(self) -> frozenset[str]:
        return frozenset((*self.texts, *self.numbers, *self.others, *self.nested))

    def fields(self, record: Mapping[str, Any], where: str = "", place: int = 0) -> dict[str, Any]:
        """Every field but the nested, absent ones as None; ValueError names the first that cannot be read, and its place."""
        get = record.get
        try:
            found: dict[str, Any] = texts(get, self.texts)
            for name in self.numbers:
                value = get(name)
                found[name] = value if type(value) is Decimal else number(value)
            for name, read in self.others.items():
                found[name] = read(get(name))
        except ValueError:
            raise ValueError(where.format(place) + self._culprit(record)) from None
        return found

    def _culprit(self, record: Mapping[str, Any]) -> str:
        """Found by reading again, so that good records pay nothing for it."""
        readers = dict.fromkeys(self.texts, text) | dict.fromkeys(self.numbers, number) | dict(self.others)
        for name, read in readers.items():
            try:
                read(record.get(name))
            except ValueError as problem:
                return f"{name} {problem}"
        raise AssertionError


LINE = Shape(
    texts=("product_hash_id", "sku", "ean_code", "display_name", "origin", "unit", "price_unit", "currency"),
    numbers=("amount", "price", "total_price", "served_amount", "served_price"),
    others={"product_id": ident, "prepared": flag},
    nested=("id",),
)
ADDRESS = Shape(
    texts=("external_id", "name", "street", "postal_code", "city", "region", "country"),
    others={"id": ident},
)
ORDER = Shape(
    texts=(
        *("hash_id", "counterpart_id", "counterpart_id_buyer", "counterpart_id_seller"),
        *("external_id", "external_id_buyer", "external_id_seller"),
        *("external_status", "external_status_buyer", "external_status_seller"),
        *("delivery_method", "currency", "weight_unit", "more_info"),
    ),
    numbers=("price", "weight"),
    others={
        **dict.fromkeys(("created_at", "updated_at", "closed_at", "delivery_estimated_at", "pickup_estimated_at"), moment),
        "buyer_id": ident,
        "seller_id": ident,
        "is_read": flag,
    },
    nested=("id", "status", "items", "deliver_to", "pickup_from"),
)
