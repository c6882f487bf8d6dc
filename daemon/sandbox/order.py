"""One order of the imitated market: what was agreed, and everything it has been since it was placed."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

Status = Literal["draft", "pending", "accepted", "canceled", "incomplete"]
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Product:
    """`weight` is the kilograms of one `unit`, `pieces` what it holds where the price is per piece."""

    id: int
    hash_id: str
    sku: str
    ean_code: str
    display_name: str
    origin: str
    unit: str
    price_unit: str
    price: Decimal
    weight: Decimal
    pieces: Decimal


@dataclass(frozen=True, slots=True)
class Address:
    id: int
    external_id: str
    name: str
    street: str
    city: str
    postal_code: str
    region: str
    country: str


@dataclass(frozen=True, slots=True)
class Buyer:
    """`counterpart_id` is the seller's code for the buyer, `code_of_seller` the buyer's for the seller."""

    id: int
    counterpart_id: str
    code_of_seller: str
    address: Address


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    product: Product
    amount: Decimal
    unit: str
    price: Decimal
    price_unit: str

    @property
    def weight(self) -> Decimal:
        """Kilograms."""
        return self.amount * self.product.weight

    @property
    def total(self) -> Decimal:
        """In the order's currency, to the cent: boxes priced per kilogram are weighed first."""
        if self.unit == self.price_unit:
            quantity = self.amount
        else:
            quantity = self.weight if self.price_unit == "kg" else self.amount * self.product.pieces
        return (quantity * self.price).quantize(_CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Content:
    """What buyer and seller agree on, as far as an edit can change it."""

    buyer: Buyer
    items: tuple[Item, ...]
    delivery_method: Literal["delivery", "pickup"]
    delivery_at: datetime
    more_info: str = ""

    @property
    def price(self) -> Decimal:
        return sum((item.total for item in self.items), Decimal(0))

    @property
    def weight(self) -> Decimal:
        """Kilograms."""
        return sum((item.weight for item in self.items), Decimal(0))

    def with_item(self, item: Item) -> "Content":
        """The same content with this item in the place of the one with its id."""
        return replace(self, items=tuple(item if held.id == item.id else held for held in self.items))


@dataclass(frozen=True, slots=True)
class Version:
    """What the order was after its n-th business change (content or status), and since when."""

    number: int
    at: datetime
    status: Status
    content: Content


@dataclass(slots=True)
class Order:
    """An order with its past. `updated_at` is what the API shows, `changed_at` when it was truly touched, `shown` the last
    version that a list has named.
    """

    id: int
    hash_id: str
    workspace: int
    currency: str
    created_at: datetime
    updated_at: datetime
    changed_at: datetime
    warehouse: Address
    history: list[Version]
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    edited_at: datetime | None = None
    unseen: bool = False
    is_read: bool = False
    external_id: str = ""
    external_status: str = ""
    prepared: frozenset[int] = frozenset()
    shown: int = 0
    distortion: dict[str, Any] = field(default_factory=dict)
    encoded: bytes | None = None

    @property
    def status(self) -> Status:
        return self.history[-1].status

    @property
    def content(self) -> Content:
        return self.history[-1].content

    @property
    def version(self) -> int:
        return self.history[-1].number

    @property
    def next_item(self) -> int:
        """An item id that this order has never used."""
        return max(item.id for version in self.history for item in version.content.items) + 1
