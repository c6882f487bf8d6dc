"""Tryton's own spelling of numbers and dates, and the addresses of its REST interface."""

import base64
import json
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Shown = dict[str, Any]


def encoded(value: object) -> bytes:
    """JSON as Tryton reads it: decimals and dates are objects that name their class."""
    return json.dumps(value, default=_encode).encode()


def decoded(said: bytes) -> Any:
    """Tryton's JSON with real decimals and dates. ValueError if it is none."""
    try:
        return json.loads(said, object_hook=_decode, parse_float=Decimal)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def query(
    fields: Iterable[str], domain: object = None, *, limit: int | None = None, offset: int = 0, order: object = None
) -> list[tuple[str, str]]:
    """The query of a request: fields to answer, a domain, a page."""
    pairs = [("f", field) for field in fields]
    pairs += [(name, _base64(value)) for name, value in (("d", domain), ("o", order)) if value is not None]
    return pairs + [(name, str(value)) for name, value in (("s", limit), ("p", offset or None)) if value is not None]


def context(values: Shown) -> str:
    """The header that carries a context."""
    return _base64(values)


def _base64(value: object) -> str:
    return base64.urlsafe_b64encode(encoded(value)).decode()


def _encode(value: object) -> Shown:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": format(value, "f")}
    if isinstance(value, datetime):  # before date, of which it is a kind
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{part: getattr(value, part) for part in parts}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"Tryton takes no {type(value).__name__}")


def _decode(shown: Shown) -> Any:
    parts = {name: value for name, value in shown.items() if name != "__class__"}
    match shown.get("__class__"):
        case "Decimal":
            return Decimal(shown["decimal"])
        case "date":
            return date(**parts)
        case "datetime":
            return datetime(**parts)  # noqa: DTZ001  # Tryton's moments are in UTC and do not say so
        case _:
            return shown
