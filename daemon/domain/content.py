"""The business content of an order: its digest, and the difference between two contents, line by line.

What we or the vendor write ourselves is no content: the top-level `external_*`, `is_read`, `updated_at`, `closed_at`, an item's
`prepared` and `served_*`, and totals that the vendor may recompute. Everything else is, the status included.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from daemon.domain.order import Address, Line, Order

#: Rises whenever `digest` changes its answer; digests of different versions are never compared (A19).
DIGEST_VERSION = 2

_NO_CONTENT = {
    Order: frozenset(
        {
            *("external_id", "external_id_buyer", "external_id_seller"),
            *("external_status", "external_status_buyer", "external_status_seller"),
            *("is_read", "updated_at", "closed_at", "price", "weight", "hash_id", "created_at"),
        }
    ),
    Line: frozenset({"prepared", "served_amount", "served_price", "total_price"}),
    Address: frozenset[str](),
}
_FIELDS = {kind: tuple(f.name for f in fields(kind) if f.name not in {*out, "lines"}) for kind, out in _NO_CONTENT.items()}
_ID = attrgetter("id")
_VALUES = {kind: attrgetter(*names) for kind, names in _FIELDS.items()}


def _getter(kind: Any, held: type) -> Callable[[Any], tuple[Any, ...]]:
    """All fields of content that hold this type, in one call."""
    names = [f.name for f in fields(kind) if f.name in _FIELDS[kind] and f.type in (held, held | None)]
    return attrgetter(*names)


_TEXTS = {kind: _getter(kind, str) for kind in _FIELDS}
_NUMBERS = {Line: _getter(Line, Decimal)}
_MOMENTS, _PLACES = _getter(Order, datetime), _getter(Order, Address)


def digest(order: Order) -> str:
    """A fingerprint of the business content: equal contents, equal digests, whatever the spelling on the wire.

    It covers what `content` says, by place instead of by name, in a third of the time: each order is digested at every reading.
    """
    lines = [(*_texts(line), *map(_digits, _NUMBERS[Line](line))) for line in sorted(order.lines, key=_ID)]
    places = [place and _texts(place) for place in _PLACES(order)]
    moments = [when and when.astimezone(UTC).isoformat() for when in _MOMENTS(order)]
    says = repr((order.status.value, _texts(order), moments, places, lines))
    return hashlib.sha256(says.encode()).hexdigest()


def _texts(thing: Order | Line | Address) -> tuple[str | None, ...]:
    texts = _TEXTS[type(thing)](thing)
    return tuple(text or None for text in texts) if "" in texts else texts


def _digits(number: Decimal | None) -> str | None:
    return None if number is None else number_text(number)


def content(order: Order) -> dict[str, object]:
    """The business content as plain text values: absent = null = "", numbers normalised, moments in UTC, lines by id."""
    plain = _plain(order)
    plain["lines"] = {line.id: _plain(line) for line in sorted(order.lines, key=_ID)}
    return plain


def _plain(thing: Order | Line | Address) -> dict[str, object]:
    kind = type(thing)
    return {
        name: value if type(value) is str else _text(value)  # saves most calls: each order is digested at every reading
        for name, value in zip(_FIELDS[kind], _VALUES[kind](thing), strict=True)
        if value is not None and value != ""
    }


def _text(value: object) -> object:
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Address):
        return _plain(value)
    return str(value)


def number_text(value: Decimal) -> str:
    """The shortest plain spelling: 3.10 and 3.1 are one number, and so are 0 and -0."""
    text = str(value)
    if "E" in text:  # asking for it plain from the start takes three times as long
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if value else "0"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs; None is absent."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line that differs: `added`, `removed` or `changed`, with its fields."""

    id: str
    what: str
    name: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Both contents of an order and what differs between them. `before` is None when the ERP's content is unknown."""

    before: Order | None
    after: Order
    fields: tuple[FieldChange, ...]
    lines: tuple[LineChange, ...]

    def __bool__(self) -> bool:
        """Whether anything differs. An unknown `before` differs always."""
        return self.before is None or bool(self.fields or self.lines)


def difference(before: Order | None, after: Order) -> Change:
    """What an update changes, line by line."""
    if before is None:
        return Change(None, after, (), ())
    old, new = content(before), content(after)
    return Change(before, after, _field_changes(old, new), tuple(_line_changes(before, after)))


def _field_changes(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[FieldChange, ...]:
    names = sorted((old.keys() | new.keys()) - {"lines"})
    flat_old, flat_new = _flat(old, names), _flat(new, names)
    return tuple(
        FieldChange(name, flat_old.get(name), flat_new.get(name))
        for name in sorted(flat_old.keys() | flat_new.keys())
        if flat_old.get(name) != flat_new.get(name)
    )


def _flat(plain: Mapping[str, object], names: Iterable[str]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name in names:
        value = plain.get(name)
        if isinstance(value, dict):
            flat.update({f"{name}.{inner}": str(text) for inner, text in value.items()})
        elif value is not None:
            flat[name] = str(value)
    return flat


def _line_changes(before: Order, after: Order) -> Iterable[LineChange]:
    old = {line.id: line for line in before.lines}
    new = {line.id: line for line in after.lines}
    for line_id in sorted(old.keys() | new.keys()):
        if line_id not in new:
            yield LineChange(line_id, "removed", _name(old[line_id]))
        elif line_id not in old:
            yield LineChange(line_id, "added", _name(new[line_id]), _field_changes({}, _plain(new[line_id])))
        elif changed := _field_changes(_plain(old[line_id]), _plain(new[line_id])):
            yield LineChange(line_id, "changed", _name(new[line_id]), changed)


def _name(line: Line) -> str:
    return line.display_name or line.sku or line.id
