"""The API's paths and field names, and nowhere else: JSON becomes orders, and what we tell becomes JSON.

From the vendor's pages (https://partner.docs.consentio.co/api-reference, its models ViewOrder, OrderItem and Address). What those
leave open is decided here; the shapes that an operator may have to change are in `Wire`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from daemon.domain.order import Address, Line, Order, Status
from daemon.marketplace.elements import TooDeep, decode, split
from daemon.marketplace.listing import Listing
from daemon.marketplace.records import Shape
from daemon.marketplace.scalars import flag, ident, moment
from daemon.marketplace.words import clean
from daemon.ports import Element, Reference

#: Is told what the vendor's pages do not mention: the name of a field, or a field and its value.
Notice = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How the API spells what its readable pages leave open; an empty envelope is a bare array."""

    push_key: Literal["id", "hash_id"] = "id"
    external_envelope: str = "orders"
    seen_envelope: str = "order_ids"
    edited_since: str = "from"
    cancel_field: str = "status"
    cancel_value: str = "canceled"


# ---------------------------------------------------------------------------------------------- reading orders

_LINE = Shape(
    texts=("product_hash_id", "sku", "ean_code", "display_name", "origin", "unit", "price_unit", "currency"),
    numbers=("amount", "price", "total_price", "served_amount", "served_price"),
    others={"product_id": ident, "prepared": flag},
    nested=("id",),
)
_ADDRESS = Shape(
    texts=("external_id", "name", "street", "postal_code", "city", "region", "country"),
    others={"id": ident},
)
_ORDER = Shape(
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
_LINE_NAMES, _ADDRESS_NAMES, _ORDER_NAMES = _LINE.names(), _ADDRESS.names(), _ORDER.names()
_STATUSES = {status.value: status for status in Status}
_ENUMS = (("delivery_method", frozenset({"delivery", "pickup"})), ("weight_unit", frozenset({"kg", "lb"})))


def read_order(raw: bytes, notice: Notice | None = None) -> Order:
    """The order in one element's bytes. ValueError says in a few words, fit for people, why it is none."""
    return _order(decode(raw), notice)


def read_elements(body: bytes, notice: Notice | None = None) -> Listing:
    """Every element of a listing, each with its own bytes; those that are no readable order say why.

    Raises SliceUnreadable if the array itself is broken or cut off.
    """
    return Listing(split(body), partial(_read, notice=notice))


def _read(raw: bytes, notice: Notice | None) -> Element:
    value = decode(raw)
    try:
        order = _order(value, notice)
    except ValueError as problem:
        return Element(raw, None, error=str(problem), id=_usable(value, "id"), hash_id=_usable(value, "hash_id"))
    return Element(raw, order, id=order.id, hash_id=order.hash_id)


def _usable(value: Any, name: str) -> str | None:
    try:
        return ident(value.get(name)) if isinstance(value, dict) else None
    except ValueError:
        return None


def _order(value: Any, notice: Notice | None) -> Order:
    record = _object(value, "the order")
    id_ = _id(record, "the order")
    order = Order.of(
        {
            "id": id_,
            "status": _status(record.get("status")),
            "deliver_to": _address(record, "deliver_to", notice),
            "pickup_from": _address(record, "pickup_from", notice),
            "lines": tuple(_lines(record.get("items"), notice)),
            **_ORDER.fields(record),
        }
    )
    if notice is not None:
        _notice_order(record, order, notice)
    return order


def _object(value: Any, what: str, place: int = 0) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    what = what.format(place)
    raise ValueError(f"{what} is nested too deeply" if isinstance(value, TooDeep) else f"{what} is no JSON object")


def _id(record: Mapping[str, Any], what: str, place: int = 0) -> str:
    try:
        found = ident(record.get("id"))
    except ValueError:
        raise ValueError(f"the id of {what.format(place)} is no id") from None
    if found is None:
        raise ValueError(f"{what.format(place)} has no id")
    return found


def _status(value: Any) -> Status:
    if value is None:
        raise ValueError("the order has no status")
    if (status := _STATUSES.get(value) if isinstance(value, str) else None) is None:
        raise ValueError(f"unknown status '{clean(str(value), 40)}'")
    return status


def _address(record: Mapping[str, Any], field: str, notice: Notice | None) -> Address | None:
    value = record.get(field)
    if value is None:
        return None
    place = _object(value, field)
    if notice is not None:
        _notice_fields(place, _ADDRESS_NAMES, field + ".", notice)
    fields = _ADDRESS.fields(place, f"{field}: ")
    return Address(**fields) if any(fields.values()) else None


def _lines(value: Any, notice: Notice | None) -> Iterator[Line]:
    if value is None:
        return
    if not isinstance(value, list):
        raise ValueError("items is no list")  # noqa: TRY004
    known = set()
    for place, item in enumerate(value, start=1):
        record = _object(item, "item {}", place)
        id_ = _id(record, "item {}", place)
        if id_ in known:
            raise ValueError(f"two items have the id {id_}")
        known.add(id_)
        if notice is not None:
            _notice_fields(record, _LINE_NAMES, "items.", notice)
        yield Line.of({"id": id_, **_LINE.fields(record, "item {}: ", place)})


def _notice_order(record: Mapping[str, Any], order: Order, notice: Notice) -> None:
    _notice_fields(record, _ORDER_NAMES, "", notice)
    for field, known in _ENUMS:
        value = getattr(order, field)
        if value is not None and value not in known:
            notice(f"{field}: {clean(value, 40)}")


def _notice_fields(record: Mapping[str, Any], known: frozenset[str], prefix: str, notice: Notice) -> None:
    if not known.issuperset(record):
        for name in record.keys() - known:
            notice(prefix + clean(name, 40))


# ---------------------------------------------------------------------------------------------- asking and telling


def workspace_path(workspace: str) -> str:
    return f"/v2/partner/{quote(workspace, safe='')}"


LOGIN = "/login"
ORDERS = "/order"
EDITED = "/order/edited"
EXTERNAL = "/order/external"
SEEN = "/order/seen"


def prepare_path(hash_id: str) -> str:
    return f"/order/{quote(hash_id, safe='')}/prepare"


def login_body(api_key: str) -> bytes:
    return _json({"api_key": api_key})


def read_login(body: bytes) -> str | None:
    """The access token in the answer of a login; None if there is none. ValueError if the answer is no JSON."""
    answer = decode(body)
    token = answer.get("access_token") if isinstance(answer, dict) else None
    return token if isinstance(token, str) and token.isascii() and token.isprintable() and token else None


def listing_query(start: datetime, end: datetime, status: str) -> dict[str, str]:
    return {"from": _rfc3339(start), "to": _rfc3339(end), "kind": "sale", "status": status}


def edited_query(wire: Wire, since: datetime) -> dict[str, str]:
    return {wire.edited_since: _rfc3339(since)}


def external_body(wire: Wire, references: Iterable[Reference]) -> bytes:
    """ValueError names an order without the identifier that `push_key` asks for."""
    return _enveloped(wire.external_envelope, [_record(wire, reference) for reference in references])


def cancel_body(wire: Wire, order_id: str, *, hash_id: str | None, reference: Reference | None) -> bytes:
    """ValueError, as above."""
    record = _record(wire, reference) if reference else {wire.push_key: key(wire, order_id, hash_id)}
    return _enveloped(wire.external_envelope, [record | {wire.cancel_field: wire.cancel_value}])


def seen_body(wire: Wire, orders: Iterable[tuple[str, str | None]]) -> bytes:
    """ValueError, as above."""
    return _enveloped(wire.seen_envelope, [key(wire, order_id, hash_id) for order_id, hash_id in orders])


def key(wire: Wire, order_id: str, hash_id: str | None) -> str | int:
    """How a request names an order."""
    if wire.push_key == "id":
        return int(order_id) if order_id.isdecimal() and order_id.isascii() else order_id
    if hash_id:
        return hash_id
    raise ValueError(f"order {order_id} has no hash_id, by which consentio.wire.push_key says to name it")


def _record(wire: Wire, reference: Reference) -> dict[str, str | int]:
    record = {wire.push_key: key(wire, reference.order_id, reference.hash_id), "external_id": reference.external_id}
    if reference.external_status is not None:
        record["external_status"] = reference.external_status
    return record


def read_refusals(body: bytes, wire: Wire, orders: Sequence[tuple[str, str | None]]) -> dict[str, str]:
    """Why, for each order id that the answer of a telling lists under `errors`; an error that names no order is everybody's.

    ValueError if the answer looks like JSON or a page, but is no JSON.
    """
    told = _errors(body)
    names = {str(key(wire, order_id, hash_id)): order_id for order_id, hash_id in orders}
    reasons = {names.get(_named(error, wire)): _reason(error) for error in told}
    everybody = reasons.pop(None, None)
    if everybody is not None:
        return {order_id: reasons.get(order_id, everybody) for order_id, _ in orders}
    return {order_id: reason for order_id, reason in reasons.items() if order_id is not None}


def _errors(body: bytes) -> list[Any]:
    if not body.lstrip().startswith((b"{", b"[", b"<")):
        return []  # "OK" is as good as nothing
    answer = decode(body)
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return errors if isinstance(errors, list) else [errors] if errors else []


def _named(error: Any, wire: Wire) -> str:
    named = error.get(wire.push_key) if isinstance(error, dict) else None
    return str(named)


def _reason(error: Any) -> str:
    told = (
        next((error[name] for name in ("message", "error", "reason") if error.get(name)), "")
        if isinstance(error, dict)
        else error
    )
    return told if isinstance(told, str) and told else "refused without a reason"


def _enveloped(envelope: str, elements: Sequence[Any]) -> bytes:
    return _json({envelope: elements} if envelope else elements)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _rfc3339(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
