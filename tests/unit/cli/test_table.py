"""Lists for the eye and for programs."""

from datetime import UTC, datetime, timedelta

from daemon.cli.moments import age, stamp
from daemon.cli.orders import row
from daemon.cli.table import aligned, print_table
from daemon.domain.state import OrderState, Situation
from daemon.store.story import Found

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ROWS = [("ORDER", "REASON"), ("5001", "no such customer"), ("12", "")]


def test_columns_are_as_wide_as_their_cells():
    """The last one is cut to what a terminal leaves that is wide enough to read it there."""
    long = [*ROWS, ("13", "x" * 90)]
    assert list(aligned(ROWS, 80)) == ["ORDER  REASON", "5001   no such customer", "12"]
    assert list(aligned(ROWS, 23)) == list(aligned(ROWS, 80))
    assert list(aligned(long, 80))[3] == "13     " + "x" * 72 + "…"


def test_a_narrow_terminal_gives_the_last_column_lines_of_its_own():
    """Below its row, broken between words, and three at most; a row that has nothing to say there has none."""
    assert list(aligned(ROWS, 22)) == ["ORDER", "    REASON", "5001", "    no such customer", "12"]
    assert list(aligned([("5001", "missing product:TOM-RAF, unit:box")], 22)) == [
        "5001",
        "    missing",
        "    product:TOM-RAF,",
        "    unit:box",
    ]
    assert list(aligned([("5001", "word " * 40)], 22))[1:] == ["    word word word", "    word word word", "    word word word …"]
    assert max(map(len, aligned([("5001", "x" * 99)], 1))) < 17


def test_a_pipe_gets_whole_cells(capsys):
    """One line a row whatever a cell holds, tabs between cells."""
    print_table(ROWS[0], [("5001", "two\nlines\tand\x1b[2J more " + "x" * 200)])

    head, line = capsys.readouterr().out.splitlines()
    assert head == "ORDER\tREASON"
    assert line.split("\t") == ["5001", r"two\nlines\tand\x1b[2J more " + "x" * 200]


def test_ages_are_in_the_largest_unit_that_fits():
    """Nobody reads seconds of a day."""
    spans = (timedelta(seconds=59), timedelta(minutes=90), timedelta(hours=23), timedelta(days=3))
    assert [age(NOON, NOON + span) for span in spans] == ["59 s", "2 h", "23 h", "3 d"]
    assert (age(None), stamp(None), stamp(NOON)) == ("", "", "2026-11-02 12:00")


def test_a_row_says_what_an_order_waits_for():
    """The ERP's number before its record, the reason with the missing keys; where the ERP is done, what Consentio refused."""
    state = OrderState(id="1", hash_id="SECRET", created_at=None, latest_status="accepted", customer="C-17", erp_record="r9")
    parked = state.evolve(situation=Situation.PARKED, reason="unknown", missing=("customer:C-17",), erp_number="SO-9")
    settled = state.evolve(situation=Situation.SETTLED, tell_reason="404")

    assert row(Found("7", parked)) == ("1", "7", "parked", "accepted", "", "C-17", "SO-9", "missing customer:C-17")
    assert row(Found("7", settled))[6:] == ("r9", "404")
