"""Create, find and read."""

import asyncio
import dataclasses

import pytest

from daemon.domain.keys import create_key
from daemon.errors import Ambiguous
from daemon.ports import Record
from daemon.testing.exam.sitting import Sitting, question, waived


def names(record: Record | None) -> tuple[str, bool] | None:
    """What a record must agree in, whoever tells of it."""
    return None if record is None else (record.id, record.live)


class Creating:
    """A record for an order, known by its key."""

    @question()
    async def test_create_makes_one_live_record(self, sitting: Sitting) -> None:
        """A create answers with a record that is in the ERP, counts, and holds the order's lines."""
        order, record = await sitting.made()
        held = await sitting.held(record)
        assert record.id
        assert record.live
        assert held.live
        assert len(held.lines) == len(order.lines)

    @question(given=("read",))
    async def test_read_tells_what_create_told(self, sitting: Sitting) -> None:
        """`read` agrees with the answer of the create: id, number, state and, where they are told, total and lines."""
        _, record = await sitting.made()
        read = await sitting.erp.read(record.id)
        assert read is not None
        told = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
        # A create may not know yet what `read` can tell.
        assert {name: getattr(read, name) for name, value in told.items() if value is not None} == {
            name: value for name, value in told.items() if value is not None
        }

    @question(given=("read",))
    async def test_read_of_nothing(self, sitting: Sitting) -> None:
        """A record that never was is None, whatever its name looks like."""
        for name in ("999999999", "no such record", "../../etc/passwd", "1' OR '1'='1"):
            assert await sitting.erp.read(name) is None

    @question()
    async def test_total_and_lines_add_up(self, sitting: Sitting) -> None:
        """The total as booked is what the order comes to, and so is the sum of the lines."""
        order, record = await sitting.made()
        totals = [line.total for line in record.lines or () if line.total is not None]
        if record.total is None and not totals:
            waived("by the adapter: it tells no totals")
        if record.total is not None and order.price is not None:
            assert record.total == order.price
        if record.total is not None and totals:
            assert sum(totals) == record.total

    @question()
    async def test_lines_are_told_by_the_orders_lines(self, sitting: Sitting) -> None:
        """Lines that are read back name the order's lines or its goods, each once."""
        order, record = await sitting.made()
        if record.lines is None:
            waived("by the adapter: it tells no lines")
        told = record.lines or ()
        assert len(told) == len(order.lines)
        ids = [line.line_id for line in told if line.line_id is not None]
        assert len(set(ids)) == len(ids)
        assert set(ids) <= {line.id for line in order.lines}
        assert all(line.line_id or line.sku for line in told)

    # ---- by the key

    @question(given=("find",))
    async def test_find_knows_what_was_made(self, sitting: Sitting) -> None:
        """The key leads to the record of its create; before the create, to none."""
        order = sitting.order()
        assert await sitting.erp.find(sitting.key(order)) is None
        _, record = await sitting.made(order)
        assert names(await sitting.erp.find(sitting.key(order))) == names(record)

    @question(given=("find",))
    async def test_find_is_exact(self, sitting: Sitting) -> None:
        """A key finds its own record alone: not one that begins like it, nor one that a wildcard or other letters would match."""
        order, _ = await sitting.made()
        key = sitting.key(order)
        others = (f"{key}/2", f"{key}-2", f"{key}0", key[:-1], key[1:], key.upper(), f"{key[:-1]}%", f"{key[:-1]}_", f" {key}")
        for other in (*others, "%", "'", ""):
            assert await sitting.erp.find(other) is None, f"{key} was found as {other!r}"

    @question("double", given=("find",))
    async def test_two_records_with_one_key_are_ambiguous(self, sitting: Sitting) -> None:
        """Two records that bear one key are told as Ambiguous: none of them is chosen."""
        order, _ = await sitting.made()
        await sitting.hand("double", order, sitting.key(order))
        with pytest.raises(Ambiguous):
            await sitting.erp.find(sitting.key(order))

    @question("clerk_cancels", given=("find",))
    async def test_find_sees_what_a_clerk_cancelled(self, sitting: Sitting) -> None:
        """A record that a clerk cancelled is still found, and is not live, at the latest once `reports` has told of it."""
        order, record = await sitting.made()
        await sitting.hand("clerk_cancels", record.id)
        if sitting.erp.capabilities.reports:
            await sitting.erp.reports(None)
        assert names(await sitting.erp.find(sitting.key(order))) == (record.id, False)

    @question("clerk_deletes", given=("find",))
    async def test_find_of_what_a_clerk_deleted(self, sitting: Sitting) -> None:
        """A record that is gone is found no more, or told as not live."""
        order, record = await sitting.made()
        await sitting.hand("clerk_deletes", record.id)
        found = await sitting.erp.find(sitting.key(order))
        assert found is None or not found.live

    @question("clerk_deletes", given=("read",))
    async def test_read_of_what_a_clerk_deleted(self, sitting: Sitting) -> None:
        """A record that is gone is None, or told as not live."""
        _, record = await sitting.made()
        await sitting.hand("clerk_deletes", record.id)
        read = await sitting.erp.read(record.id)
        assert read is None or not read.live

    @question(given=("refuses_second_key",))
    async def test_the_same_key_again_is_the_same_record(self, sitting: Sitting) -> None:
        """A second create with one key answers with the first record, and nothing is written."""
        order, record = await sitting.made()
        before = await sitting.everything()
        _, again = await sitting.made(order)
        assert names(again) == names(record)
        assert await sitting.everything() == before

    @question(given=("refuses_second_key",))
    async def test_the_same_key_twice_at_once_is_one_record(self, sitting: Sitting) -> None:
        """Two creates with one key, from two processes at once, leave one record: both answer with it, or one is not answered."""
        order = sitting.order()
        async with sitting.stage.adapter() as other:
            calls = (sitting.erp.create(order, sitting.key(order)), other.create(order, sitting.key(order)))
            answers = await asyncio.gather(*calls, return_exceptions=True)
        assert len({answer.id for answer in answers if isinstance(answer, Record)}) == 1

    # ---- beside each other

    @question()
    async def test_creates_side_by_side(self, sitting: Sitting) -> None:
        """As many creates at once as `concurrency` allows each make a record of their own."""
        orders = [sitting.order() for _ in range(min(sitting.erp.capabilities.concurrency, 8))]
        made = await asyncio.gather(*(sitting.made(order) for order in orders))
        assert len({record.id for _, record in made}) == len(orders)

    @question()
    async def test_two_workspaces_know_their_own(self, sitting: Sitting) -> None:
        """One order id in two workspaces is two records: neither finds, changes nor cancels the other's."""
        order, record = await sitting.made()
        async with sitting.stage.adapter("124") as other:
            key = create_key("124", order.id, 1)
            if other.capabilities.find != "nothing":
                assert await other.find(key) is None
            theirs = await other.create(order, key)
            await sitting.cancelled(order, record)
        assert theirs.id != record.id
        assert await sitting.is_live(theirs)
