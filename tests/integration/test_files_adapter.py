"""The `files` adapter on real folders: what it does when all is well, and what it says when the folder is not."""

import errno
import json
import os
import shutil
import stat
import tempfile
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from daemon.domain.content import difference
from daemon.domain.ledger import Kind
from daemon.domain.order import Line, Order, Status
from daemon.erp.files import FilesAdapter, folder
from daemon.errors import AdapterError, Conflict, ErpUnavailable, OrderRejected
from daemon.ports import Effect, Record

ORDER = Order(id="5001", status=Status.ACCEPTED, lines=(Line(id="7001", sku="TOM", amount=Decimal(10), unit="box"),))
EDITED = replace(ORDER, more_info="ring twice")
CHANGE = difference(ORDER, EDITED)


def files(root, **settings):
    return FilesAdapter(FilesAdapter.Settings(folder=root, **settings), workspace="123")


def inbox(root):
    return [json.loads(path.read_bytes()) for path in sorted((root / "inbox").iterdir())]


def creates(count):
    return [Effect(kind=Kind.CREATE, key=f"c123-{n}", order=replace(ORDER, id=str(n))) for n in range(count)]


async def answers(adapter, effects):
    return {key: answer async for key, answer in adapter.apply(effects)}


async def test_an_order_through_its_life(tmp_path):
    """Create, update and cancel are three documents about one record, in the order of their names; each key finds it."""
    async with files(tmp_path) as erp:
        made = await erp.create(ORDER, "c123-5001")
        await erp.update(made.id, CHANGE, "u1")
        assert await erp.read(made.id) == Record(id="c123-5001", live=True)
        cancelled = await erp.cancel(made.id, EDITED, "x1")

        assert (made.live, cancelled.live) == (True, False)
        assert [(says["kind"], says["record"]) for says in inbox(tmp_path)] == [
            ("create", "c123-5001"),
            ("update", "c123-5001"),
            ("cancel", "c123-5001"),
        ]
        for key in ("c123-5001", "u1", "x1"):
            assert await erp.find(key) == Record(id="c123-5001", live=False)
        assert await erp.find("u2") is None
        assert await erp.read("c123-5002") is None
    assert list((tmp_path / ".staging").iterdir()) == []


async def test_a_second_key_writes_nothing(tmp_path):
    """A key that was done before answers with its record, even from another process and after the ERP took the document."""
    async with files(tmp_path) as erp:
        made = await erp.create(ORDER, "c1")
        await erp.update("c1", CHANGE, "u1")
    shutil.rmtree(tmp_path / "inbox")
    async with files(tmp_path) as erp:
        assert await erp.create(ORDER, "c1") == made
        assert await erp.update("c1", CHANGE, "u1") == made
        assert inbox(tmp_path) == []


async def test_what_cannot_be_changed_is_a_conflict(tmp_path):
    """An update of a record that was never created here, or is cancelled, is for a person; a second cancel is a success."""
    async with files(tmp_path) as erp:
        with pytest.raises(Conflict, match="c9"):
            await erp.update("c9", CHANGE, "u1")
        await erp.create(ORDER, "c1")
        await erp.cancel("c1", ORDER, "x1")
        with pytest.raises(Conflict, match="cancelled"):
            await erp.update("c1", CHANGE, "u2")
        assert not (await erp.cancel("c1", ORDER, "x2")).live
        assert len(inbox(tmp_path)) == 2


async def test_a_cancel_is_written_without_a_receipt_of_the_create(tmp_path):
    """A folder that forgot the create still tells the ERP to cancel."""
    async with files(tmp_path) as erp:
        assert not (await erp.cancel("c1", ORDER, "x1")).live
    assert [says["kind"] for says in inbox(tmp_path)] == ["cancel"]


