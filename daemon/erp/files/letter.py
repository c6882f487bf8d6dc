"""A file of replies: JSON (one reply, or a list of them) or CSV (a row of names, then a row for each reply)."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.erp.files.reply import Reply, reply_of
from daemon.erp.files.table import Style

#: A reply is read by its own form, whichever the documents have.
FORMS = ("csv", "json")
#: A larger file is no reply, and one of more replies is to be split.
MAX_BYTES, MAX_REPLIES = 1_000_000, 2_000

#: What stands between two missing keys in one cell.
MISSING_SEPARATOR = "|"

_COLUMNS = frozenset(field.alias or name for name, field in Reply.model_fields.items())


@dataclass(frozen=True, slots=True)
class Part:
    """One reply of a file as it was read, and either what it says or why it says nothing."""

    where: str
    values: Any
    reply: Reply | None
    problem: str = ""


def read(content: bytes, form: str, style: Style) -> list[Part]:
    """The replies of a file. Raises ValueError where the whole of it cannot be read."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    parts = _csv_parts(content, style) if form == "csv" else _json_parts(content)
    if not parts:
        raise ValueError("there is no reply in it")
    if len(parts) > MAX_REPLIES:
        raise ValueError(f"there are more than {MAX_REPLIES} replies in it")
    return parts


def written(parts: Sequence[Part], form: str, style: Style) -> bytes:
    """These parts alone, as a file that can be mended and put back."""
    if form != "csv":
        return json.dumps([part.values for part in parts], indent=2).encode()
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=style.separator, lineterminator="\r\n")
    writer.writerow(parts[0].values[0])
    writer.writerows(part.values[1] for part in parts)
    return out.getvalue().encode(style.encoding, errors="backslashreplace")


# ---- JSON


def _json_parts(content: bytes) -> list[Part]:
    try:
        # Numbers as their digits: none is rounded, and none is too long to be made.
        said = json.loads(content.decode("utf-8-sig"), parse_int=str, parse_float=str, object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as problem:
        raise ValueError(f"it is no JSON: {problem.msg}, in line {problem.lineno}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if isinstance(said, list):
        return [_json_part(f"reply {number}", one) for number, one in enumerate(said, start=1)]
    return [_json_part("the reply", said)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("it says one key twice")
    return made


def _json_part(where: str, said: Any) -> Part:
    if not isinstance(said, dict):
        return Part(where, said, None, "must be an object")
    # null is absent, as in the documents
    return _part(where, said, {name: value for name, value in said.items() if value is not None})


# ---- CSV


def _csv_parts(content: bytes, style: Style) -> list[Part]:
    names, *rows = _rows(content, style) or [(0, [])]
    columns = [name.strip().lower() for name in names[1]]
    if unknown := sorted(set(columns) - _COLUMNS):
        raise ValueError(f"no reply has the column {unknown[0][:40]!a}; known are {', '.join(sorted(_COLUMNS))}")
    if len(set(columns)) < len(columns):
        raise ValueError("a column is there twice")
    return [_csv_part(f"line {line}", columns, row, style) for line, row in rows if any(row)]


def _rows(content: bytes, style: Style) -> list[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig" if style.encoding == "utf-8" else style.encoding)
    except UnicodeDecodeError:
        raise ValueError(f"it is not {style.encoding}") from None
    if not text.endswith(("\n", "\r")):
        raise ValueError("its last line has no end: it may be half of a file")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=style.separator, strict=True)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as problem:
        raise ValueError(f"it is no CSV: {problem}, in line {reader.line_num}") from None


def _csv_part(where: str, columns: list[str], row: list[str], style: Style) -> Part:
    if len(row) != len(columns):
        return Part(where, (columns, row), None, f"has {len(row)} cells for {len(columns)} columns")
    return _part(where, (columns, row), dict(_cells(columns, row, style)))


def _cells(columns: list[str], row: list[str], style: Style) -> Iterator[tuple[str, Any]]:
    for name, text in zip(columns, row, strict=True):
        if not text.strip():
            continue
        if name == "missing":
            yield name, [key.strip() for key in text.split(MISSING_SEPARATOR) if key.strip()]
        elif name == "total" and style.decimal_mark == ",":
            yield name, text.replace(".", "?").replace(",", ".")  # a point is no decimal mark here, so no number has one
        else:
            yield name, text


def _part(where: str, values: Any, said: dict[str, Any]) -> Part:
    try:
        return Part(where, values, reply_of(said))
    except ValueError as problem:
        return Part(where, values, None, str(problem))
