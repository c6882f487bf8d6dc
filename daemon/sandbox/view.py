"""How the API shows an order: the fields of ViewOrder, OrderItem and Address, as JSON."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from daemon.sandbox.order import Address, Content, Item, Order


def moment(when: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the microsecond."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number(value: object) -> float:
    """A Decimal as JSON shows it: 3.10 as 3.1, 12.00 as 12, and never a digit that was not there."""
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} has no place in an order")
    return int(value) if value == value.to_integral_value() else float(value)


def encode(shown: object) -> bytes:
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"), default=number).encode()


def view_item(item: Item, *, currency: str, prepared: bool) -> dict[str, Any]:
    return {
        "id": item.id,
        "product_id": item.product.id,
        "product_hash_id": item.product.hash_id,
        "sku": item.product.sku,
        "ean_code": item.product.ean_code,
        "display_name": item.product.display_name,
        "origin": item.product.origin,
        "amount": item.amount,
        "unit": item.unit,
        "price": item.price,
        "price_unit": item.price_unit,
        "total_price": item.total,
        "currency": currency,
        "served_amount": item.amount if prepared else Decimal(0),
        "served_price": item.price if prepared else Decimal(0),
        "prepared": prepared,
    }


def _view_delivery(content: Content, warehouse: Address) -> dict[str, Any]:
    when = moment(content.delivery_at)
    if content.delivery_method == "pickup":
        return {"delivery_method": "pickup", "pickup_estimated_at": when, "pickup_from": asdict(warehouse)}
    return {
        "delivery_method": "delivery",
        "delivery_estimated_at": when,
        "deliver_to": asdict(content.buyer.address),
    }


def view(order: Order) -> dict[str, Any]:
    """The order as the seller's side sees it; `updated_at` included, whatever the switches say."""
    content = order.content
    return {
        "id": order.id,
        "hash_id": order.hash_id,
        "status": order.status,
        "buyer_id": content.buyer.id,
        "seller_id": 1,
        "counterpart_id": content.buyer.counterpart_id,
        "counterpart_id_buyer": content.buyer.code_of_seller,
        "counterpart_id_seller": content.buyer.counterpart_id,
        "external_id": order.external_id,
        "external_id_buyer": "",
        "external_id_seller": order.external_id,
        "external_status": order.external_status,
        "external_status_buyer": "",
        "external_status_seller": order.external_status,
        "created_at": moment(order.created_at),
        "updated_at": moment(order.updated_at),
        "closed_at": moment(order.closed_at),
        **_view_delivery(content, order.warehouse),
        "items": [view_item(item, currency=order.currency, prepared=item.id in order.prepared) for item in content.items],
        "price": content.price,
        "currency": order.currency,
        "weight": content.weight,
        "weight_unit": "kg",
        "more_info": content.more_info,
        "is_read": order.is_read,
        **order.distortion,
    }
