"""How a request is read, strictly: what the contract does not name is refused, with the reason."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.sandbox.records import External
from daemon.sandbox.switches import Switches

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
STATUSES = ("accepted", "pending", "canceled", "incomplete")


class Wrong(Exception):
    """A request that the API does not accept: the HTTP status and what is the matter."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the Partner API, apart from how it travelled."""

    route: str
    workspace: int
    query: Sequence[tuple[str, str]] = ()
    hash_id: str = ""
    authorization: str = ""
    content_type: str = ""
    body: bytes = b""

    def parameters(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, str]:
        """The query, if it names all that is required, each once, and nothing unknown."""
        told = dict(self.query)
        if len(told) < len(self.query):
            raise Wrong("a parameter is given twice")
        if missing := [name for name in required if name not in told]:
            raise Wrong(f"missing parameter: {', '.join(missing)}")
        if unknown := set(told) - set(required) - set(optional):
            raise Wrong(f"unknown parameter: {', '.join(sorted(unknown))}")
        return told

    def json(self) -> Any:
        if self.content_type != "application/json":
            raise Wrong(f"the body must be application/json, not {self.content_type or 'without a type'}")
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError) as problem:
            raise Wrong("the body is no JSON in UTF-8") from problem

    def bearer(self) -> str:
        scheme, _, token = self.authorization.partition(" ")
        if scheme != "Bearer" or not token:
            raise Wrong("an 'Authorization: Bearer <access_token>' header is required", status=401)
        return token


def moment(name: str, text: str) -> datetime:
    """The moment in a query parameter: RFC 3339, with its offset."""
    if not _RFC3339.fullmatch(text):
        raise Wrong(f"{name}: {text!r} is no RFC 3339 date-time with an offset (is a + not sent as %2B?)")
    try:
        return datetime.fromisoformat(text)
    except ValueError as problem:
        raise Wrong(f"{name}: {text!r} is no date-time: {problem}") from problem


def keyed(told: Any, what: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """The JSON object, if it has what is required and nothing unknown."""
    if not isinstance(told, dict):
        raise Wrong(f"{what} must be an object")
    if missing := [name for name in required if name not in told]:
        raise Wrong(f"{what} lacks {', '.join(missing)}")
    if unknown := set(told) - set(required) - set(optional):
        raise Wrong(f"{what} has unknown keys: {', '.join(sorted(unknown))}")
    return told


def unwrapped(told: Any, envelope: str) -> list[Any]:
    """The list in its envelope (none: a bare array), with one element at least."""
    elements = keyed(told, "the body", [envelope])[envelope] if envelope else told
    if not isinstance(elements, list):
        raise Wrong(f"{envelope or 'the body'} must be an array")
    if not elements:
        raise Wrong(f"{envelope or 'the body'} must have one element at least")
    return elements


def order_key(value: Any, switches: Switches) -> int | str:
    """An order's id or hash id, whichever this API takes."""
    expected = int if switches.push_key == "id" else str
    if type(value) is not expected:
        raise Wrong(f"{value!r} is no {switches.push_key}: it must be of type {expected.__name__}")
    key: int | str = value
    return key


def keys(told: Any, switches: Switches) -> list[int | str]:
    """The orders named in the body of POST seen."""
    return [order_key(value, switches) for value in unwrapped(told, switches.seen_envelope)]


def records(told: Any, switches: Switches) -> list[External]:
    """The records in the body of PUT external."""
    return [_record(record, switches) for record in unwrapped(told, switches.external_envelope)]


def _record(told: Any, switches: Switches) -> External:
    optional = ("external_id", "external_status", switches.cancel_field)
    record = keyed(told, "a record", [switches.push_key], optional)
    if len(record) == 1:
        raise Wrong(f"a record says nothing about its order: {told}")
    if record.get(switches.cancel_field, switches.cancel_value) != switches.cancel_value:
        raise Wrong(f"{switches.cancel_field} can only be {switches.cancel_value!r}")
    return External(
        key=order_key(record[switches.push_key], switches),
        external_id=_text(record, "external_id"),
        external_status=_text(record, "external_status"),
        cancel=switches.cancel_field in record,
    )


def _text(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    if name in record and not isinstance(value, str):
        raise Wrong(f"{name} must be a string, not {value!r}")
    return value


def listing(elements: Iterable[bytes]) -> bytes:
    """Encoded orders as one JSON array."""
    return b"[" + b",".join(elements) + b"]"
