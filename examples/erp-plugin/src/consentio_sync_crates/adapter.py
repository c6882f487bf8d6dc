"""The adapter: plain synchronous code, which `blocking` runs in threads of its own."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from consentio_sync_crates.crates import connect
from daemon.domain.content import Change, number_text
from daemon.domain.ledger import Kind, News, NewsKind
from daemon.domain.order import Order
from daemon.erp.blocking import blocking
from daemon.erp.mapping import Customer, Known, MappedOrder, MappingSettings, Place, Product, Unit, map_order, wanted
from daemon.errors import AdapterError, Conflict, ErpUnavailable
from daemon.ports import BookedLine, Capabilities, Effect, Record, Reports

UNITS = {
    "kg": Unit(id="kg", name="kg", kind="weight", digits=3),
    "box": Unit(id="box", name="box", kind="box", digits=0),
}


class CratesSettings(BaseModel):
    """The table `[erp.NAME]` of the config. Unknown keys are errors; `consentio-sync adapters` tells each description."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Path = Field(description="the file of Crates", examples=["crates.db"])
    busy_s: float = Field(5.0, gt=0, description="seconds to wait while a clerk writes; keep it below delivery.call_timeout")
    mapping: MappingSettings = MappingSettings()


class Crates:
    """One sale for each order, known by its reference, which Crates keeps unique."""

    Settings: ClassVar[type[CratesSettings]] = CratesSettings
    capabilities = Capabilities(
        find="creates",
        refuses_second_key=True,
        edit_after_confirmation=False,
        remove_line_after_confirmation=False,
        cancel_after_confirmation=False,
        reports=True,
        concurrency=4,
    )

    def __init__(self, settings: CratesSettings, *, workspace: str) -> None:
        self._settings = settings
        self._workspace = workspace

    @property
    def identity(self) -> str:
        """Which Crates this is; a ledger that was begun with another one is refused."""
        return str(self._settings.file.resolve())

    def open(self) -> None:
        """Nothing to open: each call has a connection of its own."""

    def close(self) -> None:
        """Nothing to close."""

    def check(self) -> None:
        """The file is there and is a Crates; nothing is written."""
        with self._connection() as crates:
            try:
                crates.execute("SELECT id, reference FROM sale LIMIT 1")
            except sqlite3.DatabaseError as problem:
                remedy = "Name the file of Crates in `file`."
                raise AdapterError(f"{self._settings.file} is no Crates: {problem}", remedy=remedy) from None

    # ---- questions

    def find(self, key: str) -> Record | None:
        """By the reference, in whatever state. It is unique, so `Ambiguous` cannot be."""
        with self._connection() as crates:
            sale = crates.execute("SELECT id FROM sale WHERE reference = ?", (key,)).fetchone()
            return _read(crates, str(sale["id"])) if sale else None

    def read(self, record: str) -> Record | None:
        """By its id."""
        with self._connection() as crates:
            return _read(crates, record)

    def reports(self, since: str | None) -> Reports:
        """Events after a cursor, which is the number of the last one. Crates commits one after the other, so none comes late."""
        with self._connection() as crates:
            rows = crates.execute("SELECT * FROM event WHERE id > ? ORDER BY id", (int(since or 0),)).fetchall()
        return Reports([_news(row) for row in rows], str(rows[-1]["id"]) if rows else since or "0")

    # ---- effects: each one transaction, done as a whole or not at all

    def create(self, order: Order, key: str) -> Record:
        """A sale with the key as its reference. A second create with one key answers with the first sale."""
        with self._writing() as crates:
            first = crates.execute("SELECT id FROM sale WHERE reference = ?", (key,)).fetchone()
            if first is None:
                mapped = self._mapped(crates, order)
                values = (key, *_header(mapped))
                made = crates.execute("INSERT INTO sale (reference, customer, place, due, note) VALUES (?, ?, ?, ?, ?)", values)
                _write_lines(crates, str(made.lastrowid), mapped)
            return _there(crates, str(made.lastrowid if first is None else first["id"]))

    def update(self, record: str, change: Change, key: str) -> Record:  # noqa: ARG002  # Crates remembers no keys of updates
        """The whole new content, whatever the sale holds: so it may be repeated."""
        with self._writing() as crates:
            _must_be_open(_there(crates, record))
            mapped = self._mapped(crates, change.after)
            crates.execute("UPDATE sale SET customer = ?, place = ?, due = ?, note = ? WHERE id = ?", (*_header(mapped), record))
            crates.execute("DELETE FROM line WHERE sale = ?", (record,))
            _write_lines(crates, record, mapped)
            return _there(crates, record)

    def cancel(self, record: str, order: Order, key: str) -> Record:  # noqa: ARG002
        """What is cancelled or gone already is a success."""
        with self._writing() as crates:
            held = _read(crates, record)
            if held is None or not held.live:
                return Record(id=record, live=False, status="cancelled")
            _must_be_open(held)
            crates.execute("UPDATE sale SET state = 'cancelled' WHERE id = ?", (record,))
            return _there(crates, record)

    def preview(self, effect: Effect) -> str:
        """What would be done, in words; what is missing is told here, too."""
        if effect.kind is Kind.CANCEL:
            return f"cancel sale {effect.record} of order {effect.order.id}"
        with self._connection() as crates:
            mapped = self._mapped(crates, effect.order)
        lines = [f"{number_text(line.measured.amount)} {line.measured.unit.name} of {line.product.id}" for line in mapped.lines]
        return "\n  ".join([f"{effect.kind} a sale to {mapped.customer.id} for order {effect.order.id}", *lines])

    # ---- inside

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Whatever keeps us from Crates here has sent nothing."""
        try:
            crates = connect(self._settings.file, busy_s=self._settings.busy_s)
        except sqlite3.OperationalError as problem:
            remedy = "Look whether the file is there, and may be read and written."
            raise ErpUnavailable(f"Crates in {self._settings.file} cannot be opened: {problem}", remedy=remedy) from None
        try:
            yield crates
        finally:
            crates.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. What fails before it begins has sent nothing; what fails in its commit is a doubt, and stays one."""
        with self._connection() as crates:
            try:
                crates.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as problem:
                raise ErpUnavailable(f"Crates is busy: {problem}") from None
            try:
                yield crates
            except BaseException:
                crates.execute("ROLLBACK")
                raise
            crates.execute("COMMIT")

    def _mapped(self, crates: sqlite3.Connection, order: Order) -> MappedOrder:
        """The order in Crates' words, or OrderRejected with every gap at once."""
        asked = wanted(order, self._settings.mapping)
        customers = {code: _customers(crates, code) for code in asked.customers}
        products = {code: _products(crates, code) for code in asked.products}
        return map_order(order, self._settings.mapping, Known(customers=customers, products=products, units=UNITS))