async def test_a_rejected_order_names_all_that_is_missing(tmp_path):
    """What the ERP needs and does not get is said at once, and nothing is written; a cancel passes."""
    async with files(tmp_path, require=["customer", "lines.ean_code"], units=["kg"]) as erp:
        with pytest.raises(OrderRejected) as refused:
            await erp.create(ORDER, "c1")
        assert refused.value.missing == ("field:customer", "field:lines[7001].ean_code", "unit:box")
        with pytest.raises(OrderRejected, match="unit:box"):
            await erp.preview(Effect(kind=Kind.CREATE, key="c1", order=ORDER))
        assert inbox(tmp_path) == []
        await erp.cancel("c0", ORDER, "x1")
        assert len(inbox(tmp_path)) == 1


async def test_a_preview_touches_nothing(tmp_path):
    """A dry run says in words what would be written."""
    erp = files(tmp_path / "erp")
    words = await erp.preview(Effect(kind=Kind.UPDATE, key="u1", order=EDITED, record="c1", change=CHANGE))

    assert words.splitlines() == [
        f"update order 5001 as record c1 by a document in {tmp_path}/erp/inbox",
        "  more_info nothing → ring twice",
    ]
    assert not (tmp_path / "erp").exists()


async def test_a_group_has_one_verdict_each(tmp_path):
    """A group is written together, and each of its effects has its own answer."""
    async with files(tmp_path, units=["box"]) as erp:
        strange = replace(ORDER, id="x", lines=(replace(ORDER.lines[0], unit="crate"),))
        group = [*creates(30), Effect(kind=Kind.CREATE, key="bad", order=strange)]
        told = await answers(erp, group)

        assert isinstance(told.pop("bad"), OrderRejected)
        assert told == {f"c123-{n}": Record(id=f"c123-{n}") for n in range(30)}
        assert [says["key"] for says in inbox(tmp_path)] == list(told)
        assert await erp.find_many([*told, "c0"]) == told


async def test_documents_bear_their_mode(tmp_path):
    """The ERP's user may read what the setting says, whatever the umask is."""
    before = os.umask(0o077)
    try:
        async with files(tmp_path, file_mode="0664") as erp:
            await erp.create(ORDER, "c1")
    finally:
        os.umask(before)
    (written,) = (tmp_path / "inbox").iterdir()
    assert stat.S_IMODE(written.stat().st_mode) == 0o664


async def test_settings_show(tmp_path, monkeypatch):
    """The identity is the whole path, and what the adapter can do is what the core is told."""
    monkeypatch.chdir(tmp_path)
    erp = files("erp", group_size=7)
    assert erp.identity == str(tmp_path / "erp")
    assert (erp.capabilities.find, erp.capabilities.refuses_second_key, erp.capabilities.group_size) == ("every", True, 7)


# ---- a folder that cannot be used


async def test_two_file_systems_are_refused(tmp_path):
    """An inbox on another file system cannot be reached in one step: the check says so, with a remedy."""
    other = Path("/dev/shm")  # the other file system that a Linux machine has
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir=other) as elsewhere:
        (tmp_path / "inbox").symlink_to(elsewhere)
        await _refused(files(tmp_path), "not on one file system", "as a whole")


async def test_two_mounts_are_refused(tmp_path, monkeypatch):
    """The same file system mounted twice looks like one, and yet no rename passes between them."""

    def rename(source, target):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "rename", rename)
    await _refused(files(tmp_path), "not on one file system", "as a whole")


async def test_links_are_needed(tmp_path, monkeypatch):
    """A file system without hard links is refused by the check, which leaves nothing behind."""

    def link(source, target):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    await _refused(files(tmp_path), "hard link", "FAT")
    assert list((tmp_path / ".staging").iterdir()) == []


async def test_an_unwritable_folder_is_refused(nobody):
    """A folder that we may not write into is refused with the user that needs the right, and effects wait."""
    nobody.chmod(0o555)
    erp = files(nobody / "erp")
    await _refused(erp, "cannot create", f"user id {os.geteuid()}")
    async with erp:
        with pytest.raises(ErpUnavailable, match="cannot create"):
            await erp.create(ORDER, "c1")
        assert isinstance((await answers(erp, creates(2)))["c123-1"], ErpUnavailable)
        nobody.chmod(0o755)
        await erp.create(ORDER, "c1")
    (nobody / "erp" / "inbox").chmod(0o555)
    await _refused(erp, "cannot write into", "inbox")


