"""SIGTERM while the ERP holds a create open."""

import signal

import pytest

from daemon.sandbox.remote import Remote
from tests.support.ledgers import open_rows
from tests.support.process import running, write_config
from tests.support.slow_erp import Slow

_HURRY = {
    "CONSENTIO_SYNC__DELIVERY__LEASE": "1s",
    "CONSENTIO_SYNC__DELIVERY__CALL_TIMEOUT": "1s",
    "CONSENTIO_SYNC__DELIVERY__DOUBT_MARGIN": "1s",
}


@pytest.fixture
def market():
    with Remote.started("--pace", "0") as remote:
        yield remote


def accepted(market: Remote, count: int = 1) -> list[str]:
    orders = [market.place() for _ in range(count)]
    return [str(order) for order in orders if market.do(order, "accept")]


def slow_erp(folder, market: Remote, **config: str) -> Slow:
    erp = Slow(folder)
    erp.install()
    file = write_config(folder, market.url, **config)
    file.write_text(file.read_text().replace('adapter = "files"', 'adapter = "slow"'))
    return erp


def test_the_outcome_of_an_open_call_is_recorded_and_nothing_more_begun(tmp_path, market):
    """However long the backlog: what the ERP is doing is awaited and recorded, the rest is left to the next start."""
    erp = slow_erp(tmp_path, market)
    orders = accepted(market, 7)

    with running(tmp_path, **erp.environ) as daemon:
        erp.wait_for_record()
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("daemon.draining")
        erp.answer()
        assert daemon.end() == 0, daemon.text
    records, created = erp.records, daemon.told("order.created")
    left_open = open_rows(f"sqlite:///{tmp_path}/sync.db")
    with running(tmp_path, **erp.environ) as daemon:
        daemon.wait_for("order.created", times=6)
        assert daemon.end(signal.SIGTERM) == 0

    assert records == [line["key"] for line in created]
    assert len(records) == 1
    assert daemon.told("drain.cut") == []
    assert left_open == []
    assert erp.records == [f"c123-{order}" for order in sorted(orders)]


def test_beyond_the_grace_a_doubt_is_left_that_the_next_start_settles(tmp_path, market):
    """The call is cut off, its row stays open, and asking the ERP finds the one record that it left."""
    erp = slow_erp(tmp_path, market, more='[service]\ndrain_grace = "100ms"')
    (order,) = accepted(market)
    database = f"sqlite:///{tmp_path}/sync.db"

    with running(tmp_path, **erp.environ) as daemon:
        erp.wait_for_record()
        assert daemon.end(signal.SIGTERM) == 0, daemon.text
    cut, doubts = daemon.told("drain.cut"), open_rows(database)
    erp.answer()
    with running(tmp_path, **erp.environ, **_HURRY) as daemon:
        settled = daemon.wait_for("doubt.settled")
        daemon.wait_until_ready()
        assert daemon.end(signal.SIGTERM) == 0

    assert len(cut) == 1
    assert [str(doubt) for doubt in doubts] == [f"create {order}"]
    assert (settled["order_id"], settled["outcome"]) == (order, "found")
    assert open_rows(database) == []
    assert erp.records == [f"c123-{order}"]
