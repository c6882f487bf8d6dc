"""Orders that the ERP cannot take over, and `preview`, which touches nothing."""

from collections.abc import Awaitable, Sequence

import pytest

from daemon.domain.content import difference
from daemon.domain.keys import random_key
from daemon.domain.ledger import Kind
from daemon.domain.order import Order
from daemon.errors import OrderRejected
from daemon.ports import Effect, Record
from daemon.testing.exam.sitting import Sitting, question
from daemon.testing.exam.updating import first_line, more


async def must_reject(effect: Awaitable[object], missing: Sequence[str]) -> None:
    """Rejected, naming each missing key once."""
    with pytest.raises(OrderRejected) as told:
        await effect
    assert str(told.value).strip()
    assert sorted(told.value.missing) == sorted(missing)


def edit_of(sitting: Sitting, record: Record, before: Order, after: Order) -> Awaitable[Record]:
    """One update under way."""
    return sitting.erp.update(record.id, difference(before, after), random_key("u"))


def effects_of(sitting: Sitting, order: Order, record: Record) -> list[Effect]:
    """One effect of each kind about orders that the ERP can take over."""
    new, edited = sitting.order(), first_line(order, **more(order.lines[0]))
    change = difference(order, edited)
    return [
        Effect(kind=Kind.CREATE, key=sitting.key(new), order=new),
        Effect(kind=Kind.UPDATE, key=random_key("u"), order=edited, record=record.id, change=change),
        Effect(kind=Kind.CANCEL, key=random_key("x"), order=order, record=record.id),
    ]


class Refusing:
    """What is missing is told at once and as a whole, and nothing is written."""

    @question("unknown")
    async def test_every_missing_key_is_named(self, sitting: Sitting) -> None:
        """An order that the ERP cannot take over is rejected with every missing key."""
        order, missing = sitting.stage.unknown(sitting.order())
        assert len(missing) > 1, "the stage names one missing thing only"
        await must_reject(sitting.erp.create(order, sitting.key(order)), missing)

    @question("unknown")
    async def test_a_rejected_order_leaves_nothing(self, sitting: Sitting) -> None:
        """A rejected create has written nothing at all: no record, and nothing beside it."""
        before = await sitting.everything()
        order, _ = sitting.stage.unknown(sitting.order())
        with pytest.raises(OrderRejected):
            await sitting.erp.create(order, sitting.key(order))
        assert await sitting.everything() == before
        if sitting.erp.capabilities.find != "nothing":
            assert await sitting.erp.find(sitting.key(order)) is None

    @question("unknown")
    async def test_a_rejected_order_can_come_again(self, sitting: Sitting) -> None:
        """Once it can be taken over, the same order is taken over under the same key."""
        order = sitting.order()
        unknown, _ = sitting.stage.unknown(order)
        with pytest.raises(OrderRejected):
            await sitting.erp.create(unknown, sitting.key(order))
        _, record = await sitting.made(order)
        assert await sitting.is_live(record)

    @question("unknown")
    async def test_a_rejected_edit_changes_nothing(self, sitting: Sitting) -> None:
        """An edit that the ERP cannot take over is rejected with every missing key, and the record is as it was."""
        order, record = await sitting.made()
        before = await sitting.held(record)
        edited, missing = sitting.stage.unknown(first_line(order, **more(order.lines[0])))
        await must_reject(edit_of(sitting, record, order, edited), missing)
        assert await sitting.held(record) == before

    # ---- preview

    @question()
    async def test_preview_touches_nothing(self, sitting: Sitting) -> None:
        """The words for each kind of effect are told, and nothing is written."""
        order, record = await sitting.made()
        before = await sitting.everything()
        for effect in effects_of(sitting, order, record):
            assert (await sitting.erp.preview(effect)).strip()
            assert await sitting.everything() == before

    @question("unknown")
    async def test_preview_tells_what_is_missing(self, sitting: Sitting) -> None:
        """An order that the ERP cannot take over is rejected in the preview already, with the same missing keys."""
        order, missing = sitting.stage.unknown(sitting.order())
        await must_reject(sitting.erp.preview(Effect(kind=Kind.CREATE, key=sitting.key(order), order=order)), missing)
