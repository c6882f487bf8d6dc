"""The `files` adapter hears the ERP: replies are taken once, told until they are recorded, and set aside where unclear."""

import json
import os
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from structlog.testing import capture_logs

from daemon.domain.content import difference
from daemon.domain.ledger import Kind, NewsKind
from daemon.domain.order import Line, Order, Status
from daemon.erp.files import FilesAdapter, postmark, replies
from daemon.errors import Conflict, ErpUnavailable
from daemon.ports import Effect, Record

ORDER = Order(id="5001", status=Status.ACCEPTED, lines=(Line(id="7001", sku="TOM", amount=Decimal(10), unit="box"),))
CHANGE = difference(ORDER, replace(ORDER, more_info="ring twice"))
_NUMBERS = count()


def files(root, workspace="123", **settings):
    return FilesAdapter(FilesAdapter.Settings(folder=root, **settings), workspace=workspace)


def leave(root, name=None, content=None, *, age=3600.0, **says):
    """What an ERP does: write under another name, then rename. The file looks as if it were written some time ago."""
    number = next(_NUMBERS)
    path = root / "replies" / (name or f"{number}.json")
    written = time.time() - age + number / 1000
    draft = path.with_name(f".{number}")
    draft.write_bytes(json.dumps(says).encode() if content is None else content)
    os.utime(draft, (written, written))
    draft.rename(path)
    return path


def told(reports):
    return [(one.record, one.kind.value) for one in reports.news]


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


async def heard(erp, since=None):
    with capture_logs() as log:
        reports = await erp.reports(since)
    return reports, [line for line in log if line["event"] == "reply.refused"]


async def test_a_number_is_learnt(tmp_path):
    """A reply to a create brings the ERP's number, status and total; asked later, the record says them, too."""
    async with files(tmp_path) as erp:
        made = await erp.create(ORDER, "c1")
        assert (made.number, made.status) == (None, None)
        leave(tmp_path, key="c1", number="SO-17", status="booked", total=12.5)
        reports, complaints = await heard(erp)

        assert [(one.kind, one.number, one.status, one.total) for one in reports.news] == [
            (NewsKind.NUMBERED, "SO-17", None, Decimal("12.5")),
            (NewsKind.STATUS, None, "booked", Decimal("12.5")),
        ]
        assert complaints == []
        known = Record(id="c1", number="SO-17", status="booked", total=Decimal("12.5"))
        assert await erp.find("c1") == await erp.read("c1") == known
        assert await erp.create(ORDER, "c1") == replace(known, total=None)  # which content was booked, only a reply says
        assert list((tmp_path / "replies").iterdir()) == []


async def test_reading_consumes_nothing(tmp_path):
    """News is told again until a later call names its cursor; a cursor of an older database brings all since then once more."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, key="c1", number="SO-17")
        first = await erp.reports(None)
        assert told(await erp.reports(None)) == told(first) == [("c1", "numbered")]
        leave(tmp_path, record="c1", status="shipped")
        second = await erp.reports(first.cursor)
        assert told(second) == [("c1", "status")]
        assert (await erp.reports(second.cursor)).news == []
        assert (await erp.reports(second.cursor)).cursor == second.cursor
        assert told(await erp.reports(first.cursor)) == [("c1", "status")]
        assert told(await erp.reports("rubbish")) == [("c1", "numbered"), ("c1", "status")]
    async with files(tmp_path) as erp:
        assert told(await erp.reports(first.cursor)) == [("c1", "status")]


async def test_replies_are_heard_in_the_order_of_their_writing(tmp_path):
    """Whatever they are called, the older word comes first, and the newest one stands."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        for name, status in (("z", "new"), ("m", "picked"), ("a", "shipped")):
            leave(tmp_path, f"{name}.json", record="c1", status=status)
        assert [one.status for one in (await erp.reports(None)).news] == ["new", "picked", "shipped"]
        assert (await erp.read("c1")).status == "shipped"


