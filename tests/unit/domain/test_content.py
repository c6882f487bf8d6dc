"""Contents, digests and differences."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from daemon.domain.content import content, difference, digest
from daemon.domain.order import Address, Status
from tests.unit.domain.orders import NOW, order


@pytest.mark.parametrize(
    "same",
    [
        order(lines=tuple(reversed(order().lines))),
        order(lines=tuple(replace(line, amount=line.amount * Decimal("1.000")) for line in order().lines if line.amount)),
        order(more_info=""),
        order(external_id="SO-1", external_status="open", is_read=True, closed_at=NOW, updated_at=NOW + timedelta(1)),
        order(price=Decimal(99), weight=Decimal(5)),
        order(
            lines=tuple(replace(line, prepared=True, served_amount=Decimal(9), total_price=Decimal(1)) for line in order().lines)
        ),
    ],
    ids=["line order", "spelling of numbers", "empty text", "what we write", "recomputed totals", "preparation"],
)
def test_equal_contents_have_equal_digests(same: object) -> None:
    """What is no business content, or only spelled otherwise, changes no digest."""
    assert digest(same) == digest(order())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        order(status=Status.CANCELED),
        order(more_info="ring twice"),
        order(lines=order().lines[:1]),
        order(lines=tuple(replace(line, amount=Decimal(4)) for line in order().lines)),
        order(delivery_estimated_at=NOW),
        order(deliver_to=Address(id="9", external_id="A-2", city="Murcia")),
    ],
    ids=["status", "note", "line removed", "amount", "delivery", "address code"],
)
def test_other_contents_have_other_digests(other: object) -> None:
    """Everything the ERP must know moves the digest, the status and the address code included."""
    assert digest(other) != digest(order())  # type: ignore[arg-type]


def test_one_moment_in_two_zones_is_one_content() -> None:
    """Moments are compared in UTC, also from a half-hour zone."""
    delhi = datetime(2026, 11, 23, 11, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert digest(order(delivery_estimated_at=delhi)) == digest(order(delivery_estimated_at=NOW))


def test_a_difference_names_each_line_and_field() -> None:
    """Added, removed and changed lines are told with their fields, and so are fields of the order and of its address."""
    lemons, tomatoes = order().lines
    after = order(
        more_info="ring",
        deliver_to=Address(id="9", external_id="A-2", city="Murcia"),
        lines=(replace(tomatoes, amount=Decimal("12.50")), replace(lemons, id="3", sku="LIM")),
    )

    change = difference(order(), after)

    assert [(f.name, f.before, f.after) for f in change.fields] == [
        ("deliver_to.external_id", "A-1", "A-2"),
        ("more_info", None, "ring"),
    ]
    assert [(line.id, line.what) for line in change.lines] == [("1", "changed"), ("2", "removed"), ("3", "added")]
    assert [(f.name, f.before, f.after) for f in change.lines[0].fields] == [("amount", "10", "12.5")]


def test_no_difference_is_false_and_an_unknown_before_is_not() -> None:
    """A difference of nothing needs no call; an unknown content always does."""
    assert not difference(order(), order(price=Decimal(7)))
    assert difference(None, order())


@pytest.mark.parametrize("name", sorted({*content(order()), "currency"}))
def test_what_is_content_is_in_the_digest(name: str) -> None:
    """A field that `content` tells, and so every difference, moves the digest."""
    assert digest(replace(order(), **{name: _other(getattr(order(), name))})) != digest(order())


@pytest.mark.parametrize("name", ["id", "sku", "amount", "unit", "price", "price_unit", "ean_code", "product_id", "currency"])
def test_what_is_content_of_a_line_is_in_the_digest(name: str) -> None:
    """The same, for the fields of a line."""
    first, *others = order().lines
    changed = replace(first, **{name: _other(getattr(first, name))})
    assert digest(replace(order(), lines=(changed, *others))) != digest(order())


def _other(value: object) -> object:
    match value:
        case Status():
            return Status.CANCELED
        case datetime():
            return value + timedelta(1)
        case Decimal():
            return value + 1
        case Address():
            return replace(value, street="elsewhere")
        case tuple():
            return value[:1]
        case _:
            return f"not {value}"
