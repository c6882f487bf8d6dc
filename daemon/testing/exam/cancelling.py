"""Cancel, and cancel again."""

from daemon.domain.keys import random_key
from daemon.ports import Record
from daemon.testing.exam.sitting import Sitting, question
from daemon.testing.exam.updating import must_conflict, must_obey


class Cancelling:
    """A cancelled record counts no more; one that does not count already is a success."""

    @question()
    async def test_cancel_ends_the_record(self, sitting: Sitting) -> None:
        """After a cancel the ERP's record counts no more, and the answer says so."""
        order, record = await sitting.made()
        told = await sitting.cancelled(order, record)
        assert (told.id, told.live) == (record.id, False)
        assert not await sitting.is_live(record)

    @question(given=("read",))
    async def test_read_tells_a_cancel(self, sitting: Sitting) -> None:
        """A doubt about a cancel is settled by `read`: gone, or not live."""
        order, record = await sitting.made()
        await sitting.cancelled(order, record)
        read = await sitting.erp.read(record.id)
        assert read is None or not read.live

    @question()
    async def test_cancel_again(self, sitting: Sitting) -> None:
        """A second cancel is a success, and changes nothing."""
        order, record = await sitting.made()
        await sitting.cancelled(order, record)
        before = await sitting.hand("held", record.id)
        assert not (await sitting.cancelled(order, record)).live
        assert await sitting.hand("held", record.id) == before

    @question("clerk_cancels")
    async def test_cancel_of_what_a_clerk_cancelled(self, sitting: Sitting) -> None:
        """A record that a clerk cancelled is cancelled with success."""
        order, record = await sitting.made()
        await sitting.hand("clerk_cancels", record.id)
        assert not (await sitting.cancelled(order, record)).live

    @question("clerk_deletes")
    async def test_cancel_of_what_is_gone(self, sitting: Sitting) -> None:
        """A record that is gone is cancelled with success."""
        order, record = await sitting.made()
        await sitting.hand("clerk_deletes", record.id)
        assert not (await sitting.cancelled(order, record)).live

    @question(given=("find",))
    async def test_a_new_life_after_a_cancel(self, sitting: Sitting) -> None:
        """An order that is accepted once more gets a second record, under its next key; the first key leads to no live one."""
        order, record = await sitting.made()
        await sitting.cancelled(order, record)
        second = await sitting.erp.create(order, sitting.key(order, 2))
        assert second.id != record.id
        assert second.live
        assert await sitting.is_live(second)
        found = await sitting.erp.find(sitting.key(order, 2))
        assert found is not None
        assert found.id == second.id
        first = await sitting.erp.find(sitting.key(order))
        assert first is None or not first.live

    @question(given=("every",))
    async def test_find_knows_the_key_of_a_cancel(self, sitting: Sitting) -> None:
        """Where every key can be asked for, that of a cancel leads to its record."""
        order, record = await sitting.made()
        key = random_key("x")
        assert await sitting.erp.find(key) is None
        await sitting.erp.cancel(record.id, order, key)
        found = await sitting.erp.find(key)
        assert isinstance(found, Record)
        assert (found.id, found.live) == (record.id, False)

    @question("unknown")
    async def test_a_cancel_needs_no_mapping(self, sitting: Sitting) -> None:
        """An order whose goods the ERP does not know any more can be cancelled all the same."""
        order, record = await sitting.made()
        bare, _ = sitting.stage.unknown(order)
        assert not (await sitting.cancelled(bare, record)).live
        assert not await sitting.is_live(record)

    @question("clerk_confirms")
    async def test_a_cancel_after_confirmation(self, sitting: Sitting) -> None:
        """As `cancel_after_confirmation` says: cancelled, or a Conflict that changed nothing."""
        order, record = await sitting.made()
        await sitting.hand("clerk_confirms", record.id)
        may = sitting.erp.capabilities.cancel_after_confirmation
        await must_obey(sitting, record, sitting.cancelled(order, record), may=may)
        assert await sitting.is_live(record) != may

    @question("clerk_ships")
    async def test_a_cancel_after_the_goods_left(self, sitting: Sitting) -> None:
        """What has left the house is not cancelled any more: Conflict."""
        order, record = await sitting.made()
        await sitting.hand("clerk_ships", record.id)
        await must_conflict(sitting, record, sitting.cancelled(order, record))
