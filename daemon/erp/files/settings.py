"""The settings of the `files` adapter, and what an order lacks under them."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from daemon.domain.order import Address, Line, Order
from daemon.erp.files.table import DecimalMark, Encoding, Separator, Style

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

    folder: Path = Field(description="a folder of its own, shared with the ERP, on one file system", examples=["erp-inbox"])
    inbox: str = Field("inbox", description="the folder below it from which the ERP imports documents")
    replies: str = Field("replies", description="the folder below it in which the ERP leaves its replies")
    format: Literal["json", "csv"] = Field("json", description="the form of the documents: json or csv")
    csv_separator: Separator = Field(";", description='what stands between two cells: ";", ",", "|" or a tab')
    csv_decimal_mark: DecimalMark = Field(".", description='the decimal mark of numbers: "." or ","')
    csv_encoding: Encoding = Field("utf-8", description="utf-8, utf-8-sig (for spreadsheets), latin-1 or cp1252")
    reference: Literal["document", "number"] = Field(
        "document", description="what Consentio is told: the document's name at once, or the number, once a reply says it"
    )
    file_mode: str = Field("0640", description="the mode of the documents, octal")
    require: list[str] = Field([], description="fields that must be filled, such as customer or lines.sku; else the order parks")
    units: list[str] = Field([], description="the units that the ERP knows; empty: any")
    keep_replies_days: int = Field(90, ge=1, le=3650, description="how long replies are kept once taken, or set aside")
    group_size: int = Field(500, ge=1, le=5000, description="how many documents are made durable at once")

    @field_validator("folder")
    @classmethod
    def _is_named(cls, folder: Path) -> Path:
        if not folder.name:
            raise ValueError("name a folder of its own")
        return folder.expanduser()

    @field_validator("inbox", "replies")
    @classmethod
    def _is_below(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or not path.parts or any(part.startswith(".") for part in path.parts):
            raise ValueError("must be a plain name below `folder`, without a leading dot")
        return name

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

    @model_validator(mode="after")
    def _are_apart(self) -> Self:
        if self.csv_decimal_mark == self.csv_separator:
            raise ValueError("csv_separator and csv_decimal_mark must differ")
        inbox, replies = PurePosixPath(self.inbox), PurePosixPath(self.replies)
        ours = [replies, replies.with_name(f"{replies.name}-taken"), replies.with_name(f"{replies.name}-bad")]
        if any(inbox.is_relative_to(place) or place.is_relative_to(inbox) for place in ours):
            raise ValueError("inbox and replies must be two folders, neither in the other, and inbox not replies-taken or -bad")
        return self

    @property
    def style(self) -> Style:
        """How CSV is written and read."""
        return Style(separator=self.csv_separator, decimal_mark=self.csv_decimal_mark, encoding=self.csv_encoding)

    @property
    def mode(self) -> int:
        """`file_mode` as a number."""
        return int(self.file_mode, 8)

    def missing_in(self, order: Order) -> list[str]:
        """All that keeps an order out of the ERP: `field:NAME` for each unfilled field, `unit:NAME` for each unknown unit."""
        unfilled = [f"field:{name}" for required in self.require for name in _unfilled(order, required)]
        return [*dict.fromkeys(unfilled), *(f"unit:{unit}" for unit in self._unknown_units(order))]

    def _unknown_units(self, order: Order) -> list[str]:
        if not self.units:
            return []
        used = {unit for line in order.lines for unit in (line.unit, line.price_unit) if unit}
        return sorted(used - set(self.units))


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
