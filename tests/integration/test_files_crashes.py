"""The `files` adapter dies before every step, wakes up late, and meets an ERP that never waits: always exactly once."""

import itertools
import json
import random
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from daemon.domain.ledger import Kind
from daemon.domain.order import Order, Status
from daemon.erp.files import folder
from daemon.erp.files.folder import Folder
from daemon.erp.files.outbox import Outbox
from daemon.erp.files.settings import FilesSettings
from daemon.ports import Effect, Record
from tests.support.steps import Steps
from tests.support.waiting import wait_until_sync


class Erp:
    """Takes documents out of the inbox, whenever it likes."""

    def __init__(self, root):
        self.inbox = root / "inbox"
        self.imported = []

    def pick_up(self):
        for path in sorted(self.inbox.iterdir()):
            self.imported.append(json.loads(path.read_bytes())["key"])
            path.unlink()


@pytest.fixture
def steps(monkeypatch):
    return Steps(monkeypatch)


def outbox(root):
    started = Outbox(FilesSettings(folder=root), workspace="123")
    started.make_ready()
    return started


def effect(kind, key, record=None):
    return Effect(kind=kind, key=key, order=Order(id=key, status=Status.ACCEPTED), record=record)


def group(kind, size):
    return [effect(kind, f"k{n}", None if kind is Kind.CREATE else f"c{n}") for n in range(size)]


def finish(root, effects):
    """What the core does with doubts: ask, and do what was not found."""
    again = outbox(root)
    found = again.find([one.key for one in effects])
    told = again.apply([one for one in effects if one.key not in found])
    assert all(isinstance(answer, Record) for answer in (found | told).values())


def folders(tmp_path):
    """One new folder after the other."""
    for number in itertools.count():
        yield tmp_path / f"erp{number}"


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.CANCEL])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("picks_up_early", [False, True])
def test_a15_a_crash_before_every_step(tmp_path, steps, kind, size, picks_up_early):
    """Whichever step the process dies before, and whenever the ERP comes, each document is imported once."""
    effects = group(kind, size)
    for number, root in enumerate(folders(tmp_path), start=1):
        first, erp = outbox(root), Erp(root)
        crashed = steps.dies(number, first.apply, effects)
        if picks_up_early:
            erp.pick_up()
        finish(root, effects)
        erp.pick_up()
        assert sorted(erp.imported) == [one.key for one in effects], f"died before step {number}"
        if not crashed:
            break
    assert number > 3 * size + 5


def test_a_second_crash_before_every_step_of_the_recovery(tmp_path, steps):
    """Recovering may be cut short anywhere, too."""
    effects = group(Kind.CANCEL, 1)
    roots = folders(tmp_path)
    for number in itertools.count(1):
        for again in itertools.count(1):
            root = next(roots)
            first, erp = outbox(root), Erp(root)
            crashed = steps.dies(number, first.apply, effects)
            erp.pick_up()
            crashed_again = steps.dies(again, finish, root, effects)
            erp.pick_up()
            finish(root, effects)
            erp.pick_up()
            assert erp.imported == ["k0"], f"died before step {number}, and again before step {again}"
            if not crashed_again:
                break
        if not crashed:
            return


@pytest.mark.parametrize("kind", [Kind.CREATE, Kind.CANCEL])
@pytest.mark.parametrize("size", [1, 3])
def test_a_thread_that_wakes_up_late(tmp_path, steps, kind, size):
    """An abandoned attempt, asleep before any step while another asks, does the work and the ERP imports it, doubles nothing."""
    effects = group(kind, size)
    for number, root in enumerate(folders(tmp_path), start=1):
        sleeper, erp = Sleeper(steps, number, outbox(root), effects), Erp(root)
        was_asleep = sleeper.falls_asleep()
        finish(root, effects)
        erp.pick_up()
        sleeper.wakes_up()
        erp.pick_up()

        assert sorted(erp.imported) == [one.key for one in effects], f"asleep before step {number}"
        assert all(isinstance(answer, Record) for answer in sleeper.told.values())
        if not was_asleep:
            break
    assert number > 3 * size + 5


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
def test_a_thread_that_wakes_up_after_a_day(tmp_path, steps, monkeypatch, dies_at):
    """What was abandoned for a day is cleared away, be it in part; its attempt then wrote nothing, or is done."""
    effects = group(Kind.CREATE, 1)
    monkeypatch.setattr(folder, "ABANDONED_AFTER_S", -1.0)
    for number, root in enumerate(folders(tmp_path), start=1):
        sleeper, erp = Sleeper(steps, number, outbox(root), effects), Erp(root)
        was_asleep = sleeper.falls_asleep()
        steps.watched = threading.current_thread()
        steps.dies(dies_at, Folder(root, inbox="inbox", mode=0o640).recover)
        erp.pick_up()
        sleeper.wakes_up()
        finish(root, effects)
        erp.pick_up()

        assert erp.imported == ["k0"], f"asleep before step {number}"
        if not was_asleep:
            break
    outbox(root)
    assert list(root.glob(".staging/*")) == []


