"""The API's paths and bodies, and nowhere else: JSON becomes orders, and what we tell becomes JSON.

From the vendor's pages (https://partner.docs.consentio.co/api-reference). What those leave open is decided here; the shapes that
an operator may have to change are in `Wire`, and the fields of an order in `records`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from daemon.domain.order import Order
from daemon.marketplace.drift import Notice
from daemon.marketplace.elements import decode, split
from daemon.marketplace.listing import Listing
from daemon.marketplace.patient import order_of
from daemon.marketplace.plain import PlainReader
from daemon.marketplace.scalars import ident
from daemon.ports import Element, Reference


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

#: What is read a thousand times is read by the quick one; what it leaves, by the patient one.
_PLAIN = PlainReader()


def read_order(raw: bytes, notice: Notice | None = None) -> Order:
    """The order in one element's bytes. ValueError says in a few words, fit for people, why it is none."""
    return _PLAIN.read(raw, notice) or _patient(decode(raw), notice)


def read_elements(body: bytes, notice: Notice | None = None) -> Listing:
    """Every element of a listing, each with its own bytes; those that are no readable order say why.

    Raises SliceUnreadable if the array itself is broken or cut off.
    """
    return Listing(split(body), partial(_read, notice=notice))


def _read(raw: bytes, notice: Notice | None) -> Element:
    order = _PLAIN.read(raw, notice)
    if order is None:
        value = decode(raw)
        try:
            order = _patient(value, notice)
        except ValueError as problem:
            return Element(raw, None, error=str(problem), id=_usable(value, "id"), hash_id=_usable(value, "hash_id"))
    return Element(raw, order, id=order.id, hash_id=order.hash_id)


def _patient(value: Any, notice: Notice | None) -> Order:
    order = order_of(value, notice)
    _PLAIN.learn(value)
    return order


def _usable(value: Any, name: str) -> str | None:
    try:
        return ident(value.get(name)) if isinstance(value, dict) else None
    except ValueError:
        return None


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