async def test_a_reply_that_may_not_be_read(nobody):
    """A reply that the ERP's user keeps to itself is set aside, naming the user that needs the right; a closed folder is told."""
    async with files(nobody / "erp") as erp:
        await erp.create(ORDER, "c1")
        reply = nobody / "erp" / "replies" / "a.json"
        reply.write_text('{"key": "c1", "status": "x"}')
        reply.chmod(0o000)
        os.utime(reply, (1, 1))
        assert (await erp.reports(None)).news == []
        (message,) = (nobody / "erp" / "replies-bad").glob("*.txt")
        assert f"user id {os.geteuid()} cannot read it" in message.read_text()
        (nobody / "erp" / "replies").chmod(0o000)
        with pytest.raises(ErpUnavailable, match="replies"):
            await erp.reports(None)
    await _refused(files(nobody / "erp"), "cannot write into", "replies")
    (nobody / "erp" / "replies").chmod(0o755)


async def test_a_missing_parent_is_refused(tmp_path):
    """The folder itself is made, but not the path to it: a misspelt path is no new ERP."""
    await _refused(files(tmp_path / "no" / "erp"), "cannot create", "folder")


async def _refused(erp, said, remedy):
    with pytest.raises(AdapterError, match=said) as refused:
        await erp.check()
    assert remedy in refused.value.remedy


@pytest.fixture
def nobody():
    """A folder of a user without the privileges that make every folder writable, and that user's rights."""
    home = Path(tempfile.mkdtemp(prefix="consentio-files-"))
    was = os.geteuid()
    if was == 0:
        os.chown(home, 65534, -1)
        os.seteuid(65534)
    try:
        yield home
    finally:
        os.seteuid(was)
        shutil.rmtree(home)


async def test_a_folder_that_goes_away_is_an_outage(tmp_path):
    """With the folder unmounted, questions and effects find the ERP away: nothing is absent, and nothing was sent."""
    async with files(tmp_path / "erp") as erp:
        await erp.create(ORDER, "c1")
        (tmp_path / "erp").rename(tmp_path / "unmounted")
        for call in (erp.find("c1"), erp.find("c2"), erp.create(ORDER, "c2"), erp.update("c1", CHANGE, "u1")):
            with pytest.raises(ErpUnavailable):
                await call
        (tmp_path / "erp").mkdir()
        with pytest.raises(ErpUnavailable):
            await erp.find("c2")


async def test_a_broken_receipt_is_for_a_person(tmp_path):
    """A receipt that is no receipt is never taken for one, nor for none."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        (receipt,) = (tmp_path / ".receipts").rglob("c1.json")
        receipt.write_bytes(b"")
        with pytest.raises(Conflict, match="cannot be read"):
            await erp.find("c1")
        with pytest.raises(Conflict, match="cannot be read"):
            await erp.create(ORDER, "c1")
        assert isinstance((await erp.find_many(["c1"]))["c1"], Conflict)


async def test_receipts_share_files(tmp_path):
    """A group's receipts lie in a few files under a name each: every key finds its own, and nothing else is left behind."""
    async with files(tmp_path) as erp:
        await answers(erp, creates(60))
        found = await erp.find_many([effect.key for effect in creates(61)])
    assert found == {effect.key: Record(id=effect.key) for effect in creates(60)}
    receipts = [path for path in (tmp_path / ".receipts").rglob("*") if path.is_file()]
    assert (len(receipts), len({path.stat().st_ino for path in receipts})) == (60, 3)
    assert list((tmp_path / ".staging").iterdir()) == []


