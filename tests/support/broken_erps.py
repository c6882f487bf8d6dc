"""ERPs with one fault each, and the questions of the exam that must notice it. All other questions must be content."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from daemon.domain.content import difference
from daemon.domain.ledger import NewsKind
from daemon.errors import Conflict, ErpUnavailable, OrderRejected
from daemon.ports import Record, Reports
from daemon.testing import FakeErp, FakeErpSettings
from tests.support.fake_stage import ORDER

RICH = FakeErpSettings(find="every", group_size=50, books=True, reports=True, closes_when_confirmed=True)
OPEN = replace(RICH, closes_when_confirmed=False)
UNIQUE = replace(RICH, refuses_second_key=True)
NUMBERED = replace(RICH, numbers_later=True)


@dataclass(frozen=True)
class Fault:
    """One broken ERP, by its kind, and what must fail."""

    name: str
    kind: type[FakeErp]
    noticed_by: frozenset[str]
    settings: FakeErpSettings


FAULTS: list[Fault] = []


def fault(*noticed_by: str, settings: FakeErpSettings = RICH) -> Callable[[type[FakeErp]], type[FakeErp]]:
    def listed(kind: type[FakeErp]) -> type[FakeErp]:
        FAULTS.append(Fault(kind.__name__, kind, frozenset(f"test_{name}" for name in noticed_by), settings))
        return kind

    return listed


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


# ---- update


def edited(kind):
    """An ERP that takes another order than the one that it was given in an update."""

    def _update(self, record, change, key):
        held = self.records.get(record)
        wrong = self.garble(held.order, change) if held else change.after
        return FakeErp._update(self, record, difference(change.before, wrong), key)

    kind._update = _update
    return kind


def lines_of(before, after, **fields):
    """The new lines, with some fields as they were."""
    old = {line.id: line for line in before.lines}
    return tuple(
        replace(line, **{name: getattr(old[line.id], name) for name in fields}) if line.id in old else line
        for line in after.lines
    )


@fault("a_price_changes")
@edited
class KeepsPrices(FakeErp):
    def garble(self, held, change):
        return replace(change.after, lines=lines_of(held, change.after, price=1))


@fault("an_amount_changes", "all_changes_at_once", "a_group_answers_each_key_once", "an_update_whose_answer_is_lost")
@edited
class KeepsAmounts(FakeErp):
    def garble(self, held, change):
        return replace(change.after, lines=lines_of(held, change.after, amount=1))


@fault("a_line_is_added", "all_changes_at_once", "a_rejected_edit_changes_nothing")
@edited
class AddsNoLine(FakeErp):
    def garble(self, held, change):
        old = {line.id for line in held.lines}
        return replace(change.after, lines=tuple(line for line in change.after.lines if line.id in old))


@fault("a_line_is_removed", "all_changes_at_once")
@edited
class KeepsRemovedLines(FakeErp):
    def garble(self, held, change):
        new = {line.id for line in change.after.lines}
        kept = tuple(line for line in held.lines if line.id not in new)
        return replace(change.after, lines=(*change.after.lines, *kept))


@fault("the_note_changes", "all_changes_at_once")
@edited
class KeepsNotes(FakeErp):
    def garble(self, held, change):
        return replace(change.after, more_info=held.more_info)


@fault("the_date_changes")
@edited
class KeepsDates(FakeErp):
    def garble(self, held, change):
        return replace(change.after, delivery_estimated_at=held.delivery_estimated_at)


@fault("the_address_changes")
@edited
class KeepsAddresses(FakeErp):
    def garble(self, held, change):
        return replace(change.after, deliver_to=held.deliver_to)


@fault("all_changes_at_once")
@edited
class TakesOneChangeAtATime(FakeErp):
    def garble(self, held, change):
        return replace(change.after, more_info=held.more_info) if len(change.lines) > 1 else change.after


@fault("an_update_from_the_unknown")
@edited
class TrustsWhatItIsTold(FakeErp):
    def garble(self, held, change):
        return change.after if change.before or held == change.after or held.lines == change.after.lines else held


@fault("an_update_again_changes_nothing", "an_update_whose_answer_is_lost")
@edited
class AddsOnceMore(FakeErp):
    def garble(self, held, change):
        is_again = held == change.after and held.lines[0].amount == Decimal(12)
        return replace(held, lines=(*held.lines, replace(held.lines[0], id="again"))) if is_again else change.after


@fault("an_update_back_to_the_first")
@edited
class NeverGoesBack(FakeErp):
    def garble(self, held, change):
        is_back = change.before and change.after.lines[0].amount < change.before.lines[0].amount
        return held if is_back else change.after


@fault("read_tells_what_update_told")
class ReadsTheOldTotal(FakeErp):
    def _update(self, record, change, key):
        return replace(super()._update(record, change, key), number="another")


@fault("find_knows_the_key_of_an_update")
class ForgetsKeysOfUpdates(FakeErp):
    def _bearing(self, key):
        return [] if key.startswith("u") else super()._bearing(key)


@fault("an_update_of_a_cancelled_record")
class RevivesTheCancelled(FakeErp):
    def _update(self, record, change, key):
        held = self.records[record]
        if not held.gone and held.live is False:
            held.live = True
        return super()._update(record, change, key)


@fault("an_update_of_a_record_that_is_gone")
class RejectsWhatIsGone(FakeErp):
    def _update(self, record, change, key):
        if self.records[record].gone:
            raise OrderRejected("gone")
        return super()._update(record, change, key)


@fault("an_edit_after_confirmation", "a_line_removed_after_confirmation")
class EditsTheConfirmed(FakeErp):
    def _update(self, record, change, key):
        held = self.records[record]
        held.confirmed, was = False, held.confirmed
        try:
            return super()._update(record, change, key)
        finally:
            held.confirmed = was


@fault("an_edit_after_confirmation", settings=OPEN)
class RefusesWhatItPromises(FakeErp):
    def _update(self, record, change, key):
        if self.records[record].confirmed and len(change.after.lines) == 2:
            raise Conflict("confirmed")
        return super()._update(record, change, key)


@fault("a_line_removed_after_confirmation", settings=OPEN)
class KeepsConfirmedLines(FakeErp):
    def _update(self, record, change, key):
        if self.records[record].confirmed and len(change.after.lines) < 2:
            raise Conflict("confirmed")
        return super()._update(record, change, key)


@fault("an_edit_after_the_goods_left")
class EditsWhatHasLeft(FakeErp):
    def _update(self, record, change, key):
        held = self.records[record]
        held.shipped, was = False, held.shipped
        try:
            return super()._update(record, change, key)
        finally:
            held.shipped = was


# ---- cancel


@fault("cancel_again", "a_cancel_whose_answer_is_lost")
class CancelsNoSecondTime(FakeErp):
    def _cancel(self, record, key):
        if any(touch.startswith("x") for touch in self.records[record].touched_by):
            raise Conflict("cancelled")
        return super()._cancel(record, key)


@fault("cancel_of_what_a_clerk_cancelled")
class MindsAClerksCancel(FakeErp):
    def _cancel(self, record, key):
        held = self.records[record]
        if not held.live and not held.gone and not held.touched_by:
            raise Conflict("cancelled")
        return super()._cancel(record, key)


@fault("cancel_of_what_is_gone")
class MindsWhatIsGone(FakeErp):
    def _cancel(self, record, key):
        if self.records[record].gone:
            raise Conflict("gone")
        return super()._cancel(record, key)


@fault("a_new_life_after_a_cancel", settings=UNIQUE)
class HasOneLifeForEachOrder(FakeErp):
    def _create(self, order, key):
        first = [r for r in self.records.values() if r.order.id == order.id and r.key.split("-")[0] == key.split("-")[0]]
        return first[0].seen_from_outside() if first else super()._create(order, key)


@fault("find_knows_the_key_of_a_cancel")
class ForgetsKeysOfCancels(FakeErp):
    def _bearing(self, key):
        return [] if key.startswith("x") else super()._bearing(key)


@fault("a_cancel_needs_no_mapping")
class MapsBeforeItCancels(FakeErp):
    async def cancel(self, record, order, key):
        self._must_know_products(order)
        return await super().cancel(record, order, key)


@fault("read_tells_a_cancel")
class ReadsTheCancelledAsLive(FakeErp):
    def _read(self, record):
        read = super()._read(record)
        return replace(read, live=True) if read and self.records[record].touched_by else read


@fault("cancel_ends_the_record")
class AnswersThatItLives(FakeErp):
    async def cancel(self, record, order, key):
        is_first = self.records[record].live and not self.records[record].gone
        told = await super().cancel(record, order, key)
        return replace(told, id="another") if is_first else told


@fault("a_cancel_after_confirmation")
class CancelsTheConfirmed(FakeErp):
    def _cancel(self, record, key):
        self.records[record].confirmed = False
        return super()._cancel(record, key)


@fault("a_cancel_after_the_goods_left")
class CancelsWhatHasLeft(FakeErp):
    def _cancel(self, record, key):
        self.records[record].shipped = False
        return super()._cancel(record, key)


# ---- refusal and preview


@fault("every_missing_key_is_named", "a_rejected_order_among_good_ones")
class NamesOneGap(FakeErp):
    def _create(self, order, key):
        try:
            return super()._create(order, key)
        except OrderRejected as rejected:
            raise OrderRejected(str(rejected), missing=rejected.missing[:1]) from None


@fault("a_rejected_order_leaves_nothing")
class LeavesACustomer(FakeErp):
    def _create(self, order, key):
        try:
            return super()._create(order, key)
        except OrderRejected:
            self.clerk_types(order)
            raise


@fault("a_rejected_order_can_come_again")
class BlocksARejectedKey(FakeErp):
    rejected = None

    def _create(self, order, key):
        self.rejected = self.rejected or set()
        if key in self.rejected:
            raise OrderRejected("rejected before")
        try:
            return super()._create(order, key)
        except OrderRejected:
            self.rejected.add(key)
            raise


@fault("a_rejected_edit_changes_nothing")
class WritesHalfAnEdit(FakeErp):
    def _update(self, record, change, key):
        try:
            return super()._update(record, change, key)
        except OrderRejected:
            held = self.records[record]
            held.order = replace(held.order, more_info="half")
            raise


@fault("preview_touches_nothing")
class DoesWhatItPreviews(FakeErp):
    async def preview(self, effect):
        words = await super().preview(effect)
        self.clerk_types(effect.order)
        return words


@fault("preview_tells_what_is_missing")
class PreviewsAnything(FakeErp):
    async def preview(self, effect):
        return f"{effect.kind} {effect.order.id}"


# ---- doubts


def away_from(erp):
    try:
        erp.on_call("before anything")
    except ErpUnavailable:
        return True
    return False


@fault("effects_on_an_erp_that_is_away", "a_group_for_an_erp_that_is_away")
class WritesAllTheSame(FakeErp):
    async def create(self, order, key):
        if away_from(self):
            self._create(order, key)
        return await super().create(order, key)


@fault("find_in_an_erp_that_is_away", "many_keys_of_an_erp_that_is_away")
class FindsNothingWhileAway(FakeErp):
    async def find(self, key):
        return None if away_from(self) else await super().find(key)


@fault("read_in_an_erp_that_is_away")
class ReadsNothingWhileAway(FakeErp):
    async def read(self, record):
        return None if away_from(self) else await super().read(record)


@fault("reports_of_an_erp_that_is_away")
class TellsNothingWhileAway(FakeErp):
    async def reports(self, since):
        return Reports((), since or "x") if away_from(self) else await super().reports(since)


@fault("an_erp_that_is_back")
class StaysAway(FakeErp):
    is_away = False

    async def create(self, order, key):
        if self.is_away:
            raise ErpUnavailable("away before")
        self.is_away = away_from(self)
        return await super().create(order, key)


@fault("a_create_whose_answer_is_lost")
class SaysThatNothingWasSent(FakeErp):
    async def create(self, order, key):
        try:
            return await super().create(order, key)
        except TimeoutError:
            raise ErpUnavailable("it took too long") from None


@fault("an_update_whose_answer_is_lost")
class SaysThatNoEditWasSent(FakeErp):
    async def update(self, record, change, key):
        try:
            return await super().update(record, change, key)
        except TimeoutError:
            raise ErpUnavailable("it took too long") from None


@fault("a_cancel_whose_answer_is_lost")
class SaysThatNoCancelWasSent(FakeErp):
    async def cancel(self, record, order, key):
        try:
            return await super().cancel(record, order, key)
        except TimeoutError:
            raise ErpUnavailable("it took too long") from None


@fault("a_call_that_is_cut_off")
class NeverUnlocks(FakeErp):
    busy = False

    async def create(self, order, key):
        if self.busy:
            raise ErpUnavailable("another call is under way")
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.busy = True
            raise
        return await super().create(order, key)


# ---- words and numbers


def updates_too(kind):
    def _update(self, record, change, key):
        after = replace(change.after, more_info=self.spoil(change.after.more_info or "") or None)
        return FakeErp._update(self, record, difference(change.before, after), key)

    def clerk_types(self, order, *, key=""):
        return FakeErp.clerk_types(self, replace(order, more_info=self.spoil(order.more_info or "") or None), key=key)

    kind._update, kind.clerk_types = _update, clerk_types
    return kind


FAULTS_OF_TEXT = {
    "letters_of_all_scripts": lambda text: text.encode("ascii", "replace").decode() if "山" in text else text,
    "quotes_and_placeholders": lambda text: text.replace("\\", ""),
    "markup": lambda text: text.replace("<b>", ""),
    "line_breaks": lambda text: text.partition("\n")[0] if "\u2028" in text else text,
    "formulas": lambda text: "" if text.startswith(("=", "+")) else text,
    "long_text": lambda text: text[:20] if len(text) > 1000 else text,
    "signs_that_nobody_sees": lambda text: text.partition("\x00")[0],
}
for name, spoil in FAULTS_OF_TEXT.items():
    fault(name)(updates_too(type(f"Spoils{name.title().replace('_', '')}", (FakeErp,), {"spoil": staticmethod(spoil)})))


@fault("numbers_in_another_spelling")
class MissesExponents(FakeErp):
    def clerk_types(self, order, *, key=""):
        lines = (replace(line, amount=Decimal(1)) if "E" in str(line.amount) else line for line in order.lines)
        return super().clerk_types(replace(order, lines=tuple(lines)), key=key)


@fault("numbers_finer_than_the_erps")
class CutsDigitsOff(FakeErp):
    def _booked(self, held):
        super()._booked(held)
        fine = [line.amount is not None and line.amount.as_tuple().exponent < -6 for line in held.lines]
        if any(fine):
            held.lines = tuple(replace(line, amount=line.amount + Decimal("0.07")) for line in held.lines)
        return held.seen_from_outside()


@fault("what_is_priced_by_another_unit", settings=replace(RICH, books=True))
class MultipliesBoxesByKilos(FakeErp):
    def _booked(self, held):
        super()._booked(held)
        if held.lines:
            swapped = [line.total for line in held.lines]
            first, *others = held.lines
            if len(others) == 1 and swapped[0] == Decimal(72) and not held.touched_by:
                held.lines = (replace(first, total=Decimal(12)), replace(others[0], total=others[0].total + 60))
        return held.seen_from_outside()


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