def _customers(crates: sqlite3.Connection, code: str) -> list[Customer]:
    rows = crates.execute("SELECT code FROM customer WHERE code = ?", (code,)).fetchall()
    places = crates.execute("SELECT code FROM place WHERE customer = ?", (code,)).fetchall()
    known = [Place(id=place["code"], codes=frozenset({place["code"]})) for place in places]
    return [Customer(id=row["code"], places=known) for row in rows]


def _products(crates: sqlite3.Connection, code: str) -> list[Product]:
    rows = crates.execute("SELECT * FROM product WHERE code = ?", (code,)).fetchall()
    return [Product(id=row["code"], unit=UNITS[row["unit"]]) for row in rows]


def _header(mapped: MappedOrder) -> tuple[str, str | None, str | None, str]:
    note = "\n".join(filter(None, [mapped.note, *mapped.roundings]))
    return mapped.customer.id, mapped.place and mapped.place.id, mapped.due_at and mapped.due_at.isoformat(), note


def _write_lines(crates: sqlite3.Connection, sale: str, mapped: MappedOrder) -> None:
    says = [
        (sale, line.line.id, line.product.id, str(line.measured.amount), line.measured.unit.id, str(line.measured.price))
        for line in mapped.lines
    ]
    crates.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)", says)


def _read(crates: sqlite3.Connection, record: str) -> Record | None:
    sale = crates.execute("SELECT * FROM sale WHERE CAST(id AS TEXT) = ?", (record,)).fetchone()
    if sale is None:
        return None
    lines = tuple(_booked(row) for row in crates.execute("SELECT * FROM line WHERE sale = ? ORDER BY rowid", (record,)))
    total = sum((line.total for line in lines if line.total is not None), Decimal(0))
    return Record(id=record, live=sale["state"] != "cancelled", status=sale["state"], total=total, lines=lines)


def _there(crates: sqlite3.Connection, record: str) -> Record:
    held = _read(crates, record)
    if held is None:
        raise Conflict(f"sale {record} is gone from Crates")
    return held


def _must_be_open(held: Record) -> None:
    if held.status != "open":
        raise Conflict(f"sale {held.id} is {held.status} in Crates")


def _booked(row: sqlite3.Row) -> BookedLine:
    amount, price = Decimal(row["amount"]), Decimal(row["price"])
    total = (amount * price).quantize(Decimal("0.01"))
    return BookedLine(line_id=row["line_id"], sku=row["product"], amount=amount, unit=row["unit"], price=price, total=total)


def _news(row: sqlite3.Row) -> News:
    kind = NewsKind.CANCELLED if row["state"] == "cancelled" else NewsKind.STATUS
    at = datetime.fromisoformat(row["at"]).replace(tzinfo=UTC)
    return News(record=str(row["sale"]), kind=kind, at=at, status=row["state"])


CratesAdapter = blocking(Crates)
