"""Readiness by direction, from what cycles report."""

from datetime import UTC, datetime, timedelta

from daemon.domain.pause import Direction, Pause
from daemon.domain.tally import Tally
from daemon.errors import ErpUnavailable, MarketplaceUnavailable, StoreUnavailable
from daemon.service.pulse import Pulse
from daemon.sync.cycle import Report


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def pulse() -> tuple[Pulse, Clock]:
    clock = Clock()
    return Pulse("123", timedelta(seconds=60), clock), clock


def test_nothing_is_ready_before_the_first_cycle():
    """A daemon that has not yet collected says so for each direction."""
    waiting, _ = pulse()

    assert waiting.not_ready() == dict.fromkeys(("collect", "deliver"), "the first cycle is not done yet")


def test_a_good_cycle_makes_it_ready_for_three_intervals():
    """Readiness outlives a late cycle or two, and no more."""
    beating, clock = pulse()

    beating.turned(Report())
    assert beating.not_ready() == {}
    clock.now += 180
    assert beating.not_ready() == {}
    clock.now += 1
    assert beating.not_ready()["collect"] == "last went well 181 s ago: the cycle takes long"


def test_each_direction_stands_for_itself():
    """With the ERP away, collecting stays ready, and the reason is the ERP's."""
    beating, clock = pulse()
    beating.turned(Report())
    clock.now += 170
    beating.turned(Report(troubles={Direction.DELIVER: ErpUnavailable("connection refused")}))
    clock.now += 30

    assert beating.not_ready() == {"deliver": "last went well 200 s ago: connection refused"}


def test_a_direction_that_rests_is_not_ready_and_says_who_wants_it_so():
    """At once, whichever it is, lest somebody forgets it; ready again in the cycle after `resume`."""
    beating, _ = pulse()
    beating.turned(Report())
    pause = Pause(
        direction=Direction.ACKNOWLEDGE, who="ana", since=datetime(2026, 11, 2, 12, tzinfo=UTC), reason="their API is moving"
    )
    beating.turned(Report(paused={Direction.ACKNOWLEDGE: pause}))

    assert beating.not_ready() == {"acknowledge": "paused by ana since 2026-11-02 12:00 UTC: their API is moving"}
    beating.turned(Report())
    assert beating.not_ready() == {}


def test_what_is_told_late_is_no_reason():
    """An acknowledgement that waits stops no truck."""
    beating, _ = pulse()

    beating.turned(Report(troubles={Direction.ACKNOWLEDGE: MarketplaceUnavailable("503")}))

    assert beating.not_ready() == {}


def test_a_cycle_that_breaks_off_troubles_every_direction():
    """With the database away nothing goes well, and nothing of a bug but its name is told."""
    beating, clock = pulse()
    beating.turned(Report())
    clock.now += 200

    beating.broke_off(StoreUnavailable("connection lost"))
    assert set(beating.not_ready()) == {"collect", "deliver"}
    beating.broke_off(KeyError("secret"))

    assert beating.not_ready()["collect"].endswith("KeyError, see the log")
    assert (beating.cycles, beating.failures) == (3, 2)


def test_tallies_add_up():
    """What all cycles did together is kept."""
    beating, _ = pulse()

    beating.turned(Report(tally=Tally(created=2)))
    beating.turned(Report(tally=Tally(created=1, told=3)))

    assert beating.tally == Tally(created=3, told=3)
