"""What a reply may say, in JSON and in CSV, and that nothing unclear in it counts."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.ledger import News, NewsKind
from daemon.erp.files.letter import MAX_BYTES, MAX_REPLIES, read, written
from daemon.erp.files.standing import UNHEARD
from daemon.erp.files.table import Style

AT = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)


def part(**says):
    (only,) = read(json.dumps(says).encode(), "json", Style())
    return only


def news(reply, *, live=True, ours=False):
    return list(reply.news("c1", written_at=AT, live=live, ours=ours))


def test_a_reply_becomes_news():
    """Number, status, prepared each are news of the record, with the total beside number and status."""
    reply = part(key="c1", number=17, status=" booked ", total=12.50, prepared=True, at="2026-11-25T22:00:00+02:00").reply
    at = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    assert news(reply) == [
        News(record="c1", kind=NewsKind.NUMBERED, at=at, number="17", total=Decimal("12.50"), key="c1"),
        News(record="c1", kind=NewsKind.STATUS, at=at, status="booked", total=Decimal("12.50"), key="c1"),
        News(record="c1", kind=NewsKind.PREPARED, at=at),
    ]


def test_a_refusal_names_its_document_and_what_is_missing():
    """A refusal is one piece of news: the key, the reason on one line, and every missing key once."""
    reply = part(key="u1", refused=True, reason="no\n such\x00 product", missing=["product:X Y", "product:X Y", "unit:kg"]).reply
    (told,) = news(reply)
    assert (told.kind, told.key, told.reason, told.missing) == (
        NewsKind.REFUSED,
        "u1",
        "no such\ufffd product",
        ("product:X Y", "unit:kg"),
    )


def test_our_own_cancel_is_no_news():
    """That a record is cancelled is news, unless we did it; that it is alive again is a status, and only then."""
    assert [one.kind for one in news(part(record="c1", cancelled=True, reason="by phone").reply)] == [NewsKind.CANCELLED]
    assert news(part(record="c1", cancelled=True).reply, ours=True) == []
    assert [one.kind for one in news(part(record="c1", cancelled=False).reply)] == [NewsKind.STATUS]
    assert news(part(record="c1", status="void", prepared=True).reply, live=False) == []


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ({}, "key or record"),
        ({"key": "c1"}, "says nothing"),
        ({"key": "c1", "prepared": False}, "says nothing"),
        ({"key": "", "status": "x"}, "key: must be text"),
        ({"key": "c1", "nubmer": "17"}, "nubmer: no reply says this; known are schema, key"),
        ({"key": "c1", "\n\u202e": "17"}, r"\n\u202e: no reply says this"),
        ({"key": "c1", "status": "a\nb"}, "status: must be one line"),
        ({"key": "c1", "status": "\ud800"}, "status: must be one line"),
        ({"key": "c1", "number": "9" * 101}, "number: must be one line"),
        ({"key": "c1", "number": ["17"]}, "number: must be text"),
        ({"key": "c1", "number": True}, "number: must be text"),
        ({"key": "c1", "status": "x", "total": "12,50"}, "total: must be a plain number"),
        ({"key": "c1", "status": "x", "total": 1e300}, "total: must be a plain number"),
        ({"key": "c1", "status": "x", "total": "NaN"}, "total: must be a plain number"),
        ({"key": "c1", "total": 1}, "total belongs beside"),
        ({"key": "c1", "cancelled": 1}, "cancelled: must be true or false"),
        ({"key": "c1", "cancelled": True, "prepared": True}, "cancelled is not prepared"),
        ({"key": "c1", "refused": True}, "a reason"),
        ({"record": "c1", "refused": True, "reason": "x"}, "needs the key"),
        ({"key": "c1", "refused": True, "reason": "x", "number": "17"}, "has no number"),
        ({"key": "c1", "status": "x", "missing": ["product:X"]}, "missing belongs beside refused"),
        ({"key": "c1", "refused": True, "reason": "x", "missing": ["X"]}, "kind:key"),
        ({"key": "c1", "refused": True, "reason": "x", "missing": [1]}, "kind:key"),
        ({"key": "c1", "status": "x", "at": "2026-11-25T22:00:00"}, "at: must be a moment"),
        ({"key": "c1", "status": "x", "at": 17}, "at: must be a moment"),
        ({"key": "c1", "status": "x", "schema": "consentio-sync/reply/2"}, "schema: Input should be"),
    ],
)
def test_what_is_unclear_is_refused(says, problem):
    """A reply that says too little, too much or the wrong thing does not count, and says why."""
    found = part(**says)
    assert found.reply is None
    assert problem in found.problem
    assert found.problem.isprintable()


def test_all_problems_are_named_at_once():
    """One look is enough to mend a reply."""
    assert part(key="c1", total="x", cancelled="maybe").problem.count("must be") == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no JSON"),
        (b'{"key": "c1", "sta', "no JSON"),
        (b"[]", "no reply in it"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"key": "c1", "key": "c2", "status": "x"}', "one key twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), "larger than"),
        (json.dumps([{"key": "c1", "status": "x"}] * (MAX_REPLIES + 1)).encode(), "more than"),
    ],
)
def test_a_file_that_is_no_reply(content, problem):
    """A file that cannot be read as a whole says why."""
    with pytest.raises(ValueError, match=problem):
        read(content, "json", Style())


def test_one_bad_reply_in_a_list_spoils_no_other():
    """Of a list, each reply is judged alone, and the bad ones can be written out alone, to be mended."""
    parts = read(b'[{"key": "c1", "status": "x"}, 5, {"key": "c2", "total": 1}]', "json", Style())
    assert [bool(one.reply) for one in parts] == [True, False, False]
    assert [one.where for one in parts] == ["reply 1", "reply 2", "reply 3"]
    assert json.loads(written(parts[1:], "json", Style())) == ["5", {"key": "c2", "total": "1"}]


# ---- CSV


def csv_parts(text, **style):
    return read(text.encode(style.get("encoding", "utf-8")), "csv", Style(**style))


def test_a_table_of_replies():
    """Each row is a reply; an empty cell says nothing; numbers bear the decimal mark of the documents; missing keys a bar."""
    first, second = csv_parts(
        "Key;number;total;cancelled;refused;reason;missing\r\n"
        "c1;SO-17;-1234,50;FALSE;;;\r\n"
        '\r\nc2;;;;TRUE;"what; is it";product:X | unit:kg\r\n',
        decimal_mark=",",
    )
    assert (first.reply.number, first.reply.total, first.reply.cancelled) == ("SO-17", Decimal("-1234.50"), False)
    assert (second.where, second.reply.reason, second.reply.missing) == ("line 4", "what; is it", ("product:X", "unit:kg"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("key;status\r\nc1;boo", "its last line has no end"),
        ("key;colour\r\nc1;red\r\n", "no reply has the column 'colour'"),
        ("key;key\r\nc1;c2\r\n", "a column is there twice"),
        ("key;status\r\n", "no reply in it"),
        ("\r\n", "no reply in it"),
        ('key;status\r\n"c1;x\r\n', "no CSV"),
        ("key;status\r\nc1;" + "x" * 200_000 + "\r\n", "no CSV"),
    ],
)
def test_a_table_that_is_none(text, problem):
    """A table that cannot be read as a whole says why."""
    with pytest.raises(ValueError, match=problem):
        csv_parts(text)


def test_a_bad_row_spoils_no_other():
    """A row with a cell too few, or a number of another country, is refused alone, and written out under the names."""
    parts = csv_parts("key;status;total\r\nc1;x;1.5\r\nc2;x\r\nc3;x;1,5\r\n")
    assert [bool(one.reply) for one in parts] == [True, False, False]
    assert parts[1].problem == "has 2 cells for 3 columns"
    assert written(parts[1:], "csv", Style()) == b"key;status;total\r\nc2;x\r\nc3;x;1,5\r\n"
    assert csv_parts("key;status;total\r\nc3;x;1.234\r\n", decimal_mark=",")[0].reply is None


def test_a_table_in_another_encoding():
    """Replies are read in the encoding of the documents, with or without a mark in front; another one is told."""
    assert csv_parts("\ufeffkey;status\nc1;ü\n")[0].reply.status == "ü"
    assert csv_parts("key;status\nc1;ü\n", encoding="latin-1")[0].reply.status == "ü"
    with pytest.raises(ValueError, match="not utf-8"):
        read("key;status\nc1;ü\n".encode("latin-1"), "csv", Style())


LIKELY = st.sampled_from(
    ['"', "{", "}", "[", "]", ":", ",", ";", "\n", "key", "c1", "status", "total", "1e9", "null", "true", "\\ud800"]
)


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.lists(LIKELY, max_size=30).map("".join).map(str.encode), st.sampled_from(["json", "csv"]))
def test_nothing_crashes_the_reader(content, form):
    """Whatever a file holds, it is read, or refused with words for people."""
    try:
        parts = read(content, form, Style())
    except ValueError as refused:
        problem = str(refused)
    else:
        problem = ""
        written(parts, form, Style())
        assert all((one.reply is None) == bool(one.problem) and one.problem.isprintable() for one in parts)
    assert problem.isprintable()


# ---- what is remembered of a record


def test_the_newest_word_of_each_kind_stands():
    """A later reply changes what it speaks of, and leaves the rest."""
    standing = UNHEARD.after(part(key="c1", number="SO-1", status="new", total=5).reply, "c1")
    standing = standing.after(part(record="c1", status="shipped").reply, "c1")
    assert (standing.number, standing.status, standing.booked, standing.cancelled) == ("SO-1", "shipped", Decimal(5), False)
    standing = standing.after(part(record="c1", cancelled=True).reply, "c1")
    assert standing.cancelled
    assert not standing.after(part(record="c1", cancelled=False).reply, "c1").cancelled


def test_refusals_are_remembered():
    """A refused create is remembered for good, of other refused documents the newest."""
    standing = UNHEARD.after(part(key="c1", refused=True, reason="x").reply, "c1")
    for number in range(60):
        standing = standing.after(part(key=f"u{number}", refused=True, reason="x").reply, "c1")
    assert standing.stillborn
    assert (len(standing.refused), standing.refused[-1]) == (50, "u59")
