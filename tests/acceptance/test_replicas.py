"""Several daemons over one PostgreSQL database: real processes, killed, frozen and cut off while a market lives."""

import signal

import pytest

from daemon.sandbox.remote import Remote
from tests.support.cable import Cable
from tests.support.postgres import running_server, server_programs
from tests.support.process import Daemon, running, write_config
from tests.support.trade import Trade
from tests.support.waiting import wait_until_sync

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(240)]

_HURRY = {
    "CONSENTIO_SYNC__SYNC__NEAR_SWEEP_INTERVAL": "5s",
    "CONSENTIO_SYNC__DELIVERY__BACKOFF_INITIAL": "100ms",
    "CONSENTIO_SYNC__DELIVERY__LEASE": "2s",
    "CONSENTIO_SYNC__DELIVERY__CALL_TIMEOUT": "2s",
    "CONSENTIO_SYNC__DELIVERY__DOUBT_MARGIN": "1s",
}


@pytest.fixture
def market():
    with Remote.started("--pace", "0") as remote:
        yield remote


def role(daemon: Daemon) -> str:
    return daemon.ready()[1]["status"]


def wait_for_role(daemon: Daemon, wanted: str) -> None:
    wait_until_sync(lambda: role(daemon) == wanted, timeout=60, what=f"{wanted}: {daemon.text[-3000:]}")


def through(cable: Cable, url: str) -> str:
    """The same database, reached by the cable."""
    head, _, database = url.rpartition("/")
    return f"{head.rpartition(':')[0]}:{cable.port}/{database}"


def test_a_leader_that_is_cut_off_frozen_or_killed_is_replaced(tmp_path, market, postgres_server, postgres_url):
    """Within seconds; when it comes back it stands by, and both sides hold the same in the end."""
    write_config(tmp_path, market.url, database=postgres_url)
    with running(tmp_path, "migrate") as migrating:
        assert migrating.end() == 0, migrating.text
    trade = Trade(market, tmp_path)

    with Cable.to(postgres_server.port) as cable:
        far = {"CONSENTIO_SYNC__DATABASE__URL": through(cable, postgres_url)}
        with running(tmp_path, **_HURRY, **far) as one, trade.going_on():
            wait_for_role(one, "ready")
            with running(tmp_path, **_HURRY) as two:
                wait_for_role(two, "standby")
                trade.wait_for_orders(10)

                cable.cut()
                two.wait_for("lead.taken")
                trade.wait_for_orders(5)
                cable.mend()
                wait_for_role(one, "standby")
                wait_for_role(two, "ready")

                two.process.send_signal(signal.SIGSTOP)
                one.wait_for("lead.taken", times=2)
                wait_for_role(one, "ready")
                trade.wait_for_orders(5)
                two.process.send_signal(signal.SIGCONT)
                wait_for_role(two, "standby")

                one.process.kill()
                two.wait_for("lead.taken", times=2)
                wait_for_role(two, "ready")
                trade.wait_for_orders(5)
                trade.stop()
                trade.wait_for_balance()
                code = two.end(signal.SIGTERM)

    assert code == 0
    assert [*one.told("cycle.failed"), *two.told("cycle.failed"), *one.told("chore.failed"), *two.told("chore.failed")] == []


def test_a_database_that_restarts_stops_nobody_for_long(tmp_path, market):
    """Every connection and lock is gone in mid-flight; one daemon leads again by itself, the other stands by."""
    programs = server_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL's server programs")
    trade = Trade(market, tmp_path)

    with running_server(programs) as server, server.fresh_database() as url:
        write_config(tmp_path, market.url, database=url)
        with running(tmp_path, "migrate") as migrating:
            assert migrating.end() == 0, migrating.text
        with running(tmp_path, **_HURRY) as one, trade.going_on():
            wait_for_role(one, "ready")
            with running(tmp_path, **_HURRY) as two:
                wait_for_role(two, "standby")
                trade.wait_for_orders(10)
                server.restart()
                trade.wait_for_orders(10)
                wait_until_sync(lambda: sorted(map(role, (one, two))) == ["ready", "standby"], timeout=60, what="one leader")
                trade.stop()
                trade.wait_for_balance()
                codes = one.end(signal.SIGTERM), two.end(signal.SIGTERM)

    assert codes == (0, 0)
    assert [*one.told("cycle.failed"), *two.told("cycle.failed"), *one.told("chore.failed"), *two.told("chore.failed")] == []