@pytest.mark.parametrize("shown", [True, False])
async def test_receipts_of_an_earlier_version(tmp_path, shown):
    """A receipt in a file of its own counts as before; a document that a process of before had signed for is shown, once."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
    (receipt,), (document,) = (tmp_path / ".receipts").rglob("c1.json"), (tmp_path / "inbox").iterdir()
    said = json.loads(receipt.read_bytes())
    receipt.unlink()
    receipt.write_text(json.dumps({**said, "staged": "c1.0badcafe.json"}))
    if not shown:
        (tmp_path / ".staging" / "c1.0badcafe.receipt").hardlink_to(receipt)
        document.rename(tmp_path / ".staging" / "c1.0badcafe.json")
    async with files(tmp_path) as upgraded:
        assert await upgraded.find("c1") == Record(id="c1")
        assert await upgraded.create(ORDER, "c1") == Record(id="c1")
    assert [path.name for path in (tmp_path / "inbox").iterdir()] == [said["document"]]


# ---- failures in the middle


@pytest.mark.parametrize("step", ["link", "open"])
async def test_a_full_disk_before_the_receipt_wrote_nothing(tmp_path, monkeypatch, step):
    """Effects that found no room were not sent, the others of the group are done, and no litter stays."""
    async with files(tmp_path) as erp:
        with monkeypatch.context() as patch:
            _fail(patch, step, errno.ENOSPC, only="c123-3")
            told = await answers(erp, creates(20))
        assert isinstance(told["c123-3"], ErpUnavailable)
        assert "No space left" in str(told["c123-3"])
        assert sum(isinstance(answer, Record) for answer in told.values()) == 19
        assert len(inbox(tmp_path)) == 19
        assert list((tmp_path / ".staging").iterdir()) == []
        assert await erp.find("c123-3") is None
        assert await erp.create(ORDER, "c123-3")


async def test_a_full_disk_before_the_receipts_of_some(tmp_path, monkeypatch):
    """Effects whose receipts found no room were not sent, those whose receipts lie in another file are done."""
    async with files(tmp_path) as erp:
        with monkeypatch.context() as patch:
            real, tickets = folder._write, []

            def failing(path, content, *, mode):
                tickets.append(path) if path.endswith(folder.TICKET) else None
                if path.endswith(folder.TICKET) and len(tickets) == 1:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return real(path, content, mode=mode)

            patch.setattr(folder, "_write", failing)
            told = await answers(erp, creates(30))
        assert [isinstance(told[effect.key], ErpUnavailable) for effect in creates(30)] == [True] * 25 + [False] * 5
        assert len(inbox(tmp_path)) == 5
        assert list((tmp_path / ".staging").iterdir()) == []


async def test_a_failed_rename_is_a_doubt(tmp_path, monkeypatch):
    """What was signed for and could not be shown is not answered at all; asked later, it is shown and found."""
    async with files(tmp_path) as erp:
        with monkeypatch.context() as patch:
            _fail(patch, "rename", errno.EIO, only="c123-3")
            assert set(await answers(erp, creates(4))) == {"c123-0", "c123-1", "c123-2"}
        assert len(inbox(tmp_path)) == 3
        assert await erp.find("c123-3") == Record(id="c123-3")
        assert len(inbox(tmp_path)) == 4


async def test_a_lost_inbox_is_a_doubt(tmp_path):
    """With the inbox taken away nothing is told done; once it is back, the question finishes the work."""
    async with files(tmp_path) as erp:
        (tmp_path / "inbox").rmdir()
        with pytest.raises(FileNotFoundError):
            await erp.create(ORDER, "c1")
        assert await answers(erp, creates(2)) == {}
        (tmp_path / "inbox").mkdir()
        assert await erp.find("c1") == Record(id="c1")
        assert [says["key"] for says in inbox(tmp_path)] == ["c1"]


@pytest.mark.parametrize(("failing", "verdict"), [(1, ErpUnavailable), (2, None), (3, None)])
async def test_a_failed_flush(tmp_path, monkeypatch, failing, verdict):
    """A flush that fails before the receipt means nothing was sent; after it, nobody knows, and one is never told done."""
    async with files(tmp_path) as erp:
        with monkeypatch.context() as patch:
            _fail_flush(patch, failing)
            told = await answers(erp, creates(20))
        assert {type(answer) for answer in told.values()} == ({verdict} if verdict else set())
        found = await erp.find_many([effect.key for effect in creates(20)])
        assert len(found) == len(inbox(tmp_path)) == (0 if verdict else 20)


async def test_each_step_is_flushed_before_the_next(tmp_path, monkeypatch):
    """Three flushes for a group: all staged, all signed for, all shown; the answers come after the last."""
    async with files(tmp_path) as erp:
        log = []
        _log(monkeypatch, log)
        await answers(erp, creates(20))
    runs = [step for number, step in enumerate(log) if number == 0 or log[number - 1] != step]
    assert runs == ["open", "flush", "link", "flush", "rename", "flush"]


async def test_whatever_a_step_touched_is_flushed(tmp_path, monkeypatch):
    """One document: its own file and its receipt's, and every folder in which a step made or took away a name."""
    flushed = []
    async with files(tmp_path) as erp:
        monkeypatch.setattr("daemon.erp.files.flush._flush", lambda root, paths: flushed.append({*map(str, paths)}))
        await erp.cancel("c1", ORDER, "x1")
    receipt, mark = (next((tmp_path / ".receipts").rglob(name)) for name in ("x1.json", "c1.cancelled"))
    staging, nonce = tmp_path / ".staging", json.loads(receipt.read_bytes())["staged"].split(".")[1]
    assert flushed == [
        {*map(str, (staging, staging / f"{nonce}.receipt", staging / f"x1.{nonce}.json", mark, mark.parent))},
        {str(receipt.parent)},
        {str(staging), str(tmp_path / "inbox")},
    ]


