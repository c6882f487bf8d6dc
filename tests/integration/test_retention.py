"""What is forgotten, what never is (law 9), and what it costs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text

from daemon.domain.ledger import Attempt, Kind, Outcome, Stream
from daemon.domain.order import Status
from daemon.domain.state import Situation
from daemon.errors import MarketplaceUnavailable
from daemon.store import tables
from daemon.sync import prune
from daemon.sync.restore import declare_restored
from daemon.testing import FakeErpSettings
from tests.support.bulk import multiply
from tests.support.stores import NOW, a_revision, a_row, an_order, led_store
from tests.support.world import World, world

DAY = 86_400.0
#: Fifty orders a day, for five hundred days.
A_DAY = 50
A_LONG_TIME = 500 * A_DAY
APART = timedelta(days=1) / A_DAY
PAYLOAD = b"x" * 2_000


async def pass_days(w: World, days: float) -> None:
    """A silence, then enough cycles for whatever is due."""
    await w.cycle(after=days * DAY)
    await w.cycle(3)


async def payloads(w: World, order_id: str) -> list[bool]:
    """Of each revision, whether its payload is still kept."""
    latest = (await w.state(order_id)).latest
    async with w.way.store.transaction() as tx:
        kept = await tx.revisions((order_id, number) for number in range(1, latest + 1))
    return [revision.raw is not None for _, revision in sorted(kept.items())]


async def rows(store: Any, *columns: Any) -> list[tuple[Any, ...]]:
    """These columns of a whole table."""
    async with store._engine.reading() as connection:
        return [tuple(row) for row in await connection.execute(select(*columns))]


def edit(w: World, order_id: str) -> None:
    w.market.edit(order_id, lines=(replace(w.market.order(order_id).lines[0], amount=Decimal(12)),))


def cancel(w: World, order_id: str) -> None:
    w.market.cancel(order_id)


@pytest.mark.parametrize("change", [edit, cancel])
@pytest.mark.parametrize("find", ["creates", "nothing"])
async def test_an_order_edited_after_its_payload_was_pruned_is_not_doubled(
    database_url: str, monkeypatch: pytest.MonkeyPatch, change: Callable[[World, str], None], find: Any
) -> None:
    """An edit is an update of the same record, whose content before is unknown; a cancel cancels it; nothing is created again."""
    async with world(database_url, erp=FakeErpSettings(find=find)) as w:
        order_id = w.market.place()
        await w.cycle(2)
        await pass_days(w, 91)
        assert await payloads(w, order_id) == [False]
        w.way.memory.contents.forget()  # a process that ran all the while would know it still
        befores, update = [], w.erp.update

        async def watched(record: str, change: Any, key: str) -> Any:
            befores.append(change.before)
            return await update(record, change, key)

        monkeypatch.setattr(w.erp, "update", watched)
        change(w, order_id)
        await w.cycle(2)

        await w.assert_promise(order_id)
        assert [effect.split()[0] for effect in w.erp.effects] == ["create", "update" if change is edit else "cancel"]
        assert befores == [None] * (change is edit)


async def test_an_order_accepted_again_after_its_payload_was_pruned(database_url: str) -> None:
    """Its next incarnation is created, once; what is known of the first stays for good."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        w.market.cancel(order_id)
        await w.cycle(2)
        await pass_days(w, 500)
        w.market.edit(order_id, status=Status.ACCEPTED)
        await w.cycle(2)

        await w.assert_promise(order_id)
        assert [record.key for record in w.erp.records.values()] == [f"c123-{order_id}", f"c123-{order_id}-2"]
        assert not w.events("database.restored")


async def test_a_pruned_order_read_again_is_unchanged(database_url: str) -> None:
    """The digest stays: a sweep that lists the order says nothing new."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle(2)
        await pass_days(w, 91)
        w.market.edit(order_id)  # a new `updated_at`, and nothing else
        report = await w.cycle()

        assert report.tally.unchanged
        assert not report.tally.changed
        assert (await w.state(order_id)).latest == 1


async def test_the_payloads_of_an_unfinished_order_stay(database_url: str) -> None:
    """What was replaced is forgotten; what is still to be delivered is delivered whole, however late."""
    async with world(database_url) as w:
        w.erp.products = set()
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id)
        await w.cycle()
        await pass_days(w, 500)
        assert (await w.state(order_id)).situation is Situation.PARKED
        assert await payloads(w, order_id) == [False, True]

        w.erp.products = None
        await w.cycle(2, after=3600)
        await w.assert_promise(order_id)


async def test_creates_stay_for_good(database_url: str) -> None:
    """After years the ledger still knows every create and nothing else; the story before is forgotten, the last one is not."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle()
        edit(w, order_id)
        await w.cycle(2)
        await pass_days(w, 399)
        store = w.way.store._store  # type: ignore[attr-defined]  # past the doors
        assert {kind for (kind,) in await rows(store, tables.ledger.c.kind)} >= {Kind.CREATE, Kind.UPDATE, Kind.SEEN}

        await pass_days(w, 2)
        assert await rows(store, tables.ledger.c.kind) == [(Kind.CREATE,)]
        assert await rows(store, tables.attempts.c.number) == []
        assert len(await rows(store, tables.revisions.c.digest)) == 2


