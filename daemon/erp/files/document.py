"""What a document says, what it is called, and the words for a change."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from daemon.domain.content import Change, FieldChange, number_text
from daemon.domain.order import Address, Line, Order
from daemon.ports import Effect

#: The form of a document; a new number whenever an importer would have to change.
SCHEMA = "consentio-sync/files/1"

_NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Order, Line, Address, FieldChange)}
_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}
_PLAIN_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def document(effect: Effect, *, record: str, workspace: str, written_at: datetime) -> bytes:
    """One effect as JSON, in ASCII, so that no reader can mistake its encoding.

    `order` has every field of the order by our names, numbers as decimal text, moments as RFC 3339 in UTC, absent as null.
    The order's hash is left out: it works as a password.
    """
    says: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": effect.kind.value,
        "key": effect.key,
        "record": record,
        "workspace": workspace,
        "written_at": _plain(written_at),
        "order": {"customer": effect.order.customer, **_fields(effect.order, without="hash_id")},
    }
    if effect.change is not None:
        says["change"] = _change(effect.change)
    return json.dumps(says).encode()


def document_name(effect: Effect, written_at: datetime, form: str = "json") -> str:
    """A file name that sorts by time and is safe on every file system, whatever the ids hold; under 200 bytes."""
    stamp = written_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    order = re.sub(r"[^A-Za-z0-9._-]", "_", effect.order.id)[:60]
    return f"{stamp}-{effect.kind.value}-{order}-{safe_key(effect.key)}.{form}"


def safe_key(key: str) -> str:
    """The key as a file name. Hashed if it holds more than [a-z0-9_-]: some file systems take A and a for one letter."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    return "hash-" + hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:40]


def change_in_words(change: Change) -> list[str]:
    """One line for each difference."""
    if change.before is None:
        return ["the whole content, since what the ERP holds is not known"]
    lines = (f"line {line.id} ({line.name}) {line.what}" + _told(line.fields) for line in change.lines)
    return [*(_field_in_words(field) for field in change.fields), *lines]


def _told(changes: Iterable[FieldChange]) -> str:
    words = ", ".join(map(_field_in_words, changes))
    return f": {words}" if words else ""


def _field_in_words(field: FieldChange) -> str:
    return f"{field.name} {field.before or 'nothing'} → {field.after or 'nothing'}"


def _change(change: Change) -> dict[str, Any]:
    return {
        "before_is_known": change.before is not None,
        "fields": [_fields(field) for field in change.fields],
        "lines": [
            {"id": line.id, "what": line.what, "name": line.name, "fields": [_fields(field) for field in line.fields]}
            for line in change.lines
        ],
        "words": change_in_words(change),
    }


def _fields(thing: Order | Line | Address | FieldChange, *, without: str = "") -> dict[str, Any]:
    kind = type(thing)
    return {
        name: value if value is None or type(value) is str else _plain(value)
        for name, value in zip(_NAMES[kind], _VALUES[kind](thing), strict=True)
        if name != without
    }


def _plain(value: object) -> Any:
    say = _PLAIN.get(type(value))
    return value if say is None else say(value)


#: How each type of value is said; what is not here says itself.
_PLAIN: dict[type, Callable[[Any], Any]] = {
    Decimal: number_text,
    datetime: lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    Line: _fields,
    Address: _fields,
    tuple: lambda items: [_plain(item) for item in items],
}
