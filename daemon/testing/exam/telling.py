"""Reports: what the ERP tells by itself, with a cursor."""

from daemon.domain.ledger import News, NewsKind
from daemon.ports import Record, Reports
from daemon.testing.exam.sitting import Sitting, question


def about(reports: Reports, record: Record, kind: NewsKind) -> list[News]:
    """The news of one kind about one record."""
    return [news for news in reports.news if (news.record, news.kind) == (record.id, kind)]


async def read_up(sitting: Sitting) -> str:
    """The cursor behind all that there is to tell now."""
    cursor = (await sitting.erp.reports(None)).cursor
    return (await sitting.erp.reports(cursor)).cursor


class Telling:
    """News are told until they are acknowledged, and none is lost."""

    @question("clerk_cancels", given=("reports",))
    async def test_a_clerks_cancel_is_told(self, sitting: Sitting) -> None:
        """A record that a clerk cancels is told as cancelled, by its id, with an aware moment; the cursor is text."""
        _, record = await sitting.made()
        cursor = await read_up(sitting)
        await sitting.hand("clerk_cancels", record.id)
        reports = await sitting.erp.reports(cursor)
        told = about(reports, record, NewsKind.CANCELLED)
        assert told
        assert all(news.at.tzinfo is not None for news in told)
        assert isinstance(reports.cursor, str)
        assert reports.cursor

    @question("clerk_cancels", given=("reports",))
    async def test_news_are_told_until_acknowledged(self, sitting: Sitting) -> None:
        """Reading consumes nothing: asked again with the same cursor, the same news are told again."""
        _, record = await sitting.made()
        cursor = await read_up(sitting)
        await sitting.hand("clerk_cancels", record.id)
        for _ in range(2):
            assert about(await sitting.erp.reports(cursor), record, NewsKind.CANCELLED)

    @question("clerk_cancels", given=("reports",))
    async def test_news_outlive_the_adapter(self, sitting: Sitting) -> None:
        """What was read and not acknowledged is told to the next process, too."""
        _, record = await sitting.made()
        cursor = await read_up(sitting)
        await sitting.hand("clerk_cancels", record.id)
        await sitting.erp.reports(cursor)
        async with sitting.stage.adapter() as other:
            assert about(await other.reports(cursor), record, NewsKind.CANCELLED)

    @question("clerk_cancels", given=("reports",))
    async def test_no_news_between_two_cursors_is_lost(self, sitting: Sitting) -> None:
        """Whatever happens after one reading is told by the next, which names the cursor of the one before."""
        records = [(await sitting.made())[1] for _ in range(3)]
        told: set[str] = set()
        cursor = await read_up(sitting)
        for record in records:
            await sitting.hand("clerk_cancels", record.id)
            reports = await sitting.erp.reports(cursor)
            cursor, told = reports.cursor, told | {news.record for news in reports.news if news.kind is NewsKind.CANCELLED}
        assert {record.id for record in records} <= told

    @question("clerk_cancels", given=("reports",))
    async def test_silence_moves_nothing(self, sitting: Sitting) -> None:
        """Readings that find nothing leave a cursor behind which the next news are told."""
        _, record = await sitting.made()
        cursor = await read_up(sitting)
        for _ in range(3):
            cursor = (await sitting.erp.reports(cursor)).cursor
        await sitting.hand("clerk_cancels", record.id)
        assert about(await sitting.erp.reports(cursor), record, NewsKind.CANCELLED)

    @question("clerk_cancels", given=("reports",))
    async def test_an_earlier_cursor_is_taken(self, sitting: Sitting) -> None:
        """Now and then an earlier cursor than the last one is named, for what was committed late: it is told."""
        (_, first), (_, second) = await sitting.made(), await sitting.made()
        earlier = await read_up(sitting)
        await sitting.hand("clerk_cancels", first.id)
        later = (await sitting.erp.reports(earlier)).cursor
        await sitting.erp.reports(later)
        await sitting.hand("clerk_cancels", second.id)
        assert about(await sitting.erp.reports(earlier), second, NewsKind.CANCELLED)

    @question("clerk_numbers", given=("reports", "numbers_later"))
    async def test_a_number_that_comes_later(self, sitting: Sitting) -> None:
        """A record without a number is told of when it gets one."""
        _, record = await sitting.made()
        assert record.number is None, "numbers_later says that a record has none at first"
        cursor = await read_up(sitting)
        number = await sitting.hand("clerk_numbers", record.id)
        told = about(await sitting.erp.reports(cursor), record, NewsKind.NUMBERED)
        assert [news.number for news in told][-1:] == [number]
