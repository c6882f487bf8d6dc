"""Faults of groups and reports."""

from dataclasses import replace

from daemon.domain.ledger import NewsKind
from daemon.errors import ErpUnavailable, OrderRejected
from daemon.ports import Record, Reports
from daemon.testing import FakeErp
from tests.support.broken_erps.fault import NUMBERED, away_from, fault

# ---- groups


@fault("a_group_answers_each_key_once")
class AnswersTwice(FakeErp):
    async def apply(self, effects):
        async for key, answer in super().apply(effects):
            yield key, answer
            if len(effects) == 3 and key.startswith("u"):
                yield key, answer


@fault("a_rejected_order_among_good_ones")
class StopsAtARejectedOne(FakeErp):
    async def apply(self, effects):
        async for key, answer in super().apply(effects):
            yield key, answer
            if isinstance(answer, OrderRejected):
                return


@fault("many_keys_are_asked_at_once")
class FindsForEachKey(FakeErp):
    async def find_many(self, keys):
        found = await super().find_many(keys)
        return {key: found.get(key, Record(id="none", live=False)) for key in keys}


@fault("an_ambiguous_key_among_others")
class FailsAllForOne(FakeErp):
    async def find_many(self, keys):
        found = await super().find_many(keys)
        return {key: next(iter(found.values())) for key in keys} if self.is_ambiguous(found) else found

    def is_ambiguous(self, found):
        return any(isinstance(answer, Exception) and not isinstance(answer, ErpUnavailable) for answer in found.values())


@fault("a_group_for_an_erp_that_is_away")
class SilentWhileAway(FakeErp):
    async def apply(self, effects):
        if not away_from(self):
            async for answer in super().apply(effects):
                yield answer


@fault("many_keys_of_an_erp_that_is_away")
class FindsNoneOfManyWhileAway(FakeErp):
    async def find_many(self, keys):
        return {} if away_from(self) else await super().find_many(keys)


# ---- reports


CANCELS = (
    "a_clerks_cancel_is_told",
    "news_are_told_until_acknowledged",
    "news_outlive_the_adapter",
    "no_news_between_two_cursors_is_lost",
    "silence_moves_nothing",
    "an_earlier_cursor_is_taken",
)


@fault(*CANCELS)
class TellsNoCancel(FakeErp):
    async def reports(self, since):
        told = await super().reports(since)
        return Reports([news for news in told.news if news.kind is not NewsKind.CANCELLED], told.cursor)


@fault("a_clerks_cancel_is_told")
class TellsNoZone(FakeErp):
    async def reports(self, since):
        told = await super().reports(since)
        return Reports([replace(news, at=news.at.replace(tzinfo=None)) for news in told.news], told.cursor)


@fault("news_are_told_until_acknowledged")
class TellsOnce(FakeErp):
    told = None

    async def reports(self, since):
        self.told, reports = self.told or set(), await super().reports(since)
        new = [news for news in reports.news if news not in self.told]
        self.told |= set(new)
        return Reports(new, reports.cursor)


@fault("news_outlive_the_adapter")
class TellsTheFirstOnly(FakeErp):
    is_second = False

    def beside(self, workspace):
        other = super().beside(workspace)
        other.is_second, self.is_second = self.is_second, True
        return other

    async def reports(self, since):
        told = await super().reports(since)
        return Reports((), told.cursor) if self.is_second else told


@fault("no_news_between_two_cursors_is_lost", "an_earlier_cursor_is_taken")
class TellsOfOneRecord(FakeErp):
    async def reports(self, since):
        told = await super().reports(since)
        cancels = [news for news in told.news if news.kind is NewsKind.CANCELLED]
        return Reports(cancels[:1], told.cursor)


@fault("silence_moves_nothing")
class SkipsAhead(FakeErp):
    silent = 0

    async def reports(self, since):
        told = await super().reports(since)
        self.silent += 1
        return Reports((), told.cursor) if self.silent > 5 and len(self.records) == 1 else told


@fault("an_earlier_cursor_is_taken")
class TakesTheLastCursorOnly(FakeErp):
    last = ""

    async def reports(self, since):
        told, is_earlier = await super().reports(since), (since or "~") < self.last
        self.last = max(self.last, since or "")
        return Reports((), told.cursor) if is_earlier else told


@fault("a_number_that_comes_later", settings=NUMBERED)
class TellsNoNumber(FakeErp):
    async def reports(self, since):
        told = await super().reports(since)
        return Reports([news for news in told.news if news.kind is not NewsKind.NUMBERED], told.cursor)
