"""Whatever strangers write: no reader crashes, nothing leaves its folder, nothing forges a line of the log."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.errors import SliceUnreadable
from daemon.marketplace.wire import read_elements
from tests.support.torture import fuzz

COUNT = 1_000
NAMES = st.sampled_from(sorted(fuzz.ORDER)) | st.text()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(fuzz.TEXTS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(fuzz.ORDER)) | st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("number", [1, 2])
def test_hostile_answers_of_the_api(number):
    """An order, an element with a reason, or a slice that cannot be read: nothing else, and soon."""
    fuzz.wire(number, COUNT)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(ANYTHING, max_size=3), st.text(max_size=3))
def test_answers_of_any_shape(values, tail):
    """Whatever JSON it is, and whatever stands behind it."""
    try:
        for element in read_elements((json.dumps(values) + tail).encode("utf-8", "surrogatepass")):
            assert (element.order is None) == bool(element.error)
            fuzz.assert_harmless(element.error, element.id or "")
    except SliceUnreadable:
        assert tail.strip(" \t\r\n")  # what JSON calls white space


@pytest.mark.parametrize("number", [1, 2])
def test_hostile_replies(number):
    """News, or set aside with a message; nothing is written or read beyond the folder."""
    fuzz.replies(number, COUNT)


@pytest.mark.parametrize("number", [1, 2])
def test_hostile_configs(number):
    """Settings, or every problem with its key: never a secret, never a crash."""
    fuzz.configs(number, COUNT)


def test_no_text_forges_a_line_of_the_log():
    """One line each, in both formats, whatever the text."""
    fuzz.logs(1, 2 * COUNT)
