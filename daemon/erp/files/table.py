"""A document as CSV: a row of column names, a row for the order, and a row for each of its lines.

A column is named by the way to its value in the JSON document: `order.deliver_to.city`, `line.sku` for each of `order.lines`.
Every row has every column; what the other kind of row says is empty, but for the ids that join them.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, get_args, get_type_hints

from daemon.domain.order import Address, Line, Order
from daemon.erp.files.cells import cell
from daemon.erp.files.document import SCHEMA, change_in_words
from daemon.ports import Effect

Separator = Literal[";", ",", "|", "\t"]
DecimalMark = Literal[".", ","]
Encoding = Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"]

_PLACES = ("deliver_to", "pickup_from")
_TYPES = {"str": "text", "Status": "text", "Decimal": "number", "datetime": "moment", "bool": "true/false"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How CSV is written, and read in replies."""

    separator: Separator = ";"
    decimal_mark: DecimalMark = "."
    encoding: Encoding = "utf-8"


def _columns_of(kind: type, head: str, *, without: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        if field.name not in without:
            hint = (*get_args(hints[field.name]), hints[field.name])[0]
            yield f"{head}.{field.name}", _TYPES[hint.__name__]


#: Every column in its order, with its type.
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("row", "schema", "kind", "key", "record", "workspace"), "text"),
    "written_at": "moment",
    "order.customer": "text",
    **dict(_columns_of(Order, "order", without=frozenset({"hash_id", "lines", *_PLACES}))),
    **{name: kind for place in _PLACES for name, kind in _columns_of(Address, f"order.{place}")},
    "change.words": "text",
    **dict(_columns_of(Line, "line")),
}
_EMPTY = dict.fromkeys(COLUMNS, "")
#: The fields of what stands under each head, with their columns.
_NAMES = {
    head: [(field.name, column) for field in fields(kind) if (column := f"{head}.{field.name}") in COLUMNS]
    for head, kind in {"order": Order, "line": Line, **{f"order.{place}": Address for place in _PLACES}}.items()
}
_JOINING = ("key", "record", "order.id")


def table(effect: Effect, *, record: str, workspace: str, written_at: datetime, style: Style) -> bytes:
    """One effect as CSV, lines ended by CR LF. The order's hash is left out: it works as a password."""
    head = {
        "row": "order",
        "schema": SCHEMA,
        "kind": effect.kind.value,
        "key": effect.key,
        "record": record,
        "workspace": workspace,
        "written_at": written_at,
        "change.words": None if effect.change is None else " | ".join(change_in_words(effect.change)),
        **_order(effect.order),
    }
    joining = {name: head[name] for name in _JOINING}
    lines = ({"row": "line", **joining, **_prefixed(line, "line")} for line in effect.order.lines)
    return _written([head, *lines], style)


def _written(rows: list[dict[str, object]], style: Style) -> bytes:
    out = io.StringIO(newline="")
    out.write(style.separator.join(COLUMNS) + "\r\n")  # no name needs a quote
    writer = csv.writer(out, delimiter=style.separator, lineterminator="\r\n")
    writer.writerows(_cells(row, style.decimal_mark) for row in rows)
    return out.getvalue().encode(style.encoding, errors="backslashreplace")


def _cells(row: dict[str, object], decimal_mark: str) -> Iterable[str]:
    told = {name: cell(value, decimal_mark) for name, value in row.items() if value is not None}
    return (_EMPTY | told).values()


def _order(order: Order) -> dict[str, object]:
    places = {place: getattr(order, place) for place in _PLACES}
    return {
        "order.customer": order.customer,
        **_prefixed(order, "order"),
        **{name: value for place, held in places.items() if held for name, value in _prefixed(held, f"order.{place}").items()},
    }


def _prefixed(thing: Order | Line | Address, head: str) -> dict[str, object]:
    return {column: getattr(thing, name) for name, column in _NAMES[head]}
