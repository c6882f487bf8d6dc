import pytest

from daemon.sandbox import Faults, Switches
from daemon.sandbox.faults import BadFault
from daemon.sandbox.switches import UnknownSwitch


def kinds(faults, route, requests):
    return [fault.kind if (fault := faults.take(route)) else "" for _ in range(requests)]


def test_a_fault_strikes_its_times_and_route():
    """A rule spares other routes, passes `after` requests, strikes `times` and is gone."""
    faults = Faults()
    faults.add("500", "seen", times=2, after=1)
    assert kinds(faults, "list", 2) == ["", ""]
    assert kinds(faults, "seen", 5) == ["", "500", "500", "", ""]
    assert faults.rules == []


def test_faults_queue_up():
    """Rules for the same route strike one after the other."""
    faults = Faults()
    faults.add(429, "list")
    faults.add("reset", "*")
    assert kinds(faults, "list", 3) == ["429", "reset", ""]


def test_a_rate_strikes_by_the_seed():
    """A share of the requests is struck, the same ones for the same seed."""

    def struck(seed):
        faults = Faults(seed)
        faults.add("500", times=None, rate=0.3)
        return kinds(faults, "list", 1000)

    assert 250 < struck(7).count("500") < 350
    assert struck(7) == struck(7)
    assert struck(7) != struck(8)


def test_an_outage_comes_first_and_lasts():
    """An outage strikes before every other rule, until it is cleared."""
    faults = Faults()
    faults.add("500")
    outage = faults.outage("503")
    assert kinds(faults, "login", 3) == ["503"] * 3
    faults.clear(outage)
    assert kinds(faults, "login", 2) == ["500", ""]


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"kind": "200"}, "neither a status from 400 on"),
        ({"kind": "flood"}, "one of 429, reset"),
        ({"kind": "reset", "route": "logout"}, "route: 'logout'"),
        ({"kind": "reset", "rate": 2}, "no share"),
        ({"kind": "reset", "tims": 2}, "a fault has kind, route"),
    ],
)
def test_a_bad_fault_says_what_is_wrong(told, complaint):
    """A fault that does not exist names what there is."""
    with pytest.raises(BadFault, match=complaint):
        Faults().add(**told)


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"date_filter": "moon"}, "created, updated, accepted, delivery"),
        ({"colour": "red"}, "no switch 'colour'"),
        ({"status_required": "yes"}, "wrong type"),
        ({"max_orders": "ten"}, "wrong type"),
        ({"external_refuses": ["5001"]}, "wrong type"),
    ],
)
def test_a_bad_switch_says_what_is_wrong(told, complaint):
    """A switch put where it cannot be names itself."""
    with pytest.raises(UnknownSwitch, match=complaint):
        Switches().changed(**told)
