"""What cannot be known: an ERP that is away, answers that are lost, calls that are cut off."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from daemon.domain.content import difference
from daemon.domain.keys import random_key
from daemon.errors import ErpError, ErpUnavailable
from daemon.ports import Record
from daemon.testing.exam.sitting import Sitting, question
from daemon.testing.exam.updating import first_line, more, updated


async def must_be_away(sitting: Sitting, *calls: Callable[[], Awaitable[object]]) -> None:
    """Each call says that nothing was sent, with a remedy and without a secret."""
    for call in calls:
        with pytest.raises(ErpUnavailable) as told:
            await call()
        assert told.value.remedy
        assert [secret for secret in sitting.stage.secrets if secret in str(told.value)] == []


async def must_be_a_doubt(effect: Awaitable[object]) -> None:
    """The effect ends with something that is no verdict."""
    with pytest.raises(Exception) as told:  # noqa: PT011  # anything but a verdict will do
        await effect
    assert not isinstance(told.value, ErpError), f"{type(told.value).__name__} says that nothing was done, and it was"


async def made_soon(sitting: Sitting) -> Record:
    """A record, as soon as what was cut off has ended; until then the adapter may say that it has no room."""
    for _ in range(50):
        try:
            return (await sitting.made())[1]
        except ErpUnavailable:
            await asyncio.sleep(0.02)
    return (await sitting.made())[1]


class Doubting:
    """A verdict is given only by who knows."""

    @question("away")
    async def test_effects_on_an_erp_that_is_away(self, sitting: Sitting) -> None:
        """Where nothing can be reached, create, update and cancel say ErpUnavailable, and nothing arrives, not even later."""
        order, record = await sitting.made()
        other, erp = sitting.order(), sitting.erp
        change = difference(order, first_line(order, **more(order.lines[0])))
        before = await sitting.everything()
        async with sitting.during("away"):
            await must_be_away(
                sitting,
                lambda: erp.create(other, sitting.key(other)),
                lambda: erp.update(record.id, change, random_key("u")),
                lambda: erp.cancel(record.id, order, random_key("x")),
            )
        assert await sitting.everything() == before

    @question("away", given=("find",))
    async def test_find_in_an_erp_that_is_away(self, sitting: Sitting) -> None:
        """An ERP that cannot be asked says ErpUnavailable, never that there is no record."""
        order, _ = await sitting.made()
        async with sitting.during("away"):
            await must_be_away(sitting, lambda: sitting.erp.find(sitting.key(order)))

    @question("away", given=("read",))
    async def test_read_in_an_erp_that_is_away(self, sitting: Sitting) -> None:
        """An ERP that cannot be asked says ErpUnavailable, never that a record is gone."""
        _, record = await sitting.made()
        async with sitting.during("away"):
            await must_be_away(sitting, lambda: sitting.erp.read(record.id))

    @question("away", given=("reports",))
    async def test_reports_of_an_erp_that_is_away(self, sitting: Sitting) -> None:
        """An ERP that cannot be asked says ErpUnavailable, never that there is no news."""
        cursor = (await sitting.erp.reports(None)).cursor
        async with sitting.during("away"):
            await must_be_away(sitting, lambda: sitting.erp.reports(cursor))

    @question("away")
    async def test_an_erp_that_is_back(self, sitting: Sitting) -> None:
        """After an outage the same adapter goes on."""
        order = sitting.order()
        async with sitting.during("away"):
            with pytest.raises(ErpUnavailable):
                await sitting.erp.create(order, sitting.key(order))
        _, record = await sitting.made(order)
        assert await sitting.is_live(record)

    # ---- answers that are lost

    @question("lose_answer", given=("find",))
    async def test_a_create_whose_answer_is_lost(self, sitting: Sitting) -> None:
        """A create that the ERP has done and whose answer never came is a doubt; `find` then knows the record."""
        order = sitting.order()
        async with sitting.during("lose_answer", "create"):
            await must_be_a_doubt(sitting.erp.create(order, sitting.key(order)))
        found = await sitting.erp.find(sitting.key(order))
        assert found is not None
        assert found.live
        await updated(sitting, found, None, order)
        _, wanted = await sitting.made(sitting.order())
        assert await sitting.held(found) == await sitting.held(wanted)

    @question("lose_answer")
    async def test_an_update_whose_answer_is_lost(self, sitting: Sitting) -> None:
        """An update whose answer never came is a doubt; said again, it leaves the whole new content."""
        order, record = await sitting.made()
        edited = first_line(order, **more(order.lines[0]))
        _, wanted = await sitting.made(first_line(sitting.order(), **more(order.lines[0])))
        async with sitting.during("lose_answer", "update"):
            await must_be_a_doubt(updated(sitting, record, order, edited))
        await updated(sitting, record, None, edited)
        assert await sitting.held(record) == await sitting.held(wanted)

    @question("lose_answer")
    async def test_a_cancel_whose_answer_is_lost(self, sitting: Sitting) -> None:
        """A cancel whose answer never came is a doubt; said again, it is done."""
        order, record = await sitting.made()
        async with sitting.during("lose_answer", "cancel"):
            await must_be_a_doubt(sitting.cancelled(order, record))
        assert not (await sitting.cancelled(order, record)).live
        assert not await sitting.is_live(record)

    # ---- calls that are cut off

    @question()
    async def test_a_call_that_is_cut_off(self, sitting: Sitting) -> None:
        """A call cut off at its deadline ends at once, and the adapter stays usable: soon the next order is taken over."""
        for turns in range(6):
            order = sitting.order()
            call = asyncio.ensure_future(sitting.erp.create(order, sitting.key(order)))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert call.cancelled() or turns, "a cancellation was swallowed"
        assert await sitting.is_live(await made_soon(sitting))
