import json
from decimal import Decimal

import pytest

from daemon.sandbox import Wish, fill
from daemon.sandbox.catalogue import PRODUCTS, Line, ean13
from daemon.sandbox.edits import BadWish
from daemon.sandbox.view import encode


def test_ean_codes_bear_the_check_digit():
    """The check digit is the one of GS1's published example, and every product's code sums up to a ten."""
    assert ean13("629104150021") == "6291041500213"
    for product in PRODUCTS.values():
        digits = [int(digit) for digit in product.ean_code]
        assert sum(digits[::2]) % 10 == -3 * sum(digits[1::2]) % 10


@pytest.mark.parametrize(
    ("sku", "amount", "price", "total"),
    [
        ("LIM-VERNA", "42.5", "1.12", 47.6),  # by the kilogram, priced per kilogram
        ("TOM-RAF-6", "2", "3.10", 37.2),  # boxes of six kilograms, priced per kilogram
        ("PIM-ROJO-5", "3", "9.75", 29.25),  # boxes, priced per box
        ("LECH-ICE-10", "2", "0.62", 12.4),  # boxes of ten pieces, priced per piece
    ],
)
def test_totals_convert_units(world, sku, amount, price, total):
    """Where the price is per another unit than the amount, the total is of the converted quantity."""
    order = world.place(123, Wish(lines=(Line(sku, Decimal(amount), Decimal(price)),)))
    shown = json.loads(world.encoded(order))
    assert shown["items"][0]["total_price"] == shown["price"] == total


def test_numbers_are_clean():
    """Decimals become JSON numbers with the digits that they have: no noise, no trailing zeros."""
    numbers = [Decimal("3.10"), Decimal("12.00"), Decimal("0.30"), Decimal("1234567.89"), Decimal("1E+2")]
    assert encode(numbers) == b"[3.1,12,0.3,1234567.89,100]"


def test_every_order_says_what_the_contract_names(world):
    """In a past of many orders each has the fields of ViewOrder, and its address fits its delivery method."""
    fill(world, 200, days=3)
    for order in world.orders.values():
        shown = json.loads(world.encoded(order))
        place = {"delivery": "deliver_to", "pickup": "pickup_from"}[shown["delivery_method"]]
        assert set(shown[place]) == {*("id", "external_id", "name", "street", "city", "postal_code", "region", "country")}
        assert shown["items"]
        assert shown["price"] == pytest.approx(sum(item["total_price"] for item in shown["items"]))
    assert len({order.hash_id for order in world.orders.values()}) == 200


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"colour": "red"}, "unknown: colour"),
        ({"buyer": "nobody"}, "none of C-0101"),
        ({"lines": []}, "one line at least"),
        ({"lines": [{"sku": "KIWI", "amount": 1}]}, "'KIWI' is none of"),
        ({"lines": [{"sku": "TOM-RAF-6", "amount": "many"}]}, "needs a sku, an amount"),
        ({"lines": [{"sku": "TOM-RAF-6", "amount": 1}] * 2}, "one line only"),
        ({"delivery_at": "2026-11-02T06:00:00"}, "no offset"),
        ({"delivery_method": "drone"}, "neither delivery nor pickup"),
    ],
)
def test_a_bad_wish_says_what_is_wrong(told, complaint):
    """A wish that cannot be fulfilled names the field and the remedy."""
    with pytest.raises(BadWish, match=complaint):
        Wish.read(told)
