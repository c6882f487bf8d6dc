import pytest

from daemon.domain.content import difference
from daemon.domain.ledger import Kind
from daemon.domain.order import Line, Order, Status
from daemon.errors import Ambiguous, Conflict, ErpUnavailable, OrderRejected
from daemon.ports import Effect
from daemon.testing import FakeErp, FakeErpSettings, StillUnderWay

ORDER = Order(id="5001", status=Status.ACCEPTED, lines=(Line(id="1", sku="TOM"), Line(id="2", sku="LEM")))


def raising(error, at):
    def hook(what):
        if what.startswith(at):
            raise error

    return hook


async def test_a_second_create_doubles():
    """An ERP that refuses nothing makes two records for one key, and `find` says so."""
    erp = FakeErp()
    await erp.create(ORDER, "c1")
    await erp.create(ORDER, "c1")

    assert len(erp.live("5001")) == 2
    with pytest.raises(Ambiguous, match="c1"):
        await erp.find("c1")


async def test_a_second_key_is_refused():
    """An ERP that refuses a second key answers with the first record, cancelled or not."""
    erp = FakeErp(FakeErpSettings(refuses_second_key=True))
    first = await erp.create(ORDER, "c1")
    await erp.cancel(first.id, ORDER, "x1")
    again = await erp.create(ORDER, "c1")

    assert (again.id, again.live) == (first.id, False)


async def test_fails_before_and_after_the_effect():
    """What a hook raises before a call kept the effect from happening; after it, only the answer is lost."""
    erp = FakeErp()
    erp.on_call = raising(ErpUnavailable(), "before create")
    with pytest.raises(ErpUnavailable):
        await erp.create(ORDER, "c1")
    assert erp.effects == []

    erp.on_call = raising(TimeoutError(), "after create")
    with pytest.raises(TimeoutError):
        await erp.create(ORDER, "c1")
    assert erp.effects == ["create c1"]


async def test_a_call_lands_late():
    """A call that timed out while under way happens when the test lets it land."""
    erp = FakeErp()
    erp.on_call = raising(StillUnderWay(), "before create")
    with pytest.raises(TimeoutError):
        await erp.create(ORDER, "c1")
    assert erp.live("5001") == []

    erp.land()
    assert [record.key for record in erp.live("5001")] == ["c1"]


async def test_names_all_missing_products():
    """A rejected order names every unknown product, and nothing was written."""
    erp = FakeErp()
    erp.products = set()
    with pytest.raises(OrderRejected) as refused:
        await erp.create(ORDER, "c1")

    assert refused.value.missing == ("product:LEM", "product:TOM")
    assert erp.records == {}


async def test_what_find_and_read_answer():
    """Every key is found only where the settings say so, and a cancel that deletes leaves nothing."""
    erp = FakeErp(FakeErpSettings(find="every", cancel_deletes=True))
    record = await erp.create(ORDER, "c1")
    await erp.update(record.id, difference(None, ORDER), "u1")
    found = await erp.find("u1")
    assert found is not None
    assert found.id == record.id

    cancelled = await erp.cancel(record.id, ORDER, "x1")
    assert not cancelled.live
    assert await erp.read(record.id) is None
    assert await erp.find("c1") is None
    assert (await erp.cancel(record.id, ORDER, "x2")).live is False


async def test_shipped_is_a_conflict():
    """What left the house, and what a clerk cancelled, is not changed."""
    erp = FakeErp()
    shipped, cancelled = await erp.create(ORDER, "c1"), erp.clerk_types(ORDER)
    erp.clerk_ships(shipped.id)
    erp.clerk_cancels(cancelled.id)
    for record in (shipped.id, cancelled.id):
        with pytest.raises(Conflict):
            await erp.update(record, difference(None, ORDER), "u1")
    with pytest.raises(Conflict):
        await erp.cancel(shipped.id, ORDER, "x1")


async def test_a_group_breaks_off():
    """A group yields verdicts one by one; what is no verdict ends it, and the rest is a doubt."""
    erp = FakeErp(FakeErpSettings(group_size=10))
    group = [Effect(kind=Kind.CREATE, key=key, order=ORDER) for key in ("c1", "c2", "c3")]
    erp.on_call = raising(ErpUnavailable(), "before create c1")
    assert [type(said).__name__ async for _, said in erp.apply(group)] == ["ErpUnavailable", "Record", "Record"]

    erp.on_call = raising(TimeoutError(), "after create c2")
    told = []

    async def read_all():
        async for key, _ in erp.apply(group):
            told.append(key)

    with pytest.raises(TimeoutError):
        await read_all()
    assert told == ["c1"]
