"""Update: after it, the ERP holds what a create of the new content would have made."""

from collections.abc import Awaitable
from dataclasses import replace
from decimal import Decimal

import pytest

from daemon.domain.content import difference
from daemon.domain.keys import random_key
from daemon.domain.order import Line, Order
from daemon.errors import Conflict
from daemon.ports import Record
from daemon.testing.exam.sitting import Sitting, question, waived


async def updated(sitting: Sitting, record: Record, before: Order | None, after: Order) -> Record:
    """One update."""
    return await sitting.erp.update(record.id, difference(before, after), random_key("u"))


async def must_arrive(sitting: Sitting, before: Order, after: Order) -> None:
    """An edit of a record leaves in the ERP what a create of the edited order leaves, and the adapter reads it back."""
    _, record = await sitting.made(before)
    old = await sitting.held(record)
    told = await updated(sitting, record, before, after)
    _, fresh = await sitting.made(replace(after, id=sitting.order().id))
    new, wanted = await sitting.held(record), await sitting.held(fresh)
    assert wanted != old, "the stage's `held` does not show what this edit changes"
    assert new == wanted
    assert (told.id, told.live) == (record.id, True)
    if fresh.total is not None and told.total is not None:
        assert told.total == fresh.total, "the update tells another total than a create of the same content"


def first_line(order: Order, **fields: object) -> Order:
    """The order with another first line."""
    first, *others = order.lines
    return replace(order, lines=(replace(first, **fields), *others))  # type: ignore[arg-type]  # the record checks the names


def more(line: Line) -> dict[str, object]:
    """Two more of the same."""
    return {"amount": (line.amount or Decimal(0)) + 2}


async def must_conflict(sitting: Sitting, record: Record, effect: Awaitable[object]) -> None:
    """A person decides, and nothing was written."""
    before = await sitting.hand("held", record.id)
    with pytest.raises(Conflict) as told:
        await effect
    assert str(told.value).strip()
    assert await sitting.hand("held", record.id) == before


async def must_obey(sitting: Sitting, record: Record, effect: Awaitable[object], *, may: bool) -> None:
    """Done where the capability says so, else a conflict that left all as it was."""
    if may:
        await effect
    else:
        await must_conflict(sitting, record, effect)