async def test_the_loop_goes_on_while_the_disk_is_slow(tmp_path, monkeypatch):
    """A disk that hangs stops no one else: the work is done in another thread."""
    async with files(tmp_path) as erp:
        threads = set()
        monkeypatch.setattr("daemon.erp.files.flush._flush", lambda root, paths: threads.add(threading.current_thread()))
        await erp.create(ORDER, "c1")
        assert threads
        assert threading.main_thread() not in threads


def _fail(patch, step, number, *, only):
    owner, name = (folder, "_write") if step == "open" else (os, step)
    real = getattr(owner, name)

    def failing(path, *args, **kwargs):
        if only in str(args[0] if step == "link" else path):
            raise OSError(number, os.strerror(number))
        return real(path, *args, **kwargs)

    patch.setattr(owner, name, failing)


def _fail_flush(patch, which):
    calls = []

    def flush(root, paths):
        calls.append(paths)
        if len(calls) == which:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    patch.setattr("daemon.erp.files.flush._flush", flush)


def _log(patch, log):
    def logging(step, real):
        def call(*args, **kwargs):
            log.append(step)
            return real(*args, **kwargs)

        return call

    patch.setattr(folder, "_write", logging("open", folder._write))
    patch.setattr("daemon.erp.files.flush._flush", logging("flush", lambda root, paths: None))
    for step in ("link", "rename"):
        patch.setattr(os, step, logging(step, getattr(os, step)))


async def test_a_rehearsal_leaves_no_trace(tmp_path):
    """Entered, checked and asked in a dry run, the folder is not even made; and what a dead process left stays as it is."""
    adapter = files(tmp_path / "not there")
    adapter.rehearse()
    async with adapter:
        await adapter.check()
        assert await adapter.find("c1") is None
        assert "create order" in await adapter.preview(Effect(kind=Kind.CREATE, key="c1", order=ORDER))

    assert list(tmp_path.iterdir()) == []


async def test_a_rehearsal_meets_the_verdicts_of_the_folder(tmp_path):
    """A change of a record that is cancelled is refused in the preview as it would be in truth."""
    async with files(tmp_path) as erp:
        await erp.create(ORDER, "c1")
        await erp.cancel("c1", ORDER, "x1")
    async with files(tmp_path) as erp:
        erp.rehearse()
        with pytest.raises(Conflict, match="cancelled"):
            await erp.preview(Effect(kind=Kind.UPDATE, key="u1", order=EDITED, record="c1", change=CHANGE))
