"""The adapter sits the exam of Consentio Sync. What is particular to Crates is said on its stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from consentio_sync_crates import CratesAdapter
from consentio_sync_crates.crates import clerk_sets, connect, found

from daemon.domain.order import Address, Line, Order, Status
from daemon.testing.exam import AdapterExam, Held, Stage

TOMATOES = Line(id="1", sku="TOM", amount=Decimal(10), unit="box", price=Decimal("1.20"), price_unit="kg")
LEMONS = Line(id="2", sku="LIM", amount=Decimal("42.5"), unit="kg", price=Decimal("1.12"))
MANGOS = Line(id="3", sku="MAN", amount=Decimal(5), unit="box", price=Decimal("14.40"))


class CratesStage(Stage):
    waives = {"double": "Crates keeps its references unique", "clerk_numbers": "a sale's id is its number"}

    def __init__(self, folder: Path) -> None:
        self.file = folder / "crates.db"
        found(self.file)
        self._made = []

    def adapter(self, workspace="123"):
        mapping = {"contents": {"TOM": {"box": "6 kg"}}}
        settings = CratesAdapter.Settings.model_validate({"file": self.file, "mapping": mapping})
        self._made.append(CratesAdapter(settings, workspace=workspace))
        return self._made[-1]

    def order(self, order_id):
        return Order(
            id=order_id,
            status=Status.ACCEPTED,
            created_at=datetime(2026, 11, 23, 6, tzinfo=UTC),
            counterpart_id_seller="C-0101",
            delivery_estimated_at=datetime(2026, 11, 25, 5, tzinfo=UTC),
            deliver_to=Address(external_id="DEL-01"),
            lines=(TOMATOES, LEMONS),
            more_info="before 7:00",
            price=Decimal("119.60"),  # ten boxes of six kilos, and the lemons
        )

    def held(self, record):
        sales = self._asked("SELECT customer, place, due, note, state FROM sale WHERE id = ?", record)
        if not sales:
            return None
        *header, note, state = sales[0]
        lines = self._asked("SELECT line_id, product, amount, unit, price FROM line WHERE sale = ? ORDER BY line_id", record)
        return Held(live=state != "cancelled", lines=lines, note=note, header=header)

    def everything(self):
        return self._asked("SELECT * FROM sale"), self._asked("SELECT * FROM line"), self._asked("SELECT * FROM event")

    def other_line(self):
        return MANGOS

    def other_address(self):
        return Address(external_id="DEL-02")

    def unknown(self, order):
        first, *others = order.lines
        lines = (replace(first, sku="NOPE"), *others)
        return replace(order, counterpart_id_seller="C-9", lines=lines), ["customer:C-9", "product:NOPE"]

    def clerk_cancels(self, record):
        clerk_sets(self.file, record, "cancelled")

    def clerk_confirms(self, record):
        clerk_sets(self.file, record, "packed")

    def clerk_ships(self, record):
        clerk_sets(self.file, record, "left")

    def clerk_deletes(self, record):
        self._asked("DELETE FROM sale WHERE id = ?", record)

    @contextmanager
    def away(self) -> Iterator[None]:
        self.file.rename(elsewhere := self.file.with_suffix(".away"))
        yield
        elsewhere.rename(self.file)

    @contextmanager
    def lose_answer(self, effect) -> Iterator[None]:
        """The effect is done, and then the line goes dead."""
        erp = self._made[-1].erp
        does = getattr(erp, effect)

        def dies(*args):
            does(*args)
            raise TimeoutError("no answer")

        dies.__name__ = effect
        setattr(erp, effect, dies)
        yield
        setattr(erp, effect, does)

    def _asked(self, sql, *values):
        crates = connect(self.file)
        rows = [tuple(row) for row in crates.execute(sql, values)]
        crates.close()
        return rows


class TestCrates(AdapterExam):
    @pytest.fixture
    def stage(self, tmp_path):
        return CratesStage(tmp_path)
