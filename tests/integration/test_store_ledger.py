import pytest

from daemon.domain.ledger import ERP_KINDS, Attempt, Kind, Note, Outcome
from daemon.errors import PoisonRow
from daemon.store.questions import open_reader
from tests.support.stores import NOW, a_revision, a_row, an_order, led_store


@pytest.fixture
async def store(database_url):
    async with led_store(database_url) as store:
        yield store


async def test_revisions_come_back_byte_for_byte(store):
    """A payload is bytes, NUL and all; a pruned one is None."""
    revisions = [a_revision("1", 1), a_revision("1", 2, raw=None), a_revision("2", 1, source_updated_at=None)]
    async with store.transaction() as tx:
        await tx.add_revisions(revisions)

    async with store.transaction() as tx:
        found = await tx.revisions([("1", 1), ("1", 2), ("2", 1), ("2", 2)])
    assert found == {(each.order_id, each.number): each for each in revisions}


async def test_a_revision_is_never_changed(store):
    """The same number of the same order again is refused."""
    with pytest.raises(PoisonRow):
        async with store.transaction() as tx:
            await tx.add_revisions([a_revision(), a_revision(digest="other")])


async def test_a_ledger_row_is_finished(store):
    """A row comes back as it was saved; with an outcome it is open no more."""
    row = a_row(record="SO-1")
    done = a_row(record="SO-1", finished_at=NOW, outcome=Outcome.DONE)
    async with store.transaction() as tx:
        await tx.save_rows([row])
    assert (await store.glance(NOW)).open_rows

    async with store.transaction() as tx:
        assert await tx.open_rows() == [row]
        await tx.save_rows([done])
    async with store.transaction() as tx:
        assert await tx.open_rows() == []
        assert await tx.ledger_rows(["k1", "k2"]) == {"k1": done}
    assert not (await store.glance(NOW)).open_rows


@pytest.mark.parametrize("kind", ERP_KINDS)
async def test_one_open_erp_row_per_order(store, kind):
    """The database itself refuses a second open row of an order, of whatever kind."""
    async with store.transaction() as tx:
        await tx.save_rows([a_row("k1", kind=Kind.UPDATE), a_row("k2", "2", kind=kind)])

    with pytest.raises(PoisonRow):
        async with store.transaction() as tx:
            await tx.save_rows([a_row("k3", kind=kind)])


async def test_an_outcome_makes_way_for_the_next_intent(store):
    """In one call the finished row goes first, in whatever order they are given; other kinds need no way."""
    async with store.transaction() as tx:
        await tx.save_rows([a_row("k1"), a_row("r1", kind=Kind.REFERENCE)])
        await tx.save_rows([a_row("k2", kind=Kind.UPDATE), a_row("k1", outcome=Outcome.DONE)])

    async with store.transaction() as tx:
        assert [row.key for row in await tx.open_rows()] == ["k2"]


async def test_a_transaction_is_all_or_nothing(store):
    """What came before an error in the same transaction is gone with it."""
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  # how far it got is the point
        async with store.transaction() as tx:
            await tx.save_rows([a_row()])
            raise ZeroDivisionError

    async with store.transaction() as tx:
        assert await tx.open_rows() == []


async def test_the_story_of_an_order(store, database_url):
    """`explain` is told everything that was kept, the oldest first, and only of this order."""
    attempts = [
        Attempt(key="k1", order_id="1", started_at=NOW, finished_at=NOW, outcome=outcome, answer=f"said {outcome}")
        for outcome in (Outcome.UNAVAILABLE, Outcome.DONE)
    ]
    notes = [Note(at=NOW, who="anna", what="retry", reason="fixed the product", order_id="1")]
    async with store.transaction() as tx:
        await tx.save_orders([an_order("1", erp_record="SO-1"), an_order("2")])
        await tx.add_revisions([a_revision("1", 2), a_revision("1", 1), a_revision("2", 1)])
        await tx.save_rows([a_row("k1", "1"), a_row("k2", "2")])
        await tx.add_attempts(attempts)
        await tx.add_notes([*notes, Note(at=NOW, who="daemon", what="started")])

    async with open_reader(database_url) as reader:
        story = await reader.story("SO-1")

    assert (story.workspace, story.order.id) == ("7", "1")
    assert [revision.number for revision in story.revisions] == [1, 2]
    assert story.ledger == [a_row("k1", "1")]
    assert story.attempts == attempts
    assert story.notes == notes
