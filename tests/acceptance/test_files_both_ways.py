"""The whole way and back through a folder: a real daemon, documents as CSV, and an ERP that answers, refuses and numbers."""

import signal

import pytest

from daemon.sandbox.audit import audit
from daemon.sandbox.folder_erp import Answers, FolderErp
from daemon.sandbox.remote import Remote
from tests.support.process import running, write_config
from tests.support.waiting import wait_until_sync

_HURRY = {
    "CONSENTIO_SYNC__ERP__DEFAULT__FORMAT": "csv",
    "CONSENTIO_SYNC__ERP__DEFAULT__REFERENCE": "number",
    "CONSENTIO_SYNC__SYNC__NEAR_SWEEP_INTERVAL": "1s",
    "CONSENTIO_SYNC__DELIVERY__LEASE": "1s",
    "CONSENTIO_SYNC__DELIVERY__CALL_TIMEOUT": "3s",
    "CONSENTIO_SYNC__DELIVERY__DOUBT_MARGIN": "1s",
    "CONSENTIO_SYNC__DELIVERY__MISSING_RECHECK": "1s",
}


@pytest.mark.slow
def test_numbers_and_refusals_find_their_way_back(tmp_path):
    """Consentio is told the ERP's numbers and statuses; what the ERP refused is written again once it knows the products; a kill
    in the middle changes nothing, and a reply of a stranger is set aside.
    """
    replies = tmp_path / "erp" / "replies"
    replies.mkdir(parents=True)
    (replies / "stranger.json").write_text('{"key": "c123-1", "status": "?"}')
    with Remote.started("--pace", "0", "--seed", "3") as market:
        write_config(tmp_path, market.url)
        for _ in range(12):
            market.do(market.place(), "accept")
        erp = FolderErp(tmp_path / "erp" / "inbox", pause=0.3, answers=Answers(replies, refusal_share=0.3))
        with erp:
            _live_and_die_and_live(tmp_path, market, erp)
        orders = market.state()["orders"]

    assert erp.refused
    assert {order["external_status"] for order in orders} == {"booked"}
    assert all(order["external_id"].startswith("SO-") for order in orders)
    (message,) = (tmp_path / "erp" / "replies-bad").glob("stranger*.txt")
    assert "no document with the key c123-1" in message.read_text()


def _live_and_die_and_live(folder, market, erp):
    with running(folder, **_HURRY) as daemon:
        daemon.wait_for("order.created")
        daemon.end(signal.SIGKILL)
    wrong = ["nothing was looked at"]
    with running(folder, **_HURRY) as daemon:
        wait_until_sync(lambda: daemon.is_over or _is_at_rest(market, erp, wrong), timeout=60, what=f"{wrong} to vanish")
        daemon.wait_for("reply.refused")
        assert daemon.end(signal.SIGTERM) == 0, daemon.text


def _is_at_rest(market, erp, wrong):
    with erp.lock:
        wrong[:] = map(str, audit(market.state(), erp.book))
        return not wrong and all(record.number for record in erp.book.records.values())
