"""The quick reader of plain orders, held against the patient one: where it answers, both say the same."""

import json
from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.order import Address, Line, Order
from daemon.marketplace.elements import decode
from daemon.marketplace.patient import order_of
from daemon.marketplace.plain import PlainReader
from daemon.marketplace.records import ADDRESS, LINE, ORDER
from daemon.marketplace.scalars import flag, ident, moment

PLAIN = """{"id": 5001, "hash_id": "9e58c80eb11bf47b6c56252e", "status": "accepted", "buyer_id": 51, "seller_id": null,
 "external_id": "", "created_at": "2026-11-24T01:10:11.123456789+01:00", "delivery_estimated_at": "2026-11-26T04:00:00Z",
 "deliver_to": {"id": 701, "external_id": "DEL-01", "name": "Hermanos Núñez, 2º", "city": ""}, "pickup_from": {"name": ""},
 "items": [{"id": 1, "product_id": "a7", "sku": "PAT", "amount": 28, "price": 0.540, "currency": "EUR", "prepared": false},
           {"id": "2", "amount": "3.10", "price": null, "total_price": -0.0, "served_amount": 0}],
 "price": 1703.94, "weight": 1e3, "more_info": "gate 2\\n\\"ring\\" twice \\u00e1", "is_read": true}"""


def both(raw: bytes, *, reader: PlainReader):
    """What each of the two says, every type and digit of it, and what each has noticed; None is no answer."""
    noticed, told = [], []
    quick = reader.read(raw, noticed.append)
    try:
        value = decode(raw)
        patient = order_of(value, told.append)
    except ValueError:
        return spelt(quick), Counter(noticed), None, Counter()
    reader.learn(value)
    return spelt(quick), Counter(noticed), spelt(patient), Counter(told)


def spelt(order: Order | None) -> str | None:
    """All that is in an order, told apart by type and digit: 1 is not 1.0, and one UTC not another."""
    if order is None:
        return None
    for record in (order, *order.lines, order.deliver_to, order.pickup_from):
        assert record is None or type(record) in (Order, Line, Address)
    for line in (order, *order.lines):
        assert list(vars(line).keys() ^ {field.name for field in fields(line)}) == []
    moments = [value for value in vars(order).values() if isinstance(value, datetime)]
    assert all(when.tzinfo is UTC for when in moments)
    return repr(order)


def assert_agree(raw: bytes, reader: PlainReader) -> bool:
    """They agree, or the quick one leaves it; tells whether it answered."""
    quick, noticed, patient, told = both(raw, reader=reader)
    if quick is not None:
        assert (quick, noticed) == (patient, told)
    return quick is not None


# ------------------------------------------------------------------------------------------------ orders near to a plain one

_TEXTS = ['"EUR"', '"C-17"', '"Limón 🍋"', '""', "null", '"two\\nlines"', '"2º"', '"a\u00a0b"', '"\\ud83c\\udf4b"']
_NUMBERS = ["0", "28", "-3", "0.540", "1e2", "1E-7", "-0", "-0.0", "0e5", '"3.10"', "null", "9007199254740993"]
_GOOD = {
    ident: ["5", "51", '"51"', '"a/7"', "null", '""', "-1", "0", str(2**63 - 1)],
    flag: ["true", "false", "null"],
    moment: ['"2026-11-24T00:10:11.818151Z"', '"2026-11-24T00:10:11.123456789+02:00"', '"2026-11-24 00:10Z"', "null", '""'],
}
_ODD = [
    *("true", "false", "0", "1", "1.0", "5e3", "{}", "[]", "[[]]", "[null]", '{"id": 1}', '"accepted"', '"shipped"', "NaN"),
    *("1e30", "1e31", "-1e-31", "1" + "0" * 30, "9" * 25, "9" * 41, "9" * 5000, "0." + "1" * 41, str(2**63), str(-(2**63) - 1)),
    *('"NaN"', '"Infinity"', '"1_000"', '" 1.5 "', '"１２"', '".5"', '"1."', '"+5"', '"1e999"', '"5001"', "1e999999", "0e999"),
    *('"0001-01-01T00:00:00Z"', '"2026-11-01"', '"2026-11-01T08:00:00"', '"9999-12-31T23:59:59-01:00"', '"20261101T080000Z"'),
    *('"2026-W44-1T08:00Z"', '"2026-11-01T08:00:60Z"', '"2026-11-01T08:00:00-00:00"', '"2026-11-01t08:00:00z"', '"soon"'),
    *('"a\\u0000b"', '"\x7f"', '"\x85"', '"\\u0085"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u007f"', '"\\b"', '"\x01"'),
    *('"' + "a" * 201 + '"', '"\u2028"', '"\u200b"', '"\\q"', '"', "nul", "", "01", "[" * 2_000 + "]" * 2_000),
]
_ANY = st.sampled_from(_ODD) | st.text(max_size=4).map(json.dumps) | st.integers().map(str) | st.floats().map(json.dumps)


