import json
import re
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daemon.domain.content import difference, number_text
from daemon.domain.ledger import Kind
from daemon.domain.order import Address, Line, Order, Status
from daemon.erp.files.document import change_in_words, document, document_name, safe_key
from daemon.erp.files.receipt import Receipt
from daemon.erp.files.settings import FilesSettings
from daemon.ports import Effect

NOW = datetime(2026, 11, 23, 20, 15, 0, 123456, tzinfo=UTC)
ORDER = Order(
    id="5001",
    hash_id="HASH-THAT-OPENS",
    status=Status.ACCEPTED,
    counterpart_id="C-17",
    delivery_estimated_at=NOW,
    deliver_to=Address(external_id="", city="Almería"),
    lines=(
        Line(id="7001", sku=" ", display_name="Tomato", amount=Decimal("3.10"), unit="crate", price_unit="kg"),
        Line(id="7002", sku="LEM", display_name="Lemon", amount=Decimal(0), unit="box"),
    ),
)


def said(effect):
    return json.loads(document(effect, record="c123-5001", workspace="123", written_at=NOW))


def test_a_document_says_the_order():
    """A document names its effect and holds the order by our names, exact numbers and UTC moments."""
    says = said(Effect(kind=Kind.CREATE, key="c123-5001", order=ORDER))

    assert says["schema"] == "consentio-sync/files/1"
    assert (says["kind"], says["key"], says["record"], says["workspace"]) == ("create", "c123-5001", "c123-5001", "123")
    assert says["order"]["customer"] == "C-17"
    assert says["order"]["delivery_estimated_at"] == "2026-11-23T20:15:00.123456Z"
    assert says["order"]["deliver_to"]["city"] == "Almería"
    assert says["order"]["lines"][0]["amount"] == "3.1"
    assert says["order"]["pickup_from"] is None


def test_no_document_holds_the_hash():
    """The order's hash works as a password, so no document has it, not even among the changes."""
    change = difference(replace(ORDER, hash_id="ANOTHER-HASH-THAT-OPENS", more_info="x"), ORDER)
    for effect in (
        Effect(kind=Kind.CREATE, key="c1", order=ORDER),
        Effect(kind=Kind.UPDATE, key="u1", order=ORDER, record="c1", change=change),
        Effect(kind=Kind.CANCEL, key="x1", order=ORDER, record="c1"),
    ):
        assert b"HASH-THAT-OPENS" not in document(effect, record="c1", workspace="123", written_at=NOW)


def test_an_update_says_what_changed():
    """An update holds the whole order, and the difference in structure and in words."""
    after = replace(ORDER, lines=(replace(ORDER.lines[0], amount=Decimal(4)),), more_info="ring twice")
    change = difference(ORDER, after)
    says = said(Effect(kind=Kind.UPDATE, key="u1", order=after, record="c123-5001", change=change))["change"]

    assert says["before_is_known"] is True
    assert says["fields"] == [{"name": "more_info", "before": None, "after": "ring twice"}]
    assert [(line["id"], line["what"]) for line in says["lines"]] == [("7001", "changed"), ("7002", "removed")]
    assert says["words"] == [
        "more_info nothing → ring twice",
        "line 7001 (Tomato) changed: amount 3.1 → 4",
        "line 7002 (Lemon) removed",
    ]


def test_an_unknown_before_is_said():
    """Where the ERP's content is not known, the words say that all of it is sent."""
    assert change_in_words(difference(None, ORDER)) == ["the whole content, since what the ERP holds is not known"]


TEXTS = st.text(st.characters(), max_size=12) | st.sampled_from(["", "Almería", "\x7f\x00\u2028", "half \ud800", '\\x41"/😀'])
NUMBERS = st.decimals(-(10**9), 10**9) | st.sampled_from([Decimal(text) for text in ("3.10", "1E+2", "-0.00", "0.0000001")])
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-5, minutes=30))])
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001 - the zone is drawn


def drawn(kind, others):
    """The fields of a record of this type, each drawn by its type; one that may be absent is so at times."""
    drawing = {str: TEXTS, Decimal: NUMBERS, datetime: MOMENTS, bool: st.booleans(), **others}
    by_type = drawing | {held | None: st.none() | values for held, values in drawing.items()}
    return st.fixed_dictionaries({field.name: by_type[field.type] for field in fields(kind)})


def in_any_order(values, kind):
    """The record, filled as the marketplace's reader fills it: its fields come in another order."""
    return kind.of(dict(reversed(values.items())))


LINES = drawn(Line, {}).map(lambda values: in_any_order(values, Line))
PLACES = drawn(Address, {}).map(lambda values: Address(**values))
LISTS = st.lists(LINES, max_size=2).map(tuple)
ORDERS = drawn(Order, {Status: st.sampled_from(Status), Address: PLACES, tuple[Line, ...]: LISTS}).map(
    lambda values: in_any_order(values, Order)
)