class Updating:
    """Each kind of change, alone and together."""

    @question()
    async def test_an_amount_changes(self, sitting: Sitting) -> None:
        """Another amount of one line arrives."""
        order = sitting.order()
        await must_arrive(sitting, order, first_line(order, **more(order.lines[0])))

    @question()
    async def test_a_price_changes(self, sitting: Sitting) -> None:
        """Another price of one line arrives."""
        order = sitting.order()
        price = (order.lines[0].price or Decimal(0)) + Decimal("0.25")
        await must_arrive(sitting, order, first_line(order, price=price))

    @question("other_line")
    async def test_a_line_is_added(self, sitting: Sitting) -> None:
        """One line more arrives."""
        order = sitting.order()
        await must_arrive(sitting, order, replace(order, lines=(*order.lines, sitting.stage.other_line())))

    @question()
    async def test_a_line_is_removed(self, sitting: Sitting) -> None:
        """A line that is no longer ordered is no longer there."""
        order = sitting.order()
        await must_arrive(sitting, order, replace(order, lines=order.lines[:-1]))

    @question()
    async def test_the_note_changes(self, sitting: Sitting) -> None:
        """Another note arrives, and one that was taken away is gone."""
        order, record = await sitting.made()
        if (await sitting.held(record)).note is None:
            waived("by the stage: its ERP keeps no note")
        order = replace(order, id=sitting.order().id)
        await must_arrive(sitting, order, replace(order, more_info="ring twice"))
        await must_arrive(sitting, replace(order, id=sitting.order().id), replace(order, more_info=None))

    @question("later")
    async def test_the_date_changes(self, sitting: Sitting) -> None:
        """Another day of delivery arrives."""
        order = sitting.order()
        await must_arrive(sitting, order, sitting.stage.later(order))

    @question("other_address")
    async def test_the_address_changes(self, sitting: Sitting) -> None:
        """Another address arrives."""
        order = sitting.order()
        await must_arrive(sitting, order, replace(order, deliver_to=sitting.stage.other_address()))

    @question("other_line")
    async def test_all_changes_at_once(self, sitting: Sitting) -> None:
        """A line changed, one added and one removed together with the note arrive as one."""
        order = sitting.order()
        edited = first_line(order, **more(order.lines[0]))
        lines = (*edited.lines[:-1], sitting.stage.other_line())
        await must_arrive(sitting, order, replace(edited, lines=lines, more_info="ring twice"))

    # ---- again, and from the unknown

    @question()
    async def test_an_update_from_the_unknown(self, sitting: Sitting) -> None:
        """Where nobody knows what the ERP holds, the update says the whole content, whatever was there."""
        order, record = await sitting.made()
        edited = first_line(order, **more(order.lines[0]))
        await updated(sitting, record, order, edited)
        _, untouched = await sitting.made(replace(order, id=sitting.order().id))
        await updated(sitting, record, None, order)
        assert await sitting.held(record) == await sitting.held(untouched)

    @question()
    async def test_an_update_again_changes_nothing(self, sitting: Sitting) -> None:
        """The same update under another key leaves all as it is: no line twice, no second record."""
        order, record = await sitting.made()
        edited = first_line(order, **more(order.lines[0]))
        await updated(sitting, record, order, edited)
        held = await sitting.held(record)
        assert (await updated(sitting, record, order, edited)).id == record.id
        assert await sitting.held(record) == held

    @question()
    async def test_an_update_back_to_the_first(self, sitting: Sitting) -> None:
        """An edit that is taken back leaves what was there at first."""
        order, record = await sitting.made()
        first, edited = await sitting.held(record), first_line(order, **more(order.lines[0]))
        await updated(sitting, record, order, edited)
        await updated(sitting, record, edited, order)
        assert await sitting.held(record) == first

    @question(given=("read",))
    async def test_read_tells_what_update_told(self, sitting: Sitting) -> None:
        """`read` agrees with the answer of the update."""
        order, record = await sitting.made()
        told = await updated(sitting, record, order, first_line(order, **more(order.lines[0])))
        read = await sitting.erp.read(record.id)
        assert read is not None
        assert (read.id, read.live, read.number) == (told.id, told.live, told.number)
        assert told.total is None or read.total == told.total
        assert told.lines is None or read.lines == told.lines

    @question(given=("every",))
    async def test_find_knows_the_key_of_an_update(self, sitting: Sitting) -> None:
        """Where every key can be asked for, that of an update leads to its record."""
        order, record = await sitting.made()
        key = random_key("u")
        assert await sitting.erp.find(key) is None
        await sitting.erp.update(record.id, difference(order, first_line(order, **more(order.lines[0]))), key)
        found = await sitting.erp.find(key)
        assert found is not None
        assert found.id == record.id

    # ---- records that have progressed

    @question()
    async def test_an_update_of_a_cancelled_record(self, sitting: Sitting) -> None:
        """A record that was cancelled is not brought back by an edit: Conflict."""
        order, record = await sitting.made()
        await sitting.cancelled(order, record)
        await must_conflict(sitting, record, updated(sitting, record, order, first_line(order, **more(order.lines[0]))))

    @question("clerk_deletes")
    async def test_an_update_of_a_record_that_is_gone(self, sitting: Sitting) -> None:
        """A record that is gone cannot be edited: Conflict."""
        order, record = await sitting.made()
        await sitting.hand("clerk_deletes", record.id)
        await must_conflict(sitting, record, updated(sitting, record, order, first_line(order, **more(order.lines[0]))))

    @question("clerk_confirms")
    async def test_an_edit_after_confirmation(self, sitting: Sitting) -> None:
        """As `edit_after_confirmation` says: another amount arrives, or is a Conflict that changed nothing."""
        order, record = await sitting.made()
        await sitting.hand("clerk_confirms", record.id)
        before, may = await sitting.held(record), sitting.erp.capabilities.edit_after_confirmation
        edit = updated(sitting, record, order, first_line(order, **more(order.lines[0])))
        await must_obey(sitting, record, edit, may=may)
        assert ((await sitting.held(record)).lines != before.lines) == may

    @question("clerk_confirms")
    async def test_a_line_removed_after_confirmation(self, sitting: Sitting) -> None:
        """As `remove_line_after_confirmation` says: the line is gone, or a Conflict changed nothing."""
        order, record = await sitting.made()
        await sitting.hand("clerk_confirms", record.id)
        may = sitting.erp.capabilities.remove_line_after_confirmation
        edit = updated(sitting, record, order, replace(order, lines=order.lines[:-1]))
        await must_obey(sitting, record, edit, may=may)
        assert len((await sitting.held(record)).lines) == len(order.lines) - may

    @question("clerk_ships")
    async def test_an_edit_after_the_goods_left(self, sitting: Sitting) -> None:
        """What has left the house is not changed any more: Conflict."""
        order, record = await sitting.made()
        await sitting.hand("clerk_ships", record.id)
        await must_conflict(sitting, record, updated(sitting, record, order, first_line(order, **more(order.lines[0]))))
