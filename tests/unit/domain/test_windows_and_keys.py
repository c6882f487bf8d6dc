"""Windows, keys and waits."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.backoff import backoff
from daemon.domain.keys import MAX_KEY, create_key, random_key
from daemon.domain.window import cell, cells, halves, is_due, past, slices
from tests.unit.domain.orders import NOW

DAY = timedelta(days=1)
moments = st.integers(0, 366 * 86_400).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))
widths = st.timedeltas(timedelta(minutes=1), timedelta(days=3))


@given(start=moments, length=st.timedeltas(timedelta(0), timedelta(days=5)), width=widths)
def test_slices_cover_their_stretch_without_a_gap(start: datetime, length: timedelta, width: timedelta) -> None:
    """Each slice begins where the last one ended, lies in one cell, and together they are the whole stretch."""
    pieces = list(slices(start, start + length, width))

    assert (pieces[0][0], pieces[-1][1]) == (start, start + length)
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
    assert all(end <= cell(begin, width)[1] for begin, end in pieces)


def test_the_same_cell_lists_the_same_order_again() -> None:
    """A sweep an hour later asks for the very same cells."""
    earlier = list(cells(NOW - 3 * DAY, NOW, DAY))
    later = list(cells(NOW - 3 * DAY + timedelta(hours=1), NOW + timedelta(hours=1), DAY))

    assert later == earlier
    assert len(earlier) == 4


def test_a_slice_is_halved_down_to_a_minute() -> None:
    """Halving ends; its halves meet."""
    whole = (NOW, NOW + timedelta(minutes=4))

    assert halves(whole) == ((NOW, NOW + timedelta(minutes=2)), (NOW + timedelta(minutes=2), whole[1]))
    assert halves((NOW, NOW + timedelta(minutes=1))) is None


def test_a_moment_in_the_future_proves_nothing() -> None:
    """A cursor beyond now is pulled back by a horizon, and what was last done in the future is due (A9)."""
    assert past(NOW + DAY, NOW, 14 * DAY) == NOW - 14 * DAY
    assert past(NOW - DAY, NOW, 14 * DAY) == NOW - DAY
    assert is_due(NOW + DAY, DAY, NOW)
    assert not is_due(NOW - timedelta(hours=1), DAY, NOW)


def test_a_create_key_is_derivable_and_short() -> None:
    """Workspace, order and incarnation name it; a long one is hashed, each to its own."""
    assert create_key("123", "5001", 1) == "c123-5001"
    assert create_key("123", "5001", 3) == "c123-5001-3"
    long = {create_key("123", "9" * 40, incarnation) for incarnation in (1, 2, 3)}
    assert len(long) == 3
    assert {len(key) for key in long} == {MAX_KEY}


def test_other_keys_are_minted() -> None:
    """Two updates never share a key (A6)."""
    assert random_key("u") != random_key("u")
    assert len(random_key("u")) <= MAX_KEY


def test_waits_double_up_to_a_ceiling() -> None:
    """5, 10, 20 seconds ... and never above, however many attempts."""
    waits = [
        backoff(n, initial=timedelta(seconds=5), ceiling=timedelta(minutes=15)).total_seconds() for n in (1, 2, 3, 9, 10_000)
    ]

    assert waits == [5, 10, 20, 900, 900]
