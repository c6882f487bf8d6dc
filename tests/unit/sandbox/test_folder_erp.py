import json
from datetime import UTC, datetime

import pytest

from daemon.sandbox.book import Verdict
from daemon.sandbox.folder_documents import SCHEMA
from daemon.sandbox.folder_erp import Answers, FolderErp
from tests.support.waiting import wait_until_sync


@pytest.fixture
def write(tmp_path):
    """Puts a document into the inbox."""

    def put(name, **changes):
        document = {"schema": SCHEMA, "kind": "create", "key": name, "record": name, "order": {"id": name}}
        (tmp_path / f"{name}.json").write_text(json.dumps(document | changes))

    return put


def test_it_imports_by_name_and_deletes(tmp_path, write):
    """The first documents by name go first, and are gone afterwards."""
    erp = FolderErp(tmp_path)
    for name in ("b", "c", "a"):
        write(name)
    assert erp.import_some(2) == 2
    assert [posting.key for posting in erp.book.postings] == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["c.json"]


def test_a_posting_knows_when_its_document_appeared(tmp_path, write):
    """A rename into the inbox counts, not the moment when the document was written, nor that of the import."""
    erp = FolderErp(tmp_path / "inbox")
    (tmp_path / "inbox").mkdir()
    write("a")
    written = (tmp_path / "a.json").stat().st_ctime
    wait_until_sync(lambda: datetime.now(UTC).timestamp() > written + 0.05)
    (tmp_path / "a.json").rename(tmp_path / "inbox" / "a.json")
    shown = datetime.now(UTC)
    wait_until_sync(lambda: datetime.now(UTC).timestamp() > shown.timestamp() + 0.05)
    erp.import_some()
    assert written + 0.02 < erp.book.postings[0].at.timestamp() <= shown.timestamp()


@pytest.mark.parametrize("said", ["{", '{"schema": "else"}', '{"schema": "consentio-sync/files/1"}', "[]"])
def test_what_cannot_be_read_is_a_fault(tmp_path, said):
    """It is told and put away, and stops nothing."""
    (tmp_path / "x.json").write_text(said)
    erp = FolderErp(tmp_path)
    erp.import_some()
    assert [finding.verdict for finding in erp.book.findings] == [Verdict.FAULT]
    assert erp.waiting == 0


def test_it_imports_by_itself(tmp_path, write):
    """While it runs, documents are imported without being asked for."""
    heard = []
    with FolderErp(tmp_path, pause=0.01, tell=heard.append) as erp:
        write("a")
        wait_until_sync(lambda: heard, what="the import")
    assert erp.book.records["a"].live


# ---- its answers


def order(sku="TOM"):
    return {"id": "5001", "lines": [{"id": "1", "sku": sku}]}


def replies(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())]


@pytest.fixture
def answering(tmp_path):
    (tmp_path / "replies").mkdir()
    return lambda **chances: FolderErp(tmp_path, answers=Answers(tmp_path / "replies", **chances))


def test_it_answers_each_document(tmp_path, write, answering):
    """A record gets a number, which it keeps; a cancel is confirmed; every answer names the document's key."""
    write("a", key="c1", record="c1", order=order())
    write("b", key="u1", record="c1", order=order(), kind="update")
    write("c", key="x1", record="c1", order=order(), kind="cancel")
    erp = answering()
    erp.import_some()

    said = [{name: value for name, value in one.items() if name != "at"} for one in replies(tmp_path / "replies")]
    assert said == [
        {"key": "c1", "number": "SO-00001", "status": "booked"},
        {"key": "u1", "number": "SO-00001", "status": "booked"},
        {"key": "x1", "cancelled": True, "status": "void"},
    ]
    assert erp.book.findings == []


def test_it_refuses_what_it_does_not_know(tmp_path, write, answering):
    """A document with an unknown product is refused, and so is what follows it; the next one finds the product added."""
    write("a", key="c1", record="c1", order=order())
    write("b", key="u1", record="c1", order=order(), kind="update")
    write("c", key="x1", record="c1", order=order(), kind="cancel")
    write("d", key="c1-2", record="c1-2", order=order())
    erp = answering(refusal_share=1.0)
    erp.import_some()

    refused, follower, cancel, taken = replies(tmp_path / "replies")
    assert (refused["refused"], refused["missing"]) == (True, ["product:TOM"])
    assert (follower["refused"], cancel["cancelled"], taken["number"]) == (True, True, "SO-00001")
    assert [record.id for record in erp.book.live_records("5001")] == ["c1-2"]
    assert [posting.key for posting in erp.book.postings_of("5001")] == ["c1", "u1", "x1", "c1-2"]
    assert erp.book.findings == []


def test_its_clerks_tell_what_they_do(tmp_path, write, answering):
    """A cancel and a preparation that nobody asked for are told as news of the record."""
    write("a", key="c1", record="c1", order=order())
    write("b", key="c2", record="c2", order=order() | {"id": "5002"})
    erp = answering()
    erp.import_some()
    erp.clerk_cancels("c1")
    erp.clerk_prepares("c2")

    cancelled, prepared = (one for one in replies(tmp_path / "replies") if "record" in one)
    assert (cancelled["record"], cancelled["cancelled"]) == ("c1", True)
    assert (prepared["record"], prepared["prepared"], prepared["status"]) == ("c2", True, "packed")
    assert not erp.book.records["c1"].live