def plain(value):
    """As a document says it, spelt out."""
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [plain(held) for held in value]
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.name != "hash_id"}
    return value


@given(before=ORDERS | st.none(), order=ORDERS, at=MOMENTS)
def test_a_document_is_what_json_has_for_its_content(before, order, at):
    """Whatever an order holds, its document is byte for byte what the standard library writes for the same content."""
    change = difference(before, order)
    effect = Effect(kind=Kind.UPDATE, key="u1", order=order, record="c1", change=change)
    says = {
        "schema": "consentio-sync/files/1",
        "kind": "update",
        "key": "u1",
        "record": "c1",
        "workspace": "Ñ",
        "written_at": plain(at),
        "order": {"customer": order.customer, **plain(order)},
        "change": {
            "before_is_known": before is not None,
            "fields": plain(change.fields),
            "lines": plain(change.lines),
            "words": change_in_words(change),
        },
    }
    assert document(effect, record="c1", workspace="Ñ", written_at=at) == json.dumps(says).encode()


@given(key=TEXTS, order_id=TEXTS, kind=st.sampled_from([Kind.CREATE, Kind.UPDATE, Kind.CANCEL]))
def test_a_receipt_is_found_among_others(key, order_id, kind):
    """A receipt is byte for byte what earlier versions wrote and look for, and is read back whole."""
    staged = f"{safe_key(key)}.0badcafe.json"
    receipt = Receipt(key=key, kind=kind, order_id=order_id, record=key, document="d.json", staged=staged)
    other = replace(receipt, key="another", staged="another.0badcafe.json")
    text = b"\n".join([other.to_bytes(), receipt.to_bytes()])

    assert receipt.to_bytes() == json.dumps({field.name: getattr(receipt, field.name) for field in fields(receipt)}).encode()
    assert Receipt.among(text, safe_key(key)) == receipt


@given(order_id=st.text(min_size=1, max_size=300), key=st.text(min_size=1, max_size=300))
def test_names_are_safe(order_id, key):
    """Whatever ids and keys hold, a document's name is plain, short and no path."""
    effect = Effect(kind=Kind.CREATE, key=key, order=replace(ORDER, id=order_id))
    name = document_name(effect, NOW)

    assert re.fullmatch(r"20261123T201500123456Z-create-[A-Za-z0-9._-]+\.json", name)
    assert len(name) <= 200
    json.loads(document(effect, record=key, workspace="123", written_at=NOW))


def test_keys_that_differ_in_case_have_two_names():
    """A file system that takes A and a for one letter mixes up no keys."""
    assert safe_key("c123-5001") == "c123-5001"
    assert safe_key("c123-Ab").lower() != safe_key("c123-aB").lower()


def settings(**fields):
    return FilesSettings(folder="/tmp/erp", **fields)


def test_everything_that_is_missing_is_named_at_once():
    """An order is told all its unfilled fields and unknown units together; a zero is filled, blanks are not."""
    demanding = settings(
        require=["customer", "deliver_to.external_id", "pickup_from", "lines.sku", "lines.amount", "delivery_estimated_at"],
        units=["box"],
    )
    assert demanding.missing_in(ORDER) == [
        "field:deliver_to.external_id",
        "field:pickup_from",
        "field:lines[7001].sku",
        "unit:crate",
        "unit:kg",
    ]
    assert settings(require=["lines"]).missing_in(replace(ORDER, lines=())) == ["field:lines"]
    assert settings().missing_in(ORDER) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"require": ["customer", "costumer"]}, "entry 2"),
        ({"require": ["hash_id"]}, "entry 1"),
        ({"require": ["lines.colour"]}, "entry 1"),
        ({"file_mode": "rw-r-----"}, "octal"),
        ({"file_mode": 640}, "string"),
        ({"inbox": "../elsewhere"}, "plain name"),
        ({"inbox": ".staging"}, "plain name"),
        ({"inbox": "/inbox"}, "plain name"),
        ({"inbox": "in", "replies": "in/replies"}, "neither in the other"),
        ({"inbox": "replies-taken"}, "and inbox not"),
        ({"replies": "../replies"}, "plain name"),
        ({"format": "xml"}, "json"),
        ({"csv_separator": ",", "csv_decimal_mark": ","}, "must differ"),
        ({"csv_encoding": "utf-16"}, "utf-8"),
        ({"group_size": 0}, "greater than or equal to 1"),
        ({"fodler": "x"}, "not permitted"),
    ],
)
def test_wrong_settings_are_refused(fields, said):
    """A setting that cannot work is refused while the config is read."""
    with pytest.raises(ValidationError, match=said):
        settings(**fields)
