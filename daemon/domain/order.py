"""What an order is: the marketplace's content in our words, frozen."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self


class Status(StrEnum):
    """The order statuses the vendor documents (https://partner.docs.consentio.co/api-reference/model/ViewOrder)."""

    DRAFT = "draft"
    PENDING = "pending"
    ACCEPTED = "accepted"
    CANCELED = "canceled"
    INCOMPLETE = "incomplete"


#: The statuses that ask something of the ERP; the others are recorded and wait.
DELIVERABLE = frozenset({Status.ACCEPTED, Status.CANCELED})


class _Filled:
    """A record that can be filled at once: `__init__` sets field by field, for every line of every order, at every reading."""

    @classmethod
    def of(cls, values: dict[str, object]) -> Self:
        """The record that has these values, one for each field. The dict is its own from now on."""
        record = object.__new__(cls)
        object.__setattr__(record, "__dict__", values)  # to copy it costs five times as much
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A place of delivery or pickup; `external_id` is the seller's own code for it."""

    id: str | None = None
    external_id: str | None = None
    name: str | None = None
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line(_Filled):
    """One item. `unit` and `price_unit` may differ (boxes ordered, priced per kilo)."""

    id: str
    product_id: str | None = None
    product_hash_id: str | None = None
    sku: str | None = None
    ean_code: str | None = None
    display_name: str | None = None
    origin: str | None = None
    amount: Decimal | None = None
    unit: str | None = None
    price: Decimal | None = None
    price_unit: str | None = None
    total_price: Decimal | None = None
    currency: str | None = None
    served_amount: Decimal | None = None
    served_price: Decimal | None = None
    prepared: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Order(_Filled):
    """One order as one answer of the API showed it. Moments are aware and UTC; ids are text; absent is None."""

    id: str
    status: Status
    hash_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    closed_at: datetime | None = None
    buyer_id: str | None = None
    seller_id: str | None = None
    counterpart_id: str | None = None
    counterpart_id_buyer: str | None = None
    counterpart_id_seller: str | None = None
    external_id: str | None = None
    external_id_buyer: str | None = None
    external_id_seller: str | None = None
    external_status: str | None = None
    external_status_buyer: str | None = None
    external_status_seller: str | None = None
    delivery_method: str | None = None
    delivery_estimated_at: datetime | None = None
    pickup_estimated_at: datetime | None = None
    deliver_to: Address | None = None
    pickup_from: Address | None = None
    lines: tuple[Line, ...] = ()
    price: Decimal | None = None
    currency: str | None = None
    weight: Decimal | None = None
    weight_unit: str | None = None
    more_info: str | None = None
    is_read: bool | None = None

    @property
    def customer(self) -> str | None:
        """The seller's own code of the buyer."""
        return self.counterpart_id_seller or self.counterpart_id

    @property
    def reference(self) -> str | None:
        """The reference that Consentio holds for the seller, ours or one typed by hand."""
        return self.external_id_seller or self.external_id

    @property
    def reference_status(self) -> str | None:
        """The status that Consentio holds for the seller."""
        return self.external_status_seller or self.external_status
