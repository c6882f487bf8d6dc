"""Telling: the bodies that are sent, and the answers to them."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from daemon.marketplace.wire import (
    Wire,
    cancel_body,
    edited_query,
    external_body,
    listing_query,
    prepare_path,
    read_login,
    read_refusals,
    seen_body,
)
from daemon.ports import Reference

TOLD = Reference("5001", "h1", "SO-17", "confirmed")


def test_external_as_we_read_it():
    """References go out by id, as numbers where they are numbers, without a status that is not known."""
    body = external_body(Wire(), [TOLD, Reference("A-2", None, "SO-18", None)])
    assert json.loads(body) == {
        "orders": [
            {"id": 5001, "external_id": "SO-17", "external_status": "confirmed"},
            {"id": "A-2", "external_id": "SO-18"},
        ]
    }


def test_external_as_an_operator_says():
    """The identifier and the envelope are the operator's to change."""
    wire = Wire(push_key="hash_id", external_envelope="")
    assert json.loads(external_body(wire, [TOLD])) == [
        {"hash_id": "h1", "external_id": "SO-17", "external_status": "confirmed"},
    ]


def test_cancel():
    """A cancel is the record of the order and one field more, with or without a reference."""
    odd = Wire(cancel_field="action", cancel_value="cancel")
    assert json.loads(cancel_body(Wire(), "5001", hash_id=None, reference=None)) == {
        "orders": [{"id": 5001, "status": "canceled"}]
    }
    assert json.loads(cancel_body(odd, "5001", hash_id="h1", reference=TOLD)) == {
        "orders": [{"id": 5001, "external_id": "SO-17", "external_status": "confirmed", "action": "cancel"}]
    }


def test_seen():
    """Edits are acknowledged by the identifier and in the envelope that are set."""
    orders = [("5001", "h1"), ("5002", "h2")]
    assert json.loads(seen_body(Wire(), orders)) == {"order_ids": [5001, 5002]}
    assert json.loads(seen_body(Wire(push_key="hash_id", seen_envelope=""), orders)) == ["h1", "h2"]


def test_an_order_without_the_identifier_is_named():
    """Where hash ids are sent, an order that has none is an error that names the order and the setting."""
    with pytest.raises(ValueError, match=r"order 5001 has no hash_id.*push_key"):
        seen_body(Wire(push_key="hash_id"), [("5001", None)])


def test_queries_are_in_utc():
    """Moments are asked for in UTC, to the microsecond."""
    start = datetime(2026, 11, 1, 1, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert listing_query(start, start, "accepted") == {
        "from": "2026-10-31T23:00:00.000005Z",
        "to": "2026-10-31T23:00:00.000005Z",
        "kind": "sale",
        "status": "accepted",
    }
    assert edited_query(Wire(edited_since="since"), start) == {"since": "2026-10-31T23:00:00.000005Z"}


def test_a_hash_cannot_leave_its_path():
    """Whatever a hash id holds, it stays one segment of the path."""
    assert prepare_path("a/../b?c") == "/order/a%2F..%2Fb%3Fc/prepare"


ORDERS = [("5001", "h1"), ("5002", "h2")]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b"", {}),
        (b"OK", {}),
        (b"[]", {}),
        (b'{"errors": null}', {}),
        (b'{"orders": [], "errors": []}', {}),
        (b'{"errors": [{"id": 5002, "message": "unknown"}]}', {"5002": "unknown"}),
        (b'{"errors": [{"id": "5002", "error": "unknown"}]}', {"5002": "unknown"}),
        (b'{"errors": [{"id": 5001}]}', {"5001": "refused without a reason"}),
        (b'{"errors": ["down"]}', {"5001": "down", "5002": "down"}),
        (b'{"errors": "down"}', {"5001": "down", "5002": "down"}),
        (b'{"errors": [{"id": 77, "message": "who?"}, {"id": 5001, "message": "no"}]}', {"5001": "no", "5002": "who?"}),
        (b'{"errors": {"5001": "no"}}', {"5001": "refused without a reason", "5002": "refused without a reason"}),
    ],
)
def test_refusals(body, refused):
    """The answer's errors belong to the orders they name, else to all that were sent; without errors, all is told."""
    assert read_refusals(body, Wire(), ORDERS) == refused


def test_refusals_by_hash():
    """Where hash ids are sent, errors are matched by them."""
    assert read_refusals(b'{"errors": [{"hash_id": "h2", "reason": "no"}]}', Wire(push_key="hash_id"), ORDERS) == {"5002": "no"}


@pytest.mark.parametrize("body", [b"<html>", b'{"errors": [', b"[1"])
def test_an_answer_that_is_no_answer(body):
    """A broken answer, or some proxy's page, does not pass as a success."""
    with pytest.raises(ValueError, match=r"."):
        read_refusals(body, Wire(), ORDERS)


def test_login_answers():
    """The token is taken where it is documented to be, and only if it can stand in a header."""
    assert read_login(b'{"access_token": "abc", "workspace": {}}') == "abc"
    assert [read_login(body) for body in (b"{}", b"[]", b'{"access_token": ""}', b'{"access_token": "a\\r\\nb"}')] == [None] * 4