async def test_a_lost_archive_hides_nothing(tmp_path):
    """With the taken replies gone, or the clock put back, what comes next is still behind the cursor."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        future = (datetime.now(UTC) + timedelta(days=400)).strftime("%Y%m%dT%H%M%S%fZ")
        leave(tmp_path, key="c1", number="SO-17")
        reports = await erp.reports(future)
        assert told(reports) == [("c1", "numbered")]
        shutil.rmtree(tmp_path / "replies-taken")
        (tmp_path / "replies-taken").mkdir()
        leave(tmp_path, record="c1", status="shipped")
        assert told(await erp.reports(reports.cursor)) == [("c1", "status")]


# ---- refusals


async def test_a_refused_create_is_not_live(tmp_path):
    """A create that the ERP refused is told, and asked for it is not live, so that a retry takes another key."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, key="c1", refused=True, reason="no such product", missing=["product:TOM"])
        (refused,) = (await erp.reports(None)).news

        assert (refused.kind, refused.record, refused.key, refused.missing) == (NewsKind.REFUSED, "c1", "c1", ("product:TOM",))
        assert not (await erp.find("c1")).live
        assert not (await erp.create(ORDER, "c1")).live
        with pytest.raises(Conflict, match="refused"):
            await erp.update("c1", CHANGE, "u1")
        assert not (await erp.cancel("c1", ORDER, "x1")).live
        assert len(names(tmp_path / "inbox")) == 1
        assert (await erp.create(ORDER, "c1-2")).live


async def test_a_refused_create_stays_refused(tmp_path):
    """A document once refused must not be imported later: a reply that says so is set aside, loudly."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, key="c1", refused=True, reason="no such product")
        leave(tmp_path, key="c1", number="SO-17")
        await erp.reports(None)
        leave(tmp_path, key="c1", number="SO-17")
        _, complaints = await heard(erp)
        assert "was refused before" in complaints[-1]["problem"]
        assert not (await erp.find("c1")).live


async def test_a_refused_update_left_nothing_behind(tmp_path):
    """An update that the ERP refused is not found, its record stands as before, and takes other updates."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        await erp.update("c1", CHANGE, "u1")
        leave(tmp_path, key="u1", refused=True, reason="too late")
        assert told(await erp.reports(None)) == [("c1", "refused")]

        assert await erp.find("u1") is None
        assert await erp.find("c1") == Record(id="c1")
        with pytest.raises(Conflict, match="refused"):
            await erp.update("c1", CHANGE, "u1")
        assert (await erp.update("c1", CHANGE, "u2")).live


async def test_a_refused_cancel_leaves_the_record_alive(tmp_path):
    """A cancel that the ERP refused is not done: the record is live, may change, and can be cancelled again."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        assert not (await erp.cancel("c1", ORDER, "x1")).live
        leave(tmp_path, key="x1", refused=True, reason="the truck has left")
        assert told(await erp.reports(None)) == [("c1", "refused")]

        assert (await erp.read("c1")).live
        assert await erp.find("x1") is None
        assert (await erp.update("c1", CHANGE, "u1")).live
        assert not (await erp.cancel("c1", ORDER, "x2")).live
        assert not (await erp.read("c1")).live


async def test_a_record_cancelled_in_the_erp(tmp_path):
    """What somebody cancelled there is told, is not live, cannot be changed, and needs no cancel of ours; it may revive."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, record="c1", cancelled=True, reason="by phone")
        (cancelled,) = (await erp.reports(None)).news

        assert (cancelled.kind, cancelled.reason) == (NewsKind.CANCELLED, "by phone")
        assert not (await erp.find("c1")).live
        with pytest.raises(Conflict, match="cancelled"):
            await erp.update("c1", CHANGE, "u1")
        assert not (await erp.cancel("c1", ORDER, "x1")).live
        assert len(names(tmp_path / "inbox")) == 1
        leave(tmp_path, record="c1", cancelled=False)
        await erp.reports(None)
        assert (await erp.update("c1", CHANGE, "u1")).live


async def test_an_update_keeps_the_number(tmp_path):
    """An update of a record that has its number answers with it."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, key="c1", number="SO-17", status="booked")
        await erp.reports(None)
        assert await erp.update("c1", CHANGE, "u1") == Record(id="c1", number="SO-17", status="booked")


async def test_our_own_cancel_is_no_news(tmp_path):
    """The ERP's word that it did our cancel is not told as somebody else's."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        await erp.cancel("c1", ORDER, "x1")
        leave(tmp_path, key="x1", cancelled=True, status="void")
        leave(tmp_path, record="c1", status="void")
        assert told(await erp.reports(None)) == []
        assert (await erp.read("c1")).status == "void"


