"""Reading under arbitrary input: only the errors that are promised."""

import json
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.domain.content import digest
from daemon.errors import SliceUnreadable
from daemon.marketplace.wire import read_elements, read_order

_FIELDS = [
    "id",
    "hash_id",
    "status",
    "items",
    "price",
    "created_at",
    "deliver_to",
    "amount",
    "sku",
    "prepared",
    "buyer_id",
    "city",
]
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["accepted", "2026-11-01T08:00:00Z", "1e999", "0001-01-01T00:00:00+01:00", "9" * 60])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=12,
)
_ORDERS = st.fixed_dictionaries(
    {"id": st.integers(1, 9), "status": st.just("accepted")}, optional=dict.fromkeys(_FIELDS[3:], _VALUES)
)


@given(st.lists(_VALUES | _ORDERS, max_size=3))
@settings(max_examples=150, deadline=None)
def test_any_json_array_is_read_element_by_element(values):
    """Each element of any JSON array is an order that can be digested and written, or says why not; none is lost."""
    elements = read_elements(json.dumps(values).encode())

    assert len(elements) == len(values)
    for element in elements:
        assert (element.order is None) == bool(element.error)
        if element.order is not None:
            assert read_order(element.raw) == element.order
            assert len(digest(element.order)) == 64
            repr(element.order).encode()


@given(st.binary(max_size=200))
@example(b"[1e99999999999999999999]")
@example(b'["\\ud800"]')
@settings(max_examples=150, deadline=None)
def test_any_bytes_raise_only_what_is_promised(body):
    """Whatever arrives, a listing raises SliceUnreadable at worst, and one order ValueError."""
    with suppress(SliceUnreadable):
        list(read_elements(body))
    with suppress(ValueError):
        read_order(body)


@given(st.integers(0, 400))
@settings(max_examples=100, deadline=None)
def test_no_prefix_of_a_listing_is_a_listing(length):
    """A truncated answer never passes as a shorter one."""
    body = json.dumps([{"id": number, "status": "accepted", "price": 1.5} for number in range(8)]).encode()
    try:
        assert length >= len(body) or not read_elements(body[:length])
    except SliceUnreadable:
        return
    assert length >= len(body)
