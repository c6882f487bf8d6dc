"""docs/files.md says what an ERP finds in documents, and may say in replies: every key, column, type and example."""

import csv
import io
import json
import re
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from daemon.domain.content import difference
from daemon.domain.ledger import Kind
from daemon.domain.order import Address, Line, Order, Status
from daemon.erp.files.cells import restored, text_cell
from daemon.erp.files.document import document
from daemon.erp.files.letter import read
from daemon.erp.files.reply import Reply
from daemon.erp.files.table import COLUMNS, Style, table
from daemon.ports import Effect

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "files.md").read_text()
AT = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
_FULL_LINE = {
    "id": "7001",
    "product_id": "310",
    "product_hash_id": "pHx31",
    "sku": "TOM-RAF",
    "ean_code": "8412345678905",
    "display_name": "Tomate Raf",
    "origin": "ES",
    "amount": Decimal("12.5"),
    "unit": "box",
    "price": Decimal("2.35"),
    "price_unit": "kg",
    "total_price": Decimal("176.25"),
    "currency": "EUR",
    "served_amount": Decimal(12),
    "served_price": Decimal("2.35"),
    "prepared": False,
}
_PLACE = Address(
    id="88",
    external_id="ALM-2",
    name="Mercado Norte",
    street="Calle Mayor 1",
    postal_code="04001",
    city="Almería",
    region="Andalucía",
    country="ES",
)
FULL = Order(
    id="5001",
    status=Status.ACCEPTED,
    hash_id="not shown",
    created_at=datetime(2026, 11, 25, 20, 0, tzinfo=UTC),
    updated_at=datetime(2026, 11, 25, 20, 30, tzinfo=UTC),
    closed_at=datetime(2026, 11, 25, 20, 45, tzinfo=UTC),
    buyer_id="17",
    seller_id="123",
    counterpart_id="B-17",
    counterpart_id_buyer="S-9",
    counterpart_id_seller="C-17",
    external_id="SO-00017",
    external_id_buyer="PO-4711",
    external_id_seller="SO-00017",
    external_status="booked",
    external_status_buyer="ordered",
    external_status_seller="booked",
    delivery_method="delivery",
    delivery_estimated_at=datetime(2026, 11, 27, 5, 0, tzinfo=UTC),
    pickup_estimated_at=datetime(2026, 11, 26, 16, 0, tzinfo=UTC),
    deliver_to=_PLACE,
    pickup_from=_PLACE,
    lines=(Line(**_FULL_LINE),),
    price=Decimal("176.25"),
    currency="EUR",
    weight=Decimal(75),
    weight_unit="kg",
    more_info="ring twice",
    is_read=True,
)
BEFORE = Order(**{field.name: getattr(FULL, field.name) for field in fields(Order)} | {"more_info": None})
EFFECT = Effect(
    kind=Kind.UPDATE, key="u8f14e45fceea167a5a36dedd", order=FULL, record="c123-5001", change=difference(BEFORE, FULL)
)
SAYS = {"record": "c123-5001", "workspace": "123", "written_at": AT}


def in_json(column):
    """The way to a column's value in the JSON document."""
    return column.replace("line.", "order.lines[].", 1) if column.startswith("line.") else column


def json_value(says, way):
    for name in way.split("."):
        says = says[name.removesuffix("[]")]
        says = says[0] if name.endswith("[]") else says
    return says


def rows():
    """The table of the page as it should be."""
    content = table(EFFECT, style=Style(), **SAYS).decode()
    order, line = csv.DictReader(io.StringIO(content, newline=""), delimiter=";")
    for column, kind in COLUMNS.items():
        cell = (line if column.startswith("line.") else order)[column]
        way = "" if column == "row" else f"`{in_json(column)}`"
        yield f"| {way} | `{column}` | {kind} | `{cell}` |"


def test_every_column_and_key_is_explained():
    """The page's table has each column in its order, with the way to it in JSON, its type, and the cell of one example."""
    shown = [line for line in PAGE.splitlines() if re.match(r"\| (`[a-z_.\[\]]+`)? \| `[a-z_.]+` \| [a-z/]+ \| `", line)]
    assert shown == list(rows())


def test_json_and_csv_say_the_same():
    """Each cell of the CSV document is the value of the JSON document at the way that the page names."""
    says = json.loads(document(EFFECT, **SAYS))
    content = table(EFFECT, style=Style(), **SAYS).decode()
    order, line = csv.DictReader(io.StringIO(content, newline=""), delimiter=";")
    for column in COLUMNS.keys() - {"row", "change.words"}:
        value = json_value(says, in_json(column))
        cell = restored((line if column.startswith("line.") else order)[column])
        assert cell == {True: "true", False: "false"}.get(value, value) or value == cell, column
    assert restored(order["change.words"]) == " | ".join(says["change"]["words"])


def test_no_key_of_a_document_is_left_out():
    """What a JSON document says beyond the columns is named on the page, too."""
    says = json.loads(document(EFFECT, **SAYS))
    ways = {*says} | {f"order.{name}" for name in says["order"]} | {f"order.lines[].{name}" for name in says["order"]["lines"][0]}
    ways |= {f"order.deliver_to.{name}" for name in says["order"]["deliver_to"]} | {f"change.{name}" for name in says["change"]}
    groups = {"order", "change", "order.deliver_to", "order.pickup_from", "order.lines"}
    assert sorted(way for way in ways - groups if f"`{way}`" not in PAGE) == []


def test_every_word_of_a_reply_is_explained():
    """The page's table of replies is the model's own."""
    known = {field.alias or name: field.description for name, field in Reply.model_fields.items()}
    shown = dict(re.findall(r"^\| `(\w+)` \| (?:text|true/false|number|moment|list of texts) \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert shown == known


@pytest.mark.parametrize("form", ["json", "csv"])
def test_the_replies_shown_are_good(form):
    """Whoever copies a reply from the page is understood."""
    shown = re.findall(rf"```{form}\n(.*?)```", PAGE.partition("## Replies")[2], re.DOTALL)
    assert shown
    for text in shown:
        assert [part.problem for part in read(text.encode(), form, Style()) if part.problem] == []


def test_the_cells_shown_are_true():
    """Each text that the page shows made safe is made so, and is restored."""
    shown = re.findall(r"^\| `([^|]+?)` \| `([^|]+?)` \|$", PAGE, re.MULTILINE)
    assert len(shown) > 3
    for text, cell in shown:
        said = text.replace("⏎", "\n")
        assert text_cell(said) == cell
        assert restored(cell) == said


def test_the_schema_of_replies_is_the_model():
    """docs/reply.schema.json is made from the model that reads replies; `make docs` writes it."""
    assert json.loads((ROOT / "docs" / "reply.schema.json").read_text()) == Reply.model_json_schema()
