"""Faults of updates."""

from dataclasses import replace
from decimal import Decimal

from daemon.domain.content import difference
from daemon.errors import Conflict, OrderRejected
from daemon.testing import FakeErp
from tests.support.broken_erps.fault import OPEN, fault

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
