import pytest

from daemon.domain.ledger import Attempt, Note, Outcome
from daemon.errors import PoisonRow
from tests.support.stores import NOW, a_revision, a_row, an_order, led_store

NUL = "before\x00after"
LONE_SURROGATE = "before\ud800after"
CLEANED = "before\ufffdafter"


@pytest.fixture
async def store(database_url):
    async with led_store(database_url) as store:
        yield store


@pytest.mark.parametrize("text", [NUL, LONE_SURROGATE])
async def test_foreign_text_is_cleaned(store, text):
    """Words that a database refuses are stored without what it refuses (A20)."""
    async with store.transaction() as tx:
        await tx.save_orders([an_order(reason=text, customer=text, erp_record=text)])
        await tx.save_rows([a_row(record=text)])
        await tx.add_notes([Note(at=NOW, who=text, what=text, reason=text)])
        await tx.add_attempts(
            [Attempt(key="k1", order_id="1", started_at=NOW, finished_at=NOW, outcome=Outcome.REJECTED, answer=text)]
        )

    async with store.transaction() as tx:
        order = (await tx.orders(["1"]))["1"]
        assert (order.reason, order.customer, order.erp_record) == (CLEANED, CLEANED, CLEANED)
        assert [row.record for row in await tx.open_rows()] == [CLEANED]


@pytest.mark.parametrize("text", [NUL, LONE_SURROGATE])
async def test_missing_keys_are_kept_whole(store, text):
    """The keys that an ERP misses are looked up again as they were."""
    async with store.transaction() as tx:
        await tx.save_orders([an_order(missing=(text, "product:1"))])

    async with store.transaction() as tx:
        assert (await tx.orders(["1"]))["1"].missing == (text, "product:1")


POISON = {
    "an id with NUL": lambda tx: tx.save_orders([an_order(NUL)]),
    "an id with half a character": lambda tx: tx.save_orders([an_order(LONE_SURROGATE)]),
    "a question for such an id": lambda tx: tx.orders([NUL]),
    "a number over 64 bits": lambda tx: tx.save_orders([an_order(ordinal=2**63)]),
    "a second revision of one number": lambda tx: tx.add_revisions([a_revision(), a_revision()]),
}


@pytest.mark.parametrize("poison", POISON)
async def test_a_poison_row_is_told_apart(store, poison):
    """A refused value is `PoisonRow`, says nothing of other values, and the next transaction is none the worse."""
    with pytest.raises(PoisonRow) as refusal:  # noqa: PT012  # the refusal may come as late as the commit
        async with store.transaction() as tx:
            await tx.save_orders([an_order("sane").evolve(hash_id="secret-hash")])
            await POISON[poison](tx)
    assert "secret-hash" not in str(refusal.value)

    async with store.transaction() as tx:
        assert await tx.orders(["sane"]) == {}
        await tx.save_orders([an_order("sane")])


@pytest.mark.postgres
async def test_an_id_too_long_for_an_index_is_poison(postgres_url):
    """PostgreSQL's limit of an index row is met by one row, and is no outage."""
    import random

    endless = "".join(random.Random(1).choices("0123456789abcdef", k=100_000))
    async with led_store(postgres_url) as store:
        with pytest.raises(PoisonRow):
            async with store.transaction() as tx:
                await tx.save_orders([an_order(endless)])


async def test_huge_texts_and_payloads_are_kept(store):
    """A megabyte of reason and eight of payload come back whole."""
    reason, raw = "ñ" * 2**20, b"\x00" * 2**23
    async with store.transaction() as tx:
        await tx.save_orders([an_order(reason=reason)])
        await tx.add_revisions([a_revision(raw=raw)])

    async with store.transaction() as tx:
        assert (await tx.orders(["1"]))["1"].reason == reason
        assert (await tx.revisions([("1", 1)]))["1", 1].raw == raw


async def test_a_moment_without_a_zone_is_a_bug(store):
    """A naive moment is never guessed to be UTC."""
    with pytest.raises(Exception, match="time zone"):
        async with store.transaction() as tx:
            await tx.save_orders([an_order(due_at=NOW.replace(tzinfo=None))])


async def test_what_is_recalled_is_what_is_stored(store):
    """A text is cleaned before it is remembered, in an order that is new and in one that changed."""
    async with store.transaction() as tx:
        await tx.save_orders([an_order(reason=NUL), an_order("2")])
        (changed,) = (await tx.orders(["2"])).values()
        await tx.save_orders([changed.evolve(reason=NUL, erp_status=LONE_SURROGATE)])
        recalled = await tx.orders(["1", "2"])

    store._recall.forget()
    async with store.transaction() as tx:
        assert await tx.orders(["1", "2"]) == recalled
