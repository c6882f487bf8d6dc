"""Documents as CSV: read by a plain CSV reader, safe in a spreadsheet, and the same as the JSON document."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.domain.content import difference
from daemon.domain.ledger import Kind
from daemon.domain.order import Address, Line, Order, Status
from daemon.erp.files.cells import cell, restored, text_cell
from daemon.erp.files.table import COLUMNS, Style, table
from daemon.ports import Effect

NOW = datetime(2026, 11, 23, 20, 15, tzinfo=UTC)
ORDER = Order(
    id="5001",
    hash_id="HASH-THAT-OPENS",
    status=Status.ACCEPTED,
    counterpart_id="C-17",
    deliver_to=Address(city="Almería"),
    more_info='=cmd|"/C calc"!A0\nring twice',
    price=Decimal("-12.50"),
    lines=(Line(id="7001", sku="-TOM", amount=Decimal("3.10"), prepared=False), Line(id="7002", display_name="Lemon; sour")),
)
TRICKY = st.text(st.sampled_from("=+-@\t\r\n\\'\";,| a1\uff1d\x00\ud800€ł"), max_size=12) | st.text(max_size=30)


def written(effect=None, **style):
    effect = effect or Effect(kind=Kind.CREATE, key="c123-5001", order=ORDER)
    return table(effect, record="c123-5001", workspace="123", written_at=NOW, style=Style(**style))


def rows(content, **style):
    made = Style(**style)
    return list(csv.DictReader(io.StringIO(content.decode(made.encoding), newline=""), delimiter=made.separator))


def test_an_order_and_its_lines_are_rows():
    """A row of names, a row for the order and one for each line, joined by the key, the record and the order's id."""
    order, first, second = rows(written())

    assert list(order) == list(COLUMNS)
    assert (order["row"], order["kind"], order["order.customer"], order["order.deliver_to.city"]) == (
        "order",
        "create",
        "C-17",
        "Almería",
    )
    assert [(line["row"], line["line.id"], line["line.amount"], line["line.prepared"]) for line in (first, second)] == [
        ("line", "7001", "3.1", "false"),
        ("line", "7002", "", ""),
    ]
    for row in (order, first, second):
        assert (row["key"], row["record"], row["order.id"]) == ("c123-5001", "c123-5001", "5001")
    assert second["line.display_name"] == "Lemon; sour"


@pytest.mark.parametrize("separator", [";", ",", "|", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252"])
def test_every_style_says_the_same(separator, encoding):
    """Whatever the separator and the encoding, each cell is restored to its text, and numbers stay numbers."""
    mark = "." if separator == "," else ","
    order = replace(ORDER, more_info="Łódź → 5 €, =1+1")
    content = written(Effect(kind=Kind.CREATE, key="c1", order=order), separator=separator, encoding=encoding, decimal_mark=mark)
    row = rows(content, separator=separator, encoding=encoding)[0]

    assert restored(row["order.more_info"]) == "Łódź → 5 €, =1+1"
    assert restored(row["order.deliver_to.city"]) == "Almería"
    assert row["order.price"] == f"-12{mark}5"
    assert content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")


def test_formulas_are_text():
    """What a spreadsheet would run is given an apostrophe, a text of several lines becomes one, a negative number stays one."""
    order, line, _ = rows(written())
    assert order["order.more_info"] == '\'=cmd|"/C calc"!A0\\nring twice'
    assert line["line.sku"] == "'-TOM"
    assert order["order.price"] == "-12.5"


@given(TRICKY)
def test_each_text_is_restored(text):
    """No text is lost or mixed up with another by being made safe."""
    assert restored(text_cell(text)) == text


@given(TRICKY)
@example("a,=b")
@example("a|-b")
def test_no_text_begins_a_formula(text):
    """In no reader, whichever separator it takes, does a cell made of a text begin with a formula or hold a line break."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerow(["x", text_cell(text), "x"])
    line = out.getvalue().removesuffix("\r\n")
    assert not re.search("[\x00-\x1f]", line)
    for separator in ";,|":
        assert not [piece for piece in line.split(separator) if re.match('"*[=+@\uff1d-]', piece)]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3))
def test_numbers_stay_numbers(number):
    """A number's cell is its plain digits, a minus included."""
    assert Decimal(cell(number, ",").replace(",", ".")) == number
    assert re.fullmatch(r"-?[0-9]+(,[0-9]+)?", cell(number, ","))


def test_an_update_says_its_change_in_words():
    """The order's row tells the differences; a create has none."""
    change = difference(ORDER, replace(ORDER, more_info="x", price=None, lines=ORDER.lines[:1]))
    row = rows(written(Effect(kind=Kind.UPDATE, key="u1", order=change.after, record="c123-5001", change=change)))[0]
    assert restored(row["change.words"]).endswith("→ x | line 7002 (Lemon; sour) removed")
    assert rows(written())[0]["change.words"] == ""


def test_no_table_holds_the_hash():
    """The order's hash works as a password, so no document has it."""
    assert b"HASH-THAT-OPENS" not in written()