def _one_of(values):
    return st.sampled_from(values)


def _record(shape, **nested):
    """The text of a record: any of its fields, mostly good, in any order, some of them twice, and fields that nobody knows."""
    good = {
        **dict.fromkeys(shape.texts, _one_of(_TEXTS)),
        **dict.fromkeys(shape.numbers, _one_of(_NUMBERS)),
        **{name: _one_of(_GOOD[read]) for name, read in shape.others.items()},
        **nested,
        **dict.fromkeys(("lot", "zip", "new_0", "lines", "naïve-\\u00e9", "\\u0070rice", "type"), _ANY),
    }
    names = st.lists(_one_of(sorted(good)), max_size=12)
    odd = st.integers(0, 40).flatmap(lambda roll: _ANY if roll == 0 else st.none())
    said = names.flatmap(lambda chosen: st.tuples(*(st.tuples(st.just(name), good[name], odd) for name in chosen)))
    return said.map(lambda pairs: ", ".join(f'"{name}": {value if other is None else other}' for name, value, other in pairs))


_ADDRESSES = _record(ADDRESS).map("{{{}}}".format) | st.just("null")
_ITEMS = st.lists(st.tuples(_one_of(["1", "2", '"2"', "3", "4", "5", '"x"', '""']), _record(LINE)), max_size=4).map(
    lambda lines: "[" + ", ".join(f'{{{said}{"," if said else ""} "id": {id_}}}' for id_, said in lines) + "]"
)
_STATUS = _one_of(['"accepted"'] * 6 + ['"canceled"', '"shipped"', "null", "1"])
_ORDERS = st.tuples(
    _record(ORDER, items=_ITEMS, deliver_to=_ADDRESSES, pickup_from=_ADDRESSES), _one_of(["7", '"7"', "7", "null"]), _STATUS
).map(lambda said: f'{{"id": {said[1]}, "status": {said[2]}{", " if said[0] else ""}{said[0]}}}')


@given(_ORDERS, st.binary(max_size=2), st.integers(0, 1_000))
@settings(max_examples=300, deadline=None)
def test_where_the_quick_reader_answers_both_say_the_same(order, garbage, place):
    """Every field, type, digit and notice of any order is the patient reader's, also once its new fields were learnt."""
    whole = order.encode("utf-8", "surrogatepass")
    reader = PlainReader()
    for raw in (whole, whole[:place] + garbage + whole[place:] if place < len(whole) else whole, whole):
        assert_agree(raw, reader)