# ---- what is set aside


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", b"{", "no JSON"),
        ("a.json", b'{"key": "c1", "stauts": "x"}', "no reply says this"),
        ("a.json", b'{"key": "c9", "status": "x"}', "no document with the key c9"),
        ("a.json", b'{"key": "../../c1", "status": "x"}', "no document with the key"),
        ("a.json", b'{"key": "c1", "record": "c2", "status": "x"}', "is about record c1"),
        ("a.csv", b"{}\n", "no reply has the column"),
        ("a.txt", b"key;status\r\nc1;x\r\n", "must end in .csv or .json"),
        ("evil\n\x1b[31m.json", b"{", "no JSON"),
        (b"\xff.json".decode(errors="surrogateescape"), b"{", "no JSON"),
        ("x" * 250 + ".json", b"{", "no JSON"),
        ("..json", b"{", None),
    ],
)
async def test_a_bad_reply_is_set_aside(tmp_path, name, content, problem):
    """It changes nothing, lies beside a message that says what is wrong and what to do, and is told once."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, name, content, age=100_000)
        reports, complaints = await heard(erp)

        assert reports.news == []
        assert await erp.find("c1") == Record(id="c1")
        if problem is None:  # a dot in front: nobody's business
            assert complaints == names(tmp_path / "replies-bad") == []
            return
        (complaint,) = complaints
        assert problem in complaint["problem"]
        assert all(str(value).isprintable() for value in complaint.values())
        kept, message = names(tmp_path / "replies-bad")
        assert message == f"{kept}.txt"
        said = (tmp_path / "replies-bad" / message).read_text()
        assert problem in said
        assert f"put it back into {tmp_path}/replies" in said
        assert (tmp_path / "replies-bad" / kept).read_bytes() == content
        assert (await heard(erp))[1] == []


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "huge"])
async def test_no_plain_file(tmp_path, kind):
    """A link is not followed, a pipe not waited for, a giant not read: each is set aside."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        path = tmp_path / "replies" / "a.json"
        if kind == "link":
            (tmp_path / "secret").write_text('{"key": "c1", "status": "x"}')
            path.symlink_to(tmp_path / "secret")
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            with path.open("wb") as file:
                file.truncate(10**10)
        os.utime(path, (1, 1), follow_symlinks=False)
        reports, complaints = await heard(erp)
        assert reports.news == []
        assert len(complaints) == 1
        assert not os.path.lexists(path)
        assert kind != "link" or (tmp_path / "secret").exists()


async def test_a_bad_reply_among_good_ones(tmp_path):
    """In a file of several, the good ones count; the bad ones alone are written out, to be mended and put back."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        says = [{"key": "c1", "status": "x"}, {"key": "c9", "status": "x"}]
        leave(tmp_path, "day.json", json.dumps(says).encode())
        reports, complaints = await heard(erp)

        assert told(reports) == told(await erp.reports(None)) == [("c1", "status")]
        assert len(complaints) == 1
        kept, message = names(tmp_path / "replies-bad")
        assert json.loads((tmp_path / "replies-bad" / kept).read_bytes()) == [{"key": "c9", "status": "x"}]
        assert "its others were" in (tmp_path / "replies-bad" / message).read_text()


@pytest.mark.parametrize("documents", ["csv", "json"])
async def test_a_table_of_replies(tmp_path, documents):
    """A reply may be CSV or JSON, as its name says, whichever of them the documents are."""
    async with files(tmp_path, format=documents, csv_decimal_mark=",") as erp:
        await erp.create(ORDER, "c1")
        await erp.create(ORDER, "c2")
        assert [name.rpartition(".")[2] for name in names(tmp_path / "inbox")] == [documents, documents]
        leave(tmp_path, "a.CSV", b"key;number;total\r\nc1;SO-1;1,5\r\nc2;SO-2;-2,5\r\n")
        leave(tmp_path, "b.json", key="c1", status="x")
        reports = await erp.reports(None)
        assert [(one.number, one.total) for one in reports.news] == [
            ("SO-1", Decimal("1.5")),
            ("SO-2", Decimal("-2.5")),
            (None, None),
        ]


# ---- files that are still written


async def test_a_file_that_may_grow_is_left_alone(tmp_path, monkeypatch):
    """A file written this very moment, a half one of a minute, and a draft under another name are left for the next time."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        monkeypatch.setattr(postmark, "GROWING_S", 20.0)  # far from the second that this test may take
        fresh = leave(tmp_path, age=1, key="c1", status="x")
        half = leave(tmp_path, content=b'{"key": "c1", "sta', age=30)
        draft = leave(tmp_path, "a.tmp", b"{", age=3000)
        reports, complaints = await heard(erp)
        assert (reports.news, complaints) == ([], [])

        for path in (fresh, half, draft):
            assert path.exists()
        os.utime(fresh, (1, 1))
        os.utime(half, (1, 1))
        os.utime(draft, (1, 1))
        reports, complaints = await heard(erp)
        assert told(reports) == [("c1", "status")]
        assert len(complaints) == 2


