"""What a document says, what it is called, and the words for a change."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from daemon.domain.content import Change, FieldChange, number_text
from daemon.domain.order import Line, Order
from daemon.erp.files.ascii import ascii_json
from daemon.ports import Effect

#: The form of a document; a new number whenever an importer would have to change.
SCHEMA = "consentio-sync/files/1"


def _names(kind: type[Order | Line], held: type) -> list[str]:
    return [field.name for field in fields(kind) if field.type in (held, held | None)]


#: Every field in its order; those that hold a number; those that hold a moment.
_FIELDS = {kind: dict.fromkeys(field.name for field in fields(kind)) for kind in (Order, Line)}
_NUMBERS = {kind: _names(kind, Decimal) for kind in (Order, Line)}
_MOMENTS = {kind: _names(kind, datetime) for kind in (Order, Line)}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_PLAIN_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def document(effect: Effect, *, record: str, workspace: str, written_at: datetime) -> bytes:
    """One effect as JSON, in ASCII.

    `order` has every field of the order by our names, numbers as decimal text, moments as RFC 3339 in UTC, absent as null.
    The order's hash is left out: it works as a password.
    """
    says: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": effect.kind.value,
        "key": effect.key,
        "record": record,
        "workspace": workspace,
        "written_at": written_at.astimezone(UTC),
        "order": _order(effect.order),
    }
    if effect.change is not None:
        says["change"] = _change(effect.change)
    return ascii_json(says)


def document_name(effect: Effect, written_at: datetime, form: str = "json") -> str:
    """A file name that sorts by time and is safe on every file system, whatever the ids hold; under 200 bytes."""
    stamp = written_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    order = _UNSAFE.sub("_", effect.order.id)[:60]
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


def _order(order: Order) -> dict[str, Any]:
    says = _fields(order)
    del says["hash_id"]
    return {"customer": order.customer, **says, "lines": [_fields(line) for line in order.lines]}


def _fields(thing: Order | Line) -> dict[str, Any]:
    """By name, in the order of the type, in whatever order it was filled; places stay as they are."""
    kind = type(thing)
    says = {**_FIELDS[kind], **vars(thing)}
    for name in _NUMBERS[kind]:
        if says[name] is not None:
            says[name] = number_text(says[name])
    for name in _MOMENTS[kind]:
        if says[name] is not None:
            says[name] = says[name].astimezone(UTC)
    return says


def _change(change: Change) -> dict[str, Any]:
    return {
        "before_is_known": change.before is not None,
        "fields": change.fields,
        "lines": change.lines,
        "words": change_in_words(change),
    }
