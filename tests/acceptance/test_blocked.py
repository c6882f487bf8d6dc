"""An adapter that blocks the whole process, as one that was written without `await` may."""

import signal

from daemon.sandbox.remote import Remote
from tests.support.process import running, write_config
from tests.support.slow_erp import Slow


def test_a_blocked_process_is_reported_and_fails_its_health_check(tmp_path):
    """Within thirty seconds a thread tells where it hangs; the health check fails in time; and afterwards all goes on."""
    erp = Slow(tmp_path)
    erp.install()
    erp.answer()
    erp.block()
    with Remote.started("--pace", "0") as market:
        file = write_config(tmp_path, market.url)
        file.write_text(file.read_text().replace('adapter = "files"', 'adapter = "slow"'))
        order = market.place()
        market.do(order, "accept")

        with running(tmp_path, **erp.environ) as daemon:
            port = str(daemon.wait_for("http.opened")["port"])
            blocked = daemon.wait_for("loop.blocked")
            with running(tmp_path, "healthcheck", CONSENTIO_SYNC__HTTP__PORT=port) as check:
                unwell = check.end(), check.text
            erp.recover()
            daemon.wait_for("loop.freed")
            created = daemon.wait_for("order.created")
            with running(tmp_path, "healthcheck", CONSENTIO_SYNC__HTTP__PORT=port) as check:
                well = check.end()
            code = daemon.end(signal.SIGTERM)

    assert blocked["for_s"] < 30
    assert any("SlowErp.create:" in call for call in blocked["where"])
    assert unwell == (1, f"/healthz does not answer at 127.0.0.1:{port}: timed out\n")
    assert (created["order_id"], well, code) == (str(order), 0, 0)