@pytest.mark.parametrize("said", [*_ODD, *_TEXTS, *_NUMBERS, *(value for values in _GOOD.values() for value in values)])
def test_both_say_the_same_of_any_value_in_any_field(said):
    """One odd value anywhere in a plain order is read as the patient reader reads it, or left to it."""
    order, reader = json.loads(PLAIN), PlainReader()
    items, place = order["items"][0], order["deliver_to"]
    for shape, record in ((ORDER, order), (LINE, items), (ADDRESS, place)):
        for name in shape.names():
            before = record.get(name, "absent")
            record[name] = "@here@"
            assert_agree(json.dumps(order).replace('"@here@"', said).encode("utf-8", "surrogatepass"), reader)
            record.update({name: before}) if before != "absent" else record.pop(name)


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"",
            b"null",
            b"[]",
            b"{}",
            b'"text"',
            b"7",
            b"\xef\xbb\xbf" + PLAIN.encode(),
            PLAIN.encode() + b" ]",
            PLAIN.encode()[:-1],
        ),
        *(b'{"id": 1, "status": "accepted", "sku": "\xff"}', b'{"id": 1, "status": "accepted", "more_info": "\xed\xa0\x80"}'),
        b'{"id": 1, "status": "accepted", "items": [{"id": 1}, {"id": "1"}]}',
        b'{"id": 1, "status": "accepted", "items": [{"id": 1}, {"id": 2}, {"id": 1}]}',
        b'{"id": 1, "id": "2", "status": "shipped", "status": "draft", "price": 1, "price": null, "items": 7, "items": []}',
        b'{"id": 1, "status": "accepted", "price": 1e999, "price": 2, "currency": 1, "currency": "EUR"}',
        b'{"id": 1, "status": "accepted", "is_read": 1, "is_read": true, "created_at": 5, "created_at": null}',
    ],
)
def test_both_say_the_same_of_odd_wholes(raw):
    """What is no order, bytes that are no UTF-8, items with one id, and fields that are said twice."""
    assert_agree(raw, PlainReader())


def test_no_unfit_character_passes_the_quick_reader():
    """Each character that no database takes, written as itself or escaped, in text of an order, a line or an address."""
    reader, codes = PlainReader(), [*range(0xB0), *range(0xD7F8, 0xE008)]
    for code in codes:
        for text in (json.dumps(chr(code)), json.dumps(chr(code), ensure_ascii=False)):
            for field in ('"more_info": @', '"items": [{"id": 1, "sku": @}]', '"deliver_to": {"city": @}', '"buyer_id": @'):
                raw = f'{{"id": 1, "status": "accepted", {field}}}'.replace("@", text)
                assert_agree(raw.encode("utf-8", "surrogatepass"), reader)


# ------------------------------------------------------------------------------------------------ what is read quickly


def test_a_plain_order_is_read_quickly():
    """An order as the vendor's pages show it is no matter for the patient reader, however its texts are escaped and laid out."""
    assert assert_agree(PLAIN.encode(), PlainReader())
    assert assert_agree(json.dumps(json.loads(PLAIN)).encode(), PlainReader())
    assert assert_agree(b'{"id": 1, "status": "draft"}', PlainReader())


def test_new_fields_are_learnt():
    """The first order with a new field is read patiently; those after it quickly, and each of them still notices the field."""
    reader = PlainReader()
    old = json.loads(PLAIN)
    new = old | {"slot": {"from": [1]}, "items": [{"id": 9, "lot": "L"}], "deliver_to": {"zip": "3", "naïve": None}}
    raw = json.dumps(new).encode()

    assert not assert_agree(raw, reader)
    assert assert_agree(raw, reader)
    assert assert_agree(PLAIN.encode(), reader)
    noticed = []
    reader.read(raw, noticed.append)
    assert sorted(noticed) == ["deliver_to.naïve", "deliver_to.zip", "items.lot", "slot"]


def test_no_more_is_learnt_than_a_vendor_would_add():
    """A stranger who names fields without end fills no memory: his orders are read patiently, and all others quickly."""
    reader = PlainReader()
    for number in range(200):
        assert not assert_agree(json.dumps({"id": 1, "status": "accepted", f"field_{number}": 1}).encode(), reader)
    assert not assert_agree(json.dumps({"id": 1, "status": "accepted", "field_199": 1}).encode(), reader)
    assert assert_agree(json.dumps({"id": 1, "status": "accepted", "field_7": 1}).encode(), reader)
    assert assert_agree(PLAIN.encode(), reader)

    for name in ("x" * 1_000, "\ud800"):
        odd = json.dumps({"id": 1, "status": "accepted", name: 1}).encode()
        assert not any(assert_agree(odd, reader) for reader in [PlainReader()] * 2)
