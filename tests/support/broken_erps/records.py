"""Faults of what it says of itself, of create, find and read."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from daemon.ports import Record
from daemon.testing import FakeErp
from tests.support.broken_erps.fault import OPEN, UNIQUE, fault
from tests.support.fake_stage import ORDER

# ---- what it says of itself


@fault("it_fits_this_daemon")
class OfAnotherContract(FakeErp):
    contract = 2


@fault("its_identity_stays")
class WithoutALastingIdentity(FakeErp):
    @property
    def identity(self):
        return f"fake at {id(self)}"


@fault("check_is_content")
class LeavesThingsInChecks(FakeErp):
    async def check(self):
        await super().check()
        self.clerk_types(ORDER)


@fault("check_tells_that_the_erp_is_away")
class ChecksNothing(FakeErp):
    async def check(self):
        pass


@fault("it_can_be_entered_again")
class CanBeEnteredOnce(FakeErp):
    was_left = False

    async def __aenter__(self):
        assert not self.was_left
        return self

    async def __aexit__(self, *exc):
        self.was_left = True


# ---- create, find, read


@fault(
    "create_makes_one_live_record",
    "find_knows_what_was_made",
    "read_tells_what_create_told",
    "a_new_life_after_a_cancel",
)
class AnswersThatItIsNotLive(FakeErp):
    async def create(self, order, key):
        return replace(await super().create(order, key), live=False)


@fault("find_knows_what_was_made", "a_create_whose_answer_is_lost")
class FindsAllAsCancelled(FakeErp):
    async def find(self, key):
        found = await super().find(key)
        return found and replace(found, live=False)


@fault("read_tells_what_create_told")
class ReadsAnotherTotal(FakeErp):
    def _read(self, record):
        read = super()._read(record)
        is_updated = read and self.records[record].touched_by
        return read if not read or is_updated else replace(read, total=Decimal(1))


@fault("read_of_nothing")
class ReadsWhatIsNot(FakeErp):
    def _read(self, record):
        return super()._read(record) if record in self.records else Record(id=record)


@fault("total_and_lines_add_up")
class AddsASurcharge(FakeErp):
    def _booked(self, held):
        held.book(Decimal(0))
        held.total += 1
        return held.seen_from_outside()


@fault("lines_are_told_by_the_orders_lines")
class NamesEachLineAlike(FakeErp):
    def _booked(self, held):
        super()._booked(held)
        held.lines = tuple(replace(line, line_id="1") for line in held.lines)
        return held.seen_from_outside()


@fault("find_is_exact")
class FindsByTheBeginning(FakeErp):
    def _bearing(self, key):
        return super()._bearing(key) or [r for r in self.records.values() if key and r.key.startswith(key) and key != r.key]


@fault("find_is_exact")
class FindsInAnyCase(FakeErp):
    def _bearing(self, key):
        return super()._bearing(key.lower())


@fault("two_records_with_one_key_are_ambiguous", "an_ambiguous_key_among_others")
class ChoosesOneOfTwo(FakeErp):
    def _bearing(self, key):
        return super()._bearing(key)[:1]


@fault("find_sees_what_a_clerk_cancelled")
class FindsLiveOnesOnly(FakeErp):
    def _bearing(self, key):
        return [record for record in super()._bearing(key) if record.live or record.touched_by]


@fault("find_of_what_a_clerk_deleted")
class FindsTheDeleted(FakeErp):
    def _find(self, key):
        gone = [record for record in self._bearing(key) if record.gone]
        return Record(id=gone[0].id) if gone else super()._find(key)


@fault("read_of_what_a_clerk_deleted")
class ReadsTheDeleted(FakeErp):
    def _read(self, record):
        held = self.records.get(record)
        return Record(id=record) if held and held.gone else super()._read(record)


@fault("the_same_key_again_is_the_same_record", "the_same_key_twice_at_once_is_one_record", settings=UNIQUE)
class MakesASecondRecord(FakeErp):
    def _create(self, order, key):
        self._must_know_products(order)
        return self._booked(self.clerk_types(order, key=key))


@fault("the_same_key_twice_at_once_is_one_record", settings=UNIQUE)
class LooksBeforeItLeaps(FakeErp):
    async def create(self, order, key):
        if found := self._find(key):
            return found
        await asyncio.sleep(0)
        self.settings = OPEN
        try:
            return await super().create(order, key)
        finally:
            self.settings = UNIQUE


@fault("creates_side_by_side")
class MixesUpItsAnswers(FakeErp):
    last = None

    async def create(self, order, key):
        self.last = await super().create(order, key)
        await asyncio.sleep(0)
        return self.last


@fault("two_workspaces_know_their_own")
class ForgetsTheWorkspace(FakeErp):
    def _bearing(self, key):
        return super()._bearing(key) or super()._bearing(key.replace("c124-", "c123-"))
