"""Taking replies dies before every step, is lost after it, and is restored from older copies: the core hears each reply once."""

import json
import os
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.domain.ledger import Kind
from daemon.domain.order import Order, Status
from daemon.erp.files.outbox import Outbox
from daemon.erp.files.settings import FilesSettings
from daemon.ports import Effect
from tests.support.steps import Steps

KEYS = [f"c{n}" for n in range(3)]


@pytest.fixture
def steps(monkeypatch):
    return Steps(monkeypatch)


class World:
    """A folder with three documents, the ERP that answers them, and a core that records news and cursor in one commit."""

    def __init__(self, root, steps):
        root.mkdir(exist_ok=True)
        self.root, self.steps = root, steps
        self.left, self.bad = [], 0
        self.recorded, self.cursor = [], None
        self.copy = (self.recorded, self.cursor)
        self._numbers = count(1)
        self.start()
        self.outbox.apply([_create(key) for key in KEYS])

    def start(self):
        self.outbox = Outbox(FilesSettings(folder=self.root), workspace="123")
        self.outbox.make_ready()

    def leave(self, kind):
        """The ERP leaves a good reply, a bad one, or both in one file."""
        number = next(self._numbers)
        good = {"record": KEYS[number % 3], "status": f"s{number}"}
        says = {"good": good, "bad": {"record": "c9", "status": "x"}, "both": [{"colour": "red"}, good]}[kind]
        path = self.root / "replies" / f"{number % 2}-{number}.json"
        path.write_text(json.dumps(says))
        os.utime(path, (number, number))
        self.left += [] if kind == "bad" else [(good["record"], good["status"])]
        self.bad += kind != "good"

    def listen(self):
        """The core asks, and records what it hears."""
        reports = self.outbox.reports(self.cursor)
        self.recorded = [*self.recorded, *((one.record, one.status) for one in reports.news)]
        self.cursor = reports.cursor

    def listen_in_vain(self):
        """The core asks, and dies before it has recorded anything."""
        self.outbox.reports(self.cursor)
        self.start()

    def die_listening(self, number):
        """The process dies before so many steps. Returns whether it came so far."""
        died = self.steps.dies(number, self.outbox.reports, self.cursor)
        self.start()
        return died

    def back_up(self):
        self.copy = (self.recorded, self.cursor)

    def restore(self):
        """The database is an older copy from now on."""
        self.recorded, self.cursor = self.copy
        self.start()

    def check(self):
        """All was heard once, in its order; the newest words stand; what is bad lies apart, once, with its message."""
        self.listen()
        self.listen()
        assert self.recorded == self.left
        for key in KEYS:
            said = [status for record, status in self.left if record == key]
            assert self.outbox.find([key])[key].status == (said[-1] if said else None)
        aside = sorted(path.name for path in (self.root / "replies-bad").iterdir())
        assert len(aside) == 2 * self.bad
        assert sum(name.endswith(".txt") for name in aside) == self.bad
        assert list((self.root / "replies").iterdir()) == []
        assert not list((self.root / ".receipts").rglob("*.heard"))


def _create(key):
    return Effect(kind=Kind.CREATE, key=key, order=Order(id=key, status=Status.ACCEPTED))


@pytest.mark.parametrize("kinds", [["good"], ["bad"], ["both"], ["good", "both", "bad", "good"]], ids="-".join)
def test_a_crash_before_every_step_of_taking(tmp_path, steps, kinds):
    """Whichever step the process dies before, each reply is heard once, and each bad one set aside once."""
    for number in count(1):
        world = World(tmp_path / f"erp{number}", steps)
        for kind in kinds:
            world.leave(kind)
        died = world.die_listening(number)
        world.leave("good")
        world.check()
        if not died:
            break
    assert number > 3 + len(kinds)


def test_a_second_crash_before_every_step(tmp_path, steps):
    """The next attempt may die anywhere, too."""
    roots = (tmp_path / f"erp{number}" for number in count())
    for first in count(1):
        for second in count(1):
            world = World(next(roots), steps)
            world.leave("both")
            died = world.die_listening(first)
            died_again = world.die_listening(second)
            world.check()
            if not died_again:
                break
        if not died:
            return


ACTIONS = (
    st.sampled_from(["good", "bad", "both"]).map(lambda kind: ("leave", kind))
    | st.integers(1, 25).map(lambda number: ("die_listening", number))
    | st.sampled_from([("listen",), ("listen_in_vain",), ("back_up",), ("restore",)])
)


@pytest.fixture
def folders(tmp_path):
    return (tmp_path / f"any{number}" for number in count())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, max_size=25))
def test_any_schedule(folders, steps, actions):
    """Replies, crashes, lost answers, back-ups and restores in any order: in the end the core has recorded each reply once."""
    world = World(next(folders), steps)
    for name, *arguments in actions:
        getattr(world, name)(*arguments)
    world.check()