class Sleeper:
    """A thread that does a group, and falls asleep before one of its steps."""

    def __init__(self, steps, number, box, effects):
        self.told = {}
        self._asleep, self._awake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: self.told.update(box.apply(effects)))
        steps.watched, steps.count, steps.at = self._thread, 0, lambda step: self._sleep() if step == number else None

    def _sleep(self):
        self._asleep.set()
        assert self._awake.wait(30)

    def falls_asleep(self):
        """Whether it did, or else came to its end."""
        self._thread.start()
        wait_until_sync(lambda: self._asleep.is_set() or not self._thread.is_alive(), what="the thread to sleep or end")
        return self._asleep.is_set()

    def wakes_up(self):
        self._awake.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_an_erp_that_never_waits(tmp_path, steps):
    """With crashes at random, and an ERP that takes documents at any moment, each order is imported once."""
    dice = random.Random(20261123)
    outbox(tmp_path)
    erp, over = Erp(tmp_path), threading.Event()
    thread = threading.Thread(target=lambda: _keep_picking_up(erp, over))
    thread.start()
    try:
        todo = [effect(Kind.CREATE, f"c123-{n}") for n in range(300)]
        for start in range(0, len(todo), 20):
            while steps.dies(dice.randrange(1, 300), finish, tmp_path, todo[start : start + 20]):
                pass
    finally:
        over.set()
        thread.join()
    erp.pick_up()

    assert sorted(erp.imported) == sorted(one.key for one in todo)


def _keep_picking_up(erp, over):
    while not over.is_set():
        erp.pick_up()


WRITER = """
import sys, itertools
from pathlib import Path
from daemon.erp.files.outbox import Outbox
from daemon.erp.files.settings import FilesSettings
from daemon.domain.ledger import Kind
from daemon.domain.order import Order, Status
from daemon.ports import Effect

box = Outbox(FilesSettings(folder=Path(sys.argv[1])), workspace="123")
keys = [f"c123-{n}" for n in range(int(sys.argv[2]))]
for start in range(0, len(keys), 25):
    todo = [key for key in keys[start : start + 25] if key not in box.find([key])]
    box.apply([Effect(kind=Kind.CREATE, key=key, order=Order(id=key, status=Status.ACCEPTED)) for key in todo])
print("finished")
"""


def test_a_process_that_is_killed(tmp_path):
    """Real processes are killed again and again while the ERP imports: each order arrives once, and whole."""
    root, count = tmp_path / "erp", 1000
    outbox(root)
    erp, dice, finished = Erp(root), random.Random(7), False
    for _attempt in range(200):
        command = [sys.executable, "-c", WRITER, root, str(count)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        goal = len(erp.imported) + dice.randrange(1, 300)
        wait_until_sync(partial(_imports, erp, writer, goal), timeout=60, what="documents to import")
        writer.send_signal(signal.SIGKILL)
        finished = b"finished" in writer.communicate()[0]
        if finished:
            break
    erp.pick_up()

    assert finished
    assert sorted(erp.imported) == sorted(f"c123-{n}" for n in range(count))


def _imports(erp, writer, goal):
    erp.pick_up()
    return len(erp.imported) >= goal or writer.poll() is not None
