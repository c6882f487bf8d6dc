"""Documents (consentio-sync/files/1) and replies (consentio-sync/reply/1) in their published forms, for a stranger."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.sandbox.book import Posting

SCHEMA = "consentio-sync/files/1"
FORMS = (".json", ".csv")

_WRITTEN_OUT = re.compile(r"\\(?:(\\)|(n)|(r)|(t)|x(..)|u(....)|U(.{8}))")
_SHORT = ("\\", "\n", "\r", "\t")


def read(name: str, said: bytes, at: datetime) -> Posting:
    """What a document asks for; `at` is when it appeared. Raises ValueError, KeyError or TypeError if it is none."""
    document = _table(said) if name.endswith(".csv") else json.loads(said)
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}, not {SCHEMA!r}")
    return Posting(
        at=at,
        kind=document["kind"],
        key=document["key"],
        record=document["record"],
        order=document["order"]["id"],
        content=document["order"],
    )


def answer(folder: Path, name: str, **says: Any) -> None:
    """Leaves a reply: written under a name that begins with a dot, then renamed."""
    says = {**says, "at": datetime.now(UTC).isoformat()}
    draft = folder / f".{name}.draft"
    draft.write_text(json.dumps(says), encoding="utf-8")
    draft.rename(folder / f"{Path(name).stem}.json")


def _table(said: bytes) -> dict[str, Any]:
    rows = list(csv.DictReader(said.decode("utf-8-sig").splitlines(), delimiter=";"))
    head = {name: _restored(text) for name, text in rows[0].items()}
    order = dict(_below(head, "order.")) | {"lines": [dict(_below(row, "line.")) for row in rows[1:]]}
    return head | {"order": order}


def _below(row: Mapping[str, str], place: str) -> Iterator[tuple[str, str | None]]:
    return ((name.removeprefix(place), _restored(text) or None) for name, text in row.items() if name.startswith(place))


def _restored(cell: str) -> str:
    return _WRITTEN_OUT.sub(_character, cell.removeprefix("'"))


def _character(found: re.Match[str]) -> str:
    code = found[5] or found[6] or found[7]
    return chr(int(code, 16)) if code else next(sign for sign, hit in zip(_SHORT, found.groups(), strict=False) if hit)
