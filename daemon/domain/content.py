"""The business content of an order: its digest, and the difference between two contents, line by line.

What we or the vendor write ourselves is no content: the top-level `external_*`, `is_read`, `updated_at`, `closed_at`, an item's
`prepared` and `served_*`, and totals that the vendor may recompute. Everything else is, the status included.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter

from daemon.domain.order import Address, Line, Order

#: Rises whenever `content` changes its answer; digests of different versions are never compared (A19).
DIGEST_VERSION = 1

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


def digest(order: Order) -> str:
    """A fingerprint of the business content: equal contents, equal digests, whatever the spelling on the wire."""
    text = json.dumps(content(order), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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
    if not value:
        return "0"
    return format(value.normalize(), "f")


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
