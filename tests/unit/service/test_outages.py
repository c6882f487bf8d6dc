"""An outage is told when it begins and when it is over."""

from structlog.testing import capture_logs

from daemon.service.outages import Outage


def test_an_outage_is_told_at_its_two_edges():
    """However many polls fail in between, there are two lines."""
    moments = iter([10.0, 25.0])
    outage = Outage("erp", lambda: next(moments))

    with capture_logs() as told:
        outage.found()
        outage.lost("connection refused", "start it")
        outage.lost("connection refused", "start it")
        outage.found()
        outage.found()

    assert told == [
        {"event": "erp.lost", "reason": "connection refused", "remedy": "start it", "log_level": "warning"},
        {"event": "erp.recovered", "after_s": 15.0, "log_level": "info"},
    ]


def test_an_outage_is_told_again_when_another_remedy_is_called_for():
    """An ERP that is slow at first, and then says what it lacks, has that told, too; the outage is still one."""
    clock = iter([100.0, 103.5])
    outage = Outage("erp", clock=lambda: next(clock))

    with capture_logs() as told:
        for reason, remedy in (("slow", "wait"), ("still slow", "wait"), ("no folder", "make it"), ("no folder", "make it")):
            outage.lost(reason, remedy)
        outage.found()

    assert [line.get("reason", line["event"]) for line in told] == ["slow", "no folder", "erp.recovered"]
