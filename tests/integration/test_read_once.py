"""What was read a moment ago is not read again: neither by the first sweep, nor before it is sent."""

from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from daemon.sync import batch, intents
from daemon.sync.way import MOST_CONTENTS, Contents, Rules
from daemon.testing import FakeClock, FakeErpSettings
from tests.support.world import World, world
from tests.unit.domain.orders import order


@asynccontextmanager
async def behind(database_url):
    """A world before its very first cycle, which has days to catch up with."""
    made = World(database_url, rules=Rules(start_from=FakeClock().now() - timedelta(days=4)))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
def digested(monkeypatch):
    """The ids of the orders that were digested."""
    ids, real = [], batch.digest
    monkeypatch.setattr(batch, "digest", lambda each: ids.append(each.id) or real(each))
    return ids


async def test_the_first_sweep_does_not_read_again_what_the_window_has_just_read(database_url, digested):
    """Two days behind, the window and the first sweep list the same slices; each order is read once, and none is missing."""
    async with behind(database_url) as w:
        ids = [w.market.place() for _ in range(5)]
        w.clock.advance(2 * 86_400)
        report = await w.cycle()

        assert sorted(digested) == sorted(ids)
        assert report.tally.balances
        assert report.tally.missing == 0
        await w.assert_promise(*ids)


async def test_what_was_edited_between_window_and_sweep_is_read_again(database_url, digested):
    """The sweep hears another answer than the window did, and takes it."""
    async with behind(database_url) as w:
        placed = w.market.place()
        w.clock.advance(2 * 86_400)
        edits = iter([lambda: w.market.edit(placed, more_info="ring twice")])
        w.use_hooks(market=lambda what: next(edits, dict)() if what == "before edited" else None)
        await w.cycle()
        w.use_hooks()
        await w.cycle()

        assert len(digested) > 1
        assert w.content_in_erp(placed).more_info == "ring twice"


async def test_the_next_groups_contents_are_read_ahead(database_url, monkeypatch):
    """While the ERP works on a full group, the contents of the next one are read; all arrive, each as it is."""
    monkeypatch.setattr("daemon.sync.effects._LOOK_AHEAD_FROM", 2)
    monkeypatch.setattr("daemon.sync.way.MOST_CONTENTS", 2)
    ahead, real = [], intents.look_ahead

    async def look_ahead(way, limit):
        await real(way, limit)
        ahead.append(len(way.memory.contents._kept))

    monkeypatch.setattr("daemon.sync.effects.look_ahead", look_ahead)
    async with world(database_url, erp=FakeErpSettings(group_size=2)) as w:
        ids = [w.market.place() for _ in range(7)]
        await w.cycle()
        await w.cycle()

        assert ahead[:2] == [2, 2]
        await w.assert_promise(*ids)


def test_few_contents_are_remembered():
    """Those that are due first, each until it is needed, so that memory follows what is at work."""
    contents = Contents()
    for number in range(MOST_CONTENTS + 3):
        contents.keep(("1", number), order(), "d")
    assert contents.lacking([("1", 0), ("1", MOST_CONTENTS)]) == [("1", MOST_CONTENTS)]
    assert contents.take([("1", 0), ("1", MOST_CONTENTS)]) == {("1", 0): (order(), "d")}
    assert contents.take([("1", 0)]) == {}
    contents.forget()
    assert contents.take([("1", 1)]) == {}