async def test_a_clock_that_is_ahead_holds_nothing_up(tmp_path):
    """A file server whose clock is ahead of ours makes files from the future: they are taken."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, age=-5000, key="c1", status="x")
        assert told(await erp.reports(None)) == [("c1", "status")]


async def test_a_file_that_grows_while_it_is_read(tmp_path, monkeypatch):
    """What changes under our eyes is not taken."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        path = leave(tmp_path, key="c1", status="x")
        monkeypatch.setattr("daemon.erp.files.postmark._is_same", lambda before, after: False)
        assert (await erp.reports(None)).news == []
        assert path.exists()


# ---- several at one folder, and much of it


async def test_two_workspaces_share_a_folder(tmp_path):
    """Each hears of its own records, whoever took the reply."""
    async with files(tmp_path) as one, files(tmp_path, "124") as other:
        await one.create(ORDER, "c123-1")
        await other.create(ORDER, "c124-1")
        leave(tmp_path, key="c123-1", status="x")
        leave(tmp_path, key="c124-1", status="y")
        assert told(await one.reports(None)) == [("c123-1", "status")]
        assert told(await other.reports(None)) == [("c124-1", "status")]


async def test_whoever_hangs_at_the_folder_is_told(tmp_path, monkeypatch):
    """With another process at the replies for long, that is an outage, not silence."""
    monkeypatch.setattr(replies, "_LOCK_PATIENCE_S", 0.05)
    async with files(tmp_path) as erp:
        await erp.reports(None)
        with (tmp_path / "replies-taken" / ".lock").open("a") as lock:
            assert replies._is_locked(lock.fileno())
            with pytest.raises(ErpUnavailable, match="another process"):
                await erp.reports(None)
        assert (await erp.reports(None)).news == []


async def test_many_replies_come_in_portions(tmp_path, monkeypatch):
    """A heap of replies is told in several calls, each one once."""
    monkeypatch.setattr(replies, "AT_ONCE", 7)
    async with files(tmp_path) as erp:
        made = [effect.key async for effect in _made(erp, 20)]
        for key in made:
            leave(tmp_path, key=key, number=f"SO-{key}")
        cursor, heard_of = None, []
        for _ in range(4):
            reports = await erp.reports(cursor)
            cursor = reports.cursor
            heard_of += [one.record for one in reports.news]
        assert heard_of == made


async def _made(erp, number):
    effects = [Effect(kind=Kind.CREATE, key=f"c{n}", order=replace(ORDER, id=str(n))) for n in range(number)]
    async for _ in erp.apply(effects):
        pass
    for effect in effects:
        yield effect


async def test_old_replies_are_forgotten(tmp_path):
    """What was recorded, or set aside, long ago is removed; what nobody recorded yet is not."""
    async with files(tmp_path, keep_replies_days=1) as erp:
        await erp.create(ORDER, "c1")
        old = tmp_path / "replies-taken" / "20250101T00"
        old.mkdir()
        kept = old / "20250101T000000000000Z-a.json"
        kept.write_text('{"key": "c1", "status": "x"}')
        os.utime(old, (1, 1))
        assert told(await erp.reports(None)) == [("c1", "status")]
    async with files(tmp_path, keep_replies_days=1) as erp:
        leave(tmp_path, key="c1", status="y")
        reports = await erp.reports("20250101T000000000000Z")
        assert kept.exists()
    async with files(tmp_path, keep_replies_days=1) as erp:
        assert (await erp.reports(reports.cursor)).news == []
        assert not old.exists()
        assert len(names(tmp_path / "replies-taken")) == 1


async def test_a_rehearsal_takes_nothing(tmp_path):
    """In a dry run the replies that are there are told, and everything stays where it is."""
    rehearsing = files(tmp_path / "never")
    rehearsing.rehearse()
    assert (await rehearsing.reports(None)).news == []
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        leave(tmp_path, key="c1", number="SO-17")
        await erp.reports(None)
        leave(tmp_path, key="c1", status="x")
        leave(tmp_path, content=b"{")
    before = names(tmp_path)
    rehearsing = files(tmp_path)
    rehearsing.rehearse()
    assert told(await rehearsing.reports(None)) == [("c1", "numbered"), ("c1", "status")]
    assert names(tmp_path) == before
    assert not (tmp_path / "never").exists()


async def test_the_number_can_be_waited_for(tmp_path):
    """Told so, Consentio is given no reference before the ERP's number is known."""
    assert not files(tmp_path).capabilities.numbers_later
    assert files(tmp_path, reference="number").capabilities.numbers_later
    assert files(tmp_path).capabilities.reports


async def test_a_folder_that_goes_away_is_an_outage(tmp_path):
    """With the folder unmounted, no news is not good news."""
    async with files(tmp_path / "erp") as erp:
        await erp.reports(None)
        (tmp_path / "erp").rename(tmp_path / "unmounted")
        with pytest.raises(ErpUnavailable):
            await erp.reports(None)
