"""The copy that a rehearsal runs over: read as of one moment from either database, and the same decisions come of it."""

from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from daemon.domain.order import Line, Status
from daemon.errors import DatabaseError, ErpUnavailable
from daemon.store.address import parse_address
from daemon.store.copy import copy_for_rehearsal
from daemon.store.database import SqlDatabase
from daemon.store.tables import VERSION_TABLE
from daemon.sync.cycle import run_cycle
from daemon.sync.rehearsal import RehearsedErp, RehearsedMarket, Script
from daemon.sync.way import Way
from daemon.testing import FakeErpSettings
from tests.integration.test_schedules import edit, lose
from tests.support.world import World, world


@asynccontextmanager
async def rehearsed(w: World, folder):
    """A way over a copy of the world's database, and the script that its cycle writes."""
    url = f"sqlite:///{folder}/rehearsal.db"
    await copy_for_rehearsal(w.url, url, ["123"])
    database, script = SqlDatabase(parse_address(url)), Script()
    store = await database.lead(
        "123", api_url="fake://market", adapter="fake", adapter_identity=w.erp.identity, now=w.clock.now()
    )
    market, erp = RehearsedMarket(w.market, script), RehearsedErp(w.erp, script)
    yield Way(market=market, store=store, erp=erp, rules=w.rules, clocks=w.way.clocks, say=script.hear), script
    await database.close()


def _refuse(call: str) -> None:
    if call.startswith("before"):
        raise ErpUnavailable("connection refused")


async def prepared(w: World) -> None:
    """Orders of every kind: new, edited, canceled, rejected, in doubt, met while the ERP was away, canceled before all else."""
    ids = [w.market.place() for _ in range(6)]
    await w.cycle()
    w.use_hooks(erp=lose("after update"))
    edit(w, ids[0], "11")
    await w.cycle(after=1)
    w.use_hooks(erp=_refuse)
    w.market.place()
    await w.cycle(after=1)
    w.use_hooks()
    w.erp.products = {"TOM-RAF"}
    edit(w, ids[1], "12")
    w.market.cancel(ids[2])
    w.market.edit(ids[3], lines=())
    w.market.place(lines=(Line(id="7", sku="UNKNOWN"),))
    w.market.place()
    w.market.edit(w.market.place(), status=Status.CANCELED)


@pytest.mark.parametrize("group_size", [1, 500])
async def test_what_is_rehearsed_is_what_is_done(database_url: str, tmp_path, group_size: int) -> None:
    """The script of a cycle over the copy names the very effects, references, marks and parked orders of the real one."""
    async with world(database_url, erp=FakeErpSettings(group_size=group_size)) as w:
        await prepared(w)
        w.clock.advance(1)
        calls, effects = list(w.market.seen), list(w.erp.effects)
        async with rehearsed(w, tmp_path) as (way, script):
            foretold = await run_cycle(way)
        assert (w.market.seen, w.erp.effects) == (calls, effects)

        told = [w.market.order(order_id).external_id for order_id in map(str, range(5001, 5011))]
        real = await run_cycle(w.way)

        done = [effect.split()[0] for effect in w.erp.effects[len(effects) :]]
        said = [step.what for step in script.steps]
        assert sorted(what for what in said if what in ("create", "update", "cancel")) == sorted(done)
        assert {"create", "update", "cancel"} <= set(done)
        seen = [order_id for order_id, _ in w.market.seen[len(calls) :]]
        assert [step.order_id for step in script.steps if step.what == "seen"] == seen
        parked = [fields["order_id"] for name in ("order.parked", "gap.met") for fields in w.events(name)]
        assert [step.order_id for step in script.steps if step.what == "parked"] == parked != []
        now_told = [w.market.order(order_id).external_id for order_id in map(str, range(5001, 5011))]
        assert said.count("reference") == sum(before != after for before, after in zip(told, now_told, strict=True))
        assert foretold.tally == real.tally


async def test_a_database_that_is_not_there_is_copied_as_an_empty_one(tmp_path) -> None:
    """A rehearsal before the first start makes no database."""
    url = f"sqlite:///{tmp_path}/sync.db"
    await copy_for_rehearsal(url, f"sqlite:///{tmp_path}/copy.db", ["123"])

    assert not (tmp_path / "sync.db").exists()


async def test_another_schema_is_not_copied(database_url: str, tmp_path) -> None:
    """A database of an older program is migrated by a person first."""
    async with world(database_url) as w:
        async with w.way.store._store._engine.writing() as connection:
            await connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))
        with pytest.raises(DatabaseError, match="schema 0001") as refusal:
            await copy_for_rehearsal(w.url, f"sqlite:///{tmp_path}/copy.db", ["123"])
    assert "consentio-sync migrate" in refusal.value.remedy
