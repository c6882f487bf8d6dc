"""Faults of cancel, refusal and preview."""

from dataclasses import replace

from daemon.errors import Conflict, OrderRejected
from daemon.testing import FakeErp
from tests.support.broken_erps.fault import UNIQUE, fault

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
