"""What the ERP booked, compared with the order: nothing that is right is told, and nothing that is wrong passes."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.amounts import Tolerance, mismatches
from daemon.domain.order import Line
from daemon.ports import BookedLine
from tests.unit.domain.orders import order

CENT = Decimal("0.01")
EXACT = Tolerance(absolute=Decimal(0), share=Decimal(0))

money = st.decimals(min_value=0, max_value=10_000, places=2)
amounts = st.decimals(min_value=Decimal("0.1"), max_value=1_000, places=1)
units = st.sampled_from(["box", "kg", "Box", None])


@st.composite
def lines(draw, number: int) -> Line:
    """A line as Consentio may say it."""
    return Line(
        id=str(number),
        sku=draw(st.sampled_from(["TOM", "LEM", None])),
        amount=draw(amounts),
        unit=draw(units),
        price=draw(money),
        price_unit=draw(units),
        total_price=draw(st.none() | money),
        served_amount=draw(st.none() | amounts),
    )


orders = (
    st.integers(1, 5)
    .flatmap(lambda many: st.tuples(*(lines(number) for number in range(many))))
    .map(lambda drawn: order(lines=drawn))
)


def booked(line: Line, **changes: object) -> BookedLine:
    """The line as a careful ERP books it: on what was ordered, rounded to cents."""
    is_same = (line.unit or "").casefold() == (line.price_unit or line.unit or "").casefold()
    total = line.amount * line.price if is_same and line.amount and line.price is not None else line.total_price
    rounded = None if total is None else total.quantize(CENT)
    values = {"line_id": line.id, "sku": line.sku, "amount": line.amount, "unit": line.unit, "total": rounded}
    return BookedLine(**{**values, **changes})


def sum_of(lines):
    """The total of these booked lines; None where one has none."""
    totals = [line.total for line in lines]
    return None if None in totals else sum(totals, Decimal(0))


def told(sold, lines, total=None, tolerance=None):
    return mismatches(sold, total=total, lines=lines, tolerance=tolerance or Tolerance())


@given(orders)
def test_what_is_booked_right_is_never_told(sold):
    """Whatever the units, an ERP that books what was ordered, rounded to cents, is right."""
    lines = [booked(line) for line in sold.lines]

    assert told(sold, lines, sum_of(lines)) == []


@given(orders, st.data())
def test_a_wrong_amount_is_told(sold, data):
    """A line of which one tenth too much is booked does not pass, in the same unit."""
    line = data.draw(st.sampled_from(sold.lines))
    wrong = line.amount + Decimal(2000)
    lines = [booked(each, amount=wrong) if each is line else booked(each) for each in sold.lines]

    assert len(told(sold, lines)) == 1
    assert "the amount of line" in told(sold, lines)[0]


@given(orders, st.decimals(min_value=Decimal("0.06"), max_value=10, places=2))
def test_an_exact_eye_sees_every_cent(sold, surplus):
    """Without a tolerance, every difference of a comparable line is told."""
    line = replace(sold.lines[0], price_unit=sold.lines[0].unit, served_amount=None, total_price=None)
    sold = replace(sold, lines=(line,))
    exact = line.amount * line.price

    assert told(sold, [booked(line, total=exact)], tolerance=EXACT) == []
    assert len(told(sold, [booked(line, total=exact + surplus)], exact + surplus, EXACT)) == 2


@given(orders)
def test_a_line_that_is_not_booked_is_told(sold):
    """An ERP that names the order's lines, and lacks one, is wrong."""
    lines = [booked(line) for line in sold.lines[1:]]

    assert any("is not booked" in words for words in told(sold, lines)) == bool(sold.lines)


TOM = Line(id="1", sku="TOM", amount=Decimal(10), unit="box", price=Decimal("1.20"), price_unit="kg")


@pytest.mark.parametrize(
    ("line", "says", "expected"),
    [
        (TOM, {"unit": "kg", "amount": Decimal(52)}, []),  # the ERP keeps kilos: nothing to compare
        (TOM, {"total": Decimal("62.40")}, []),  # boxes ordered, priced per kilo: amount times price is no total
        (replace(TOM, total_price=Decimal("62.40")), {"total": Decimal("62.40")}, []),
        (
            replace(TOM, total_price=Decimal("62.40")),
            {"total": Decimal("12.00")},
            ["the total of line 1 (TOM) is 62.4, and booked as 12"],
        ),
        (replace(TOM, served_amount=Decimal(50)), {"amount": Decimal(50), "total": Decimal(60)}, []),  # on what was served
        (TOM, {"unit": "kg", "price": Decimal("1.20"), "amount": None}, []),
        (
            TOM,
            {"unit": "kg", "price": Decimal("1.30"), "amount": None},
            ["the price of line 1 (TOM) is 1.2, and booked as 1.3"],
        ),
        (TOM, {"line_id": None}, []),
        (TOM, {"line_id": None, "sku": "LEM"}, ["line 1 (TOM) is not booked"]),
        (TOM, {"line_id": None, "sku": None}, []),  # the ERP does not say what its lines stand for
        (TOM, {"line_id": "9"}, ["line 1 (TOM) is not booked", "line 9 is booked, and not in the order"]),
    ],
)
def test_one_line(line, says, expected):
    """What can be compared is; units and what was served are heeded."""
    whole = order(lines=(line,))
    lines = [BookedLine(**{"line_id": "1", "sku": "TOM", **says})]

    assert told(whole, lines) == expected


def test_taxes():
    """An ERP whose totals include a tax is right up to that tax, and not beyond."""
    sold = order(lines=(replace(TOM, price_unit="box"),))
    with_tax = Tolerance(tax=Decimal("0.10"))

    assert told(sold, None, Decimal("12.00"), with_tax) == []
    assert told(sold, None, Decimal("13.20"), with_tax) == []
    assert told(sold, None, Decimal("13.40"), with_tax) == ["the total is 12, and booked as 13.4"]
    assert told(sold, None, Decimal("13.20")) == ["the total is 12, and booked as 13.2"]