async def test_forgetting_delays_no_delivery(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bounded batch a cycle, after all else, until nothing is left; then not before the next day."""
    monkeypatch.setattr(prune, "_BATCH", 2)
    async with world(database_url) as w:
        for _ in range(5):
            w.market.place()
        await w.cycle(2)
        w.clock.advance(91 * DAY)

        counts = []
        for _ in range(4):
            order_id = w.market.place()
            counts.append((await w.cycle()).tally.pruned)
            await w.assert_promise(order_id)
        assert counts == [2, 2, 1, 0]
        assert (await w.way.store.glance(w.clock.now())).cursors[Stream.PRUNED] == w.clock.now() - timedelta(seconds=60)


async def test_nothing_is_forgotten_before_consentio_said_what_time_it_is(database_url: str) -> None:
    """A machine whose clock is wrong by years forgets nothing on its own."""
    async with world(database_url) as w:
        order_id = w.market.place()
        await w.cycle(2)
        w.market._answered = False
        w.use_hooks(market=_be_away)
        await pass_days(w, 1000)

        assert await payloads(w, order_id) == [True]


def _be_away(_what: str) -> None:
    raise MarketplaceUnavailable("away")


async def test_a_restored_copy_parks_no_order_whose_payload_was_pruned(database_url: str) -> None:
    """What has been at rest for long is left at rest, since nothing could be sent for it; what is younger is verified."""
    async with world(database_url) as w:
        old = w.market.place()
        await w.cycle(2)
        await pass_days(w, 91)
        young = w.market.place()
        await w.cycle(2)

        assert await declare_restored(w.way, "a test") == 1
        await w.live_on(1)

        await w.assert_promise(old, young)
        edit(w, old)
        await w.cycle(2)
        await w.assert_promise(old)


@pytest.fixture
async def old_store(tmp_path):
    """Five hundred days of settled orders, each with a payload, a create and an attempt, in a SQLite file."""
    async with led_store(f"sqlite:///{tmp_path}/sync.db") as store:
        await live_through(store, A_LONG_TIME)
        yield store


async def live_through(store, many, *, model="model"):
    """So many orders more."""
    order = an_order(model, situation=Situation.SETTLED, latest=1, wanted=1, erp_revision=1, slice_from=NOW, slice_to=NOW)
    done = {"started_at": NOW, "finished_at": NOW, "outcome": Outcome.DONE}
    async with store.transaction() as tx:
        await tx.save_orders([order])
        await tx.add_revisions([a_revision(model, raw=PAYLOAD)])
        await tx.save_rows([a_row(model, model, **done)])
        await tx.add_attempts([Attempt(key=model, order_id=model, **done)])
    copies = {"model": model, "many": many, "apart": APART}
    spans = ("started_at", "finished_at")
    await multiply(store, tables.orders, names=("id",), moments=("slice_from", "slice_to"), **copies)
    await multiply(store, tables.revisions, names=("order_id",), moments=("recorded_at",), **copies)
    await multiply(store, tables.ledger, names=("order_id", "key"), moments=spans, **copies)
    await multiply(store, tables.attempts, names=("order_id", "key"), moments=spans, **copies)


async def forget(store, limit=1_000):
    """As the cycles of a day do; returns how much each batch forgot."""
    before = {"payloads_before": NOW - timedelta(days=90), "history_before": NOW - timedelta(days=400)}
    counts = [limit]
    while counts[-1] == limit:
        async with store.transaction() as tx:
            counts.append(await tx.prune(**before, limit=limit))
    return counts[1:]


async def pragma(store, name):
    async with store._engine.reading() as connection:
        return (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()


async def test_years_of_orders_stay_small(old_store):
    """Fifty orders a day for five hundred days: what is forgotten is forgotten in batches that a cycle hardly feels, about a
    kilobyte stays of each order, and the room is used again: the file is as large as its busiest quarter, and no larger.
    """
    counts = await forget(old_store)

    assert set(counts[:-1]) == {1_000}
    assert sum(counts) == (500 - 90 + 500 - 400) * A_DAY
    young = 90 * A_DAY + 1
    assert await rows(old_store, func.count(tables.revisions.c.raw), func.count()) == [(young, A_LONG_TIME + 1)]
    size = await pragma(old_store, "page_count")
    used = (size - await pragma(old_store, "freelist_count")) * await pragma(old_store, "page_size")
    assert used < young * 2 * len(PAYLOAD) + A_LONG_TIME * 1_500

    await live_through(old_store, 90 * A_DAY, model="newer")
    assert await pragma(old_store, "page_count") == size
