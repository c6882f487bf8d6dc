"""Reading: what the wire may say, and what becomes of it."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from daemon.domain.order import Address, Status
from daemon.errors import SliceUnreadable
from daemon.marketplace.wire import read_elements, read_order

WHOLE = b"""{"id": 5001, "hash_id": "h5001", "status": "accepted", "created_at": "2026-11-01T08:00:00.123456789+02:00",
 "counterpart_id_seller": "C-17", "deliver_to": {"id": 7, "city": "Murcia", "external_id": "A1"}, "pickup_from": {},
 "closed_at": "0001-01-01T00:00:00Z", "delivery_method": "delivery", "price": 193.10, "more_info": "", "is_read": false,
 "items": [{"id": 1, "sku": "TOM-RAF", "amount": 12.50, "unit": "box", "price": "3.10", "ean_code": 8412345678905},
           {"id": "2", "amount": 1e2, "price": null, "prepared": true}]}"""


def with_field(text: str) -> bytes:
    """A good order with one field said in this way."""
    return b'{"id": 1, "status": "accepted", ' + text.encode() + b"}"


def only(body: bytes):
    (element,) = read_elements(b"[" + body + b"]")
    return element


def test_whole_order():
    """Ids become text, moments UTC, numbers exact, and what is empty is absent."""
    order = read_order(WHOLE)

    first, second = order.lines
    assert (order.id, order.status, order.customer, order.is_read) == ("5001", Status.ACCEPTED, "C-17", False)
    assert order.created_at == datetime(2026, 11, 1, 6, 0, 0, 123456, tzinfo=UTC)
    assert order.created_at.tzinfo is UTC
    assert (order.closed_at, order.pickup_from, order.more_info) == (None, None, None)
    assert order.deliver_to == Address(id="7", city="Murcia", external_id="A1")
    assert str(order.price) == "193.10"
    assert (str(first.amount), first.price, first.ean_code) == ("12.50", Decimal("3.10"), "8412345678905")
    assert (second.id, second.amount, second.price, second.prepared) == ("2", 100, None, True)


def test_numbers_are_not_rounded():
    """A number keeps every digit that was sent."""
    assert str(read_order(with_field('"price": 12345678901234567890.12')).price) == "12345678901234567890.12"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('"price": true', "price is no usable number"),
        ('"price": "1,50"', "price is no usable number"),
        ('"price": NaN', "price is no usable number"),
        ('"price": -Infinity', "price is no usable number"),
        ('"price": "NaN"', "price is no usable number"),
        ('"price": 1e999999', "price is no usable number"),
        ('"price": "1e-31"', "price is no usable number"),
        ('"price": 1e99999999999999999999999', "price is no usable number"),
        ('"price": ' + "9" * 5000, "price is no usable number"),
        ('"price": 0.' + "1" * 41, "price is no usable number"),
        ('"price": ' + "9" * 41, "price is no usable number"),
        ('"price": []', "price is no usable number"),
        ('"currency": ["EUR"]', "currency is no text"),
        ('"currency": true', "currency is no text"),
        ('"buyer_id": 1.5', "buyer_id is no id"),
        ('"buyer_id": false', "buyer_id is no id"),
        ('"created_at": "2026-11-01T08:00:00"', "created_at has no offset from UTC: '2026-11-01T08:00:00'"),
        ('"created_at": "2026-11-01"', "created_at has no offset from UTC: '2026-11-01'"),
        ('"created_at": "yesterday\\n"', "created_at is no RFC 3339 date-time: 'yesterday'"),
        ('"created_at": 1700000000', "created_at is no date-time"),
        ('"created_at": "9999-12-31T23:59:59-01:00"', "created_at is a moment beyond the calendar"),
        ('"deliver_to": "Murcia"', "deliver_to is no JSON object"),
        ('"deliver_to": {"city": {"x": 1}}', "deliver_to: city is no text"),
        ('"items": {}', "items is no list"),
        ('"items": [null]', "item 1 is no JSON object"),
        ('"items": [{"id": 1}, {"sku": "X"}]', "item 2 has no id"),
        ('"items": [{"id": 1}, {"id": "1"}]', "two items have the id 1"),
        ('"items": [{"id": 1, "amount": "many"}]', "item 1: amount is no usable number"),
        ('"status": "shipped\\u0000"', "unknown status 'shipped'"),
        ('"status": null', "the order has no status"),
        ('"status": ["accepted"]', "unknown status '['accepted']'"),
        ('"x": ' + "[" * 20000 + "]" * 20000, "the order is nested too deeply"),
    ],
)
def test_unreadable_order(said, reason):
    """A well-formed element that is no readable order says why in a few words; it spoils no neighbour and keeps its bytes."""
    bad = with_field(said)

    before, poison, after = read_elements(b"[" + WHOLE + b", " + bad + b" ,\n" + WHOLE + b"]")

    assert (poison.order, poison.error, poison.raw) == (None, reason, bad)
    assert poison.id in ("1", None)
    assert before.order == after.order == read_order(WHOLE)
    with pytest.raises(ValueError, match=r"."):
        read_order(bad)


@pytest.mark.parametrize(
    ("element", "id_", "hash_id"),
    [
        (b'{"id": 9, "hash_id": "h", "status": "shipped"}', "9", "h"),
        (b'{"id": "A/9", "status": "shipped"}', "A/9", None),
        (b'{"status": "accepted"}', None, None),
        (b'{"id": true, "hash_id": 5, "status": "accepted"}', None, "5"),
        (b'{"id": "a\\u0000b", "status": "accepted"}', None, None),
        (b'{"id": "' + b"9" * 201 + b'"}', None, None),
        (b'{"id": ' + b"9" * 50 + b"}", None, None),
        (b"null", None, None),
        (b'"text"', None, None),
        (b"[[1]]", None, None),
    ],
)
def test_id_of_what_is_unreadable(element, id_, hash_id):
    """An unreadable element is still known by its id, if it has one that can be used."""
    found = only(element)
    assert (found.order, found.id, found.hash_id) == (None, id_, hash_id)
    assert found.error


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (b'"a\\u0000b"', "a\ufffdb"),
        (b'"a\\ud800b"', "a\ufffdb"),
        (b'"a\xffb"', "a\ufffdb"),
        (b'"a\\u001b[2Jb"', "a\ufffd[2Jb"),
        (b'"two\\nlines"', "two\nlines"),
        ('"Limón\u00a0🍋"'.encode(), "Limón\u00a0🍋"),
        (b"42", "42"),
        (b"1.50", "1.50"),
        (b'""', None),
        (b"{}", None),
    ],
)
def test_foreign_text_is_cleaned(said, read):
    """What no database takes is replaced in the text, while the raw bytes stay as they came."""
    raw = b'{"id":1,"status":"accepted","more_info":' + said + b"}"

    element = only(raw)

    assert element.order.more_info == read
    assert element.raw == raw


def test_null_and_absent_lists():
    """A null list is an empty one, and so is an absent one."""
    assert read_order(with_field('"items": null')).lines == read_order(with_field('"x": 1')).lines == ()
    assert list(read_elements(b"null")) == list(read_elements(b" [ ]\n")) == []


def test_a_thousand_lines_pass():
    """There is no limit to the lines of an order."""
    items = [{"id": number, "amount": number} for number in range(1000)]
    assert len(read_order(json.dumps({"id": 1, "status": "accepted", "items": items}).encode()).lines) == 1000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'"[]"',
        b"<html>",
        b"[",
        b"[" + WHOLE,
        b"[" + WHOLE[:200],
        b"[" + WHOLE + b",]",
        b"[" + WHOLE + b"]]",
        b"[" + WHOLE + WHOLE + b"]",
        b"[{}]garbage",
        b"nullnull",
        b"[" * 200000,
        b"[" + b"[" * 20000,
    ],
)
def test_broken_arrays(body):
    """An answer that is cut off, or no JSON array, is a matter of the slice and not of an order."""
    with pytest.raises(SliceUnreadable):
        list(read_elements(body))


def test_drift_is_noticed():
    """Unknown fields and enum values pass, and their names are noticed; a known order brings no notice."""
    noticed = []
    body = '[{"id":1,"status":"accepted","weight_unit":"t","new\\u0007":1,"items":[{"id":1,"lot":"L"}],"deliver_to":{"zip":"3"}}]'
    (element,) = read_elements(body.encode(), noticed.append)
    assert element.order.weight_unit == "t"
    assert sorted(noticed) == ["deliver_to.zip", "items.lot", "new", "weight_unit: t"]

    noticed.clear()
    list(read_elements(b"[" + WHOLE + b"]", noticed.append))
    assert noticed == []
