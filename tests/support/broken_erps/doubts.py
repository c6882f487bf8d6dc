"""Faults of doubts, words and numbers."""

import asyncio
from dataclasses import replace
from decimal import Decimal

from daemon.domain.content import difference
from daemon.errors import ErpUnavailable
from daemon.ports import Reports
from daemon.testing import FakeErp
from tests.support.broken_erps.fault import RICH, away_from, fault

# ---- doubts


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
