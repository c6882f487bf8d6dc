"""What kind of ERP is imitated, and the documents that it holds."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from daemon.domain.order import Line, Order
from daemon.errors import Conflict
from daemon.ports import BookedLine, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeErpSettings:
    """What kind of ERP it is."""

    find: Literal["nothing", "creates", "every"] = "creates"
    read: bool = True
    refuses_second_key: bool = False
    #: A cancelled record is gone, and its key is free again.
    cancel_deletes: bool = False
    #: An update whose key it has carried out before is taken for done.
    remembers_keys: bool = False
    group_size: int = 1
    #: It computes and tells totals and lines.
    books: bool = False
    #: It tells news: of what its clerks do, and of what we had done as well.
    reports: bool = False
    #: A record has no number before a clerk gives it one.
    numbers_later: bool = False
    #: A record that a clerk has confirmed is changed and cancelled no more.
    closes_when_confirmed: bool = False
    name: str = "fake"


@dataclass(slots=True, kw_only=True)
class FakeRecord:
    """A document in the ERP. `key` is the one of its create; "" when a clerk typed it in."""

    id: str
    key: str
    order: Order
    number: str | None = None
    live: bool = True
    gone: bool = False
    #: It has left the house: no change and no cancel any more.
    shipped: bool = False
    confirmed: bool = False
    #: The keys of the updates and cancels that it went through.
    touched_by: list[str] = field(default_factory=list)
    #: What it computed, where it books.
    total: Decimal | None = None
    lines: tuple[BookedLine, ...] | None = None

    @property
    def status(self) -> str:
        """The ERP's word for where the record stands."""
        return "shipped" if self.shipped else "open" if self.live else "cancelled"

    def must_be_open(self, settings: FakeErpSettings) -> None:
        """Raises Conflict where it has progressed too far for any change."""
        if self.shipped:
            raise Conflict(f"record {self.id} has been shipped")
        if self.confirmed and settings.closes_when_confirmed:
            raise Conflict(f"record {self.id} has been confirmed")

    def seen_from_outside(self) -> Record:
        """The record as the port tells it."""
        return Record(
            id=self.id,
            number=self.number,
            live=self.live and not self.gone,
            status=self.status,
            total=self.total,
            lines=self.lines,
        )

    def book(self, surcharge: Decimal) -> None:
        """Compute lines and total, each line dearer by a surcharge."""
        self.lines = tuple(booked(line, surcharge) for line in self.order.lines)
        totals = [line.total for line in self.lines]
        self.total = sum((total for total in totals if total is not None), Decimal(0)) if None not in totals else None


def booked(line: Line, surcharge: Decimal) -> BookedLine:
    """The line as the ERP computes it: amount times price, or the order's own total where they are of two units."""
    is_computable = line.amount is not None and line.price is not None and line.unit == (line.price_unit or line.unit)
    total = line.amount * line.price if is_computable and line.amount is not None and line.price is not None else line.total_price
    return BookedLine(
        line_id=line.id,
        sku=line.sku,
        amount=line.amount,
        unit=line.unit,
        total=None if total is None else total + surcharge,
    )
