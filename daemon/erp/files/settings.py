"""The settings of the `files` adapter, and what an order lacks under them."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, field_validator

from daemon.domain.order import Address, Line, Order

_PLACES = ("deliver_to", "pickup_from")
_ADDRESS_NAMES = {field.name for field in fields(Address)}
_LINE_NAMES = {field.name for field in fields(Line)}
#: Every field that `require` may name.
FIELD_NAMES = frozenset(
    {"customer", "reference"}
    | {field.name for field in fields(Order)} - {"hash_id"}
    | {f"{place}.{name}" for place in _PLACES for name in _ADDRESS_NAMES}
    | {f"lines.{name}" for name in _LINE_NAMES}
)


class FilesSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Where the inbox and our own two folders are, on one file system.
    folder: Path
    #: What the ERP imports, below `folder`.
    inbox: str = "inbox"
    #: The mode of the documents, octal.
    file_mode: str = "0640"
    #: Fields that must be filled, such as customer, deliver_to.external_id or lines.sku.
    require: list[str] = []
    #: The units that the ERP knows; empty: any.
    units: list[str] = []
    #: How many documents are made durable at once.
    group_size: int = Field(default=500, ge=1, le=5000)

    @field_validator("folder")
    @classmethod
    def _is_named(cls, folder: Path) -> Path:
        if not folder.name:
            raise ValueError("name a folder of its own")
        return folder.expanduser()

    @field_validator("inbox")
    @classmethod
    def _is_below(cls, inbox: str) -> str:
        path = PurePosixPath(inbox)
        if path.is_absolute() or not path.parts or any(part.startswith(".") for part in path.parts):
            raise ValueError("must be a plain name below `folder`, without a leading dot")
        return inbox

    @field_validator("file_mode")
    @classmethod
    def _is_octal(cls, mode: str) -> str:
        if not re.fullmatch(r"0?[0-7]{3}", mode):
            raise ValueError('must be an octal mode as text, such as "0640"')
        return mode

    @field_validator("require")
    @classmethod
    def _are_fields(cls, names: list[str]) -> list[str]:
        unknown = [str(place) for place, name in enumerate(names, start=1) if name not in FIELD_NAMES]
        if unknown:
            raise ValueError(f"no such order field: entry {', '.join(unknown)}; known are {', '.join(sorted(FIELD_NAMES))}")
        return names

    @property
    def mode(self) -> int:
        """`file_mode` as a number."""
        return int(self.file_mode, 8)

    def missing_in(self, order: Order) -> list[str]:
        """All that keeps an order out of the ERP: `field:NAME` for each unfilled field, `unit:NAME` for each unknown unit."""
        unfilled = (f"field:{name}" for required in self.require for name in _unfilled(order, required))
        used = {unit for line in order.lines for unit in (line.unit, line.price_unit) if unit}
        unknown = (f"unit:{unit}" for unit in sorted(used - set(self.units)) if self.units)
        return [*dict.fromkeys(unfilled), *unknown]


def _unfilled(order: Order, name: str) -> Iterator[str]:
    head, _, tail = name.partition(".")
    value = getattr(order, head)
    if not tail:
        yield from () if _is_filled(value) else (name,)
    elif head == "lines":
        yield from (f"lines[{line.id}].{tail}" for line in order.lines if not _is_filled(getattr(line, tail)))
    elif value is None or not _is_filled(getattr(value, tail)):
        yield name


def _is_filled(value: object) -> bool:
    return value is not None and value != () and bool(str(value).strip())
