"""Odd text, and numbers that the ERP cannot hold as they are."""

import unicodedata
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from daemon.domain.order import Order
from daemon.errors import OrderRejected
from daemon.ports import BookedLine, Record
from daemon.testing.exam.sitting import Sitting, question, waived
from daemon.testing.exam.updating import first_line, updated

#: How much of a long text must arrive.
_ENOUGH = 60


def essence(text: str) -> str:
    """A text without what an ERP may change of it: spaces, line ends, and signs that nobody can see."""
    return "".join(sign for sign in unicodedata.normalize("NFC", text) if sign.isprintable() and not sign.isspace())


async def taken(sitting: Sitting, order: Order) -> Record | None:
    """The record of an odd order; None where it was rejected, in which case nothing may have been written."""
    before = await sitting.everything()
    try:
        return (await sitting.made(order))[1]
    except OrderRejected:
        assert await sitting.everything() == before
        return None


async def must_be_harmless(sitting: Sitting, text: str) -> None:
    """Text in every free field arrives, or the order is rejected; it is found, and the same update again changes nothing."""
    order = sitting.order()
    order = replace(order, more_info=text, lines=tuple(replace(line, display_name=text) for line in order.lines))
    record = await taken(sitting, order)
    if record is None:
        return
    held = await sitting.held(record)
    assert len(held.lines) == len(order.lines)
    if held.note is not None:
        assert essence(text)[:_ENOUGH] in essence(held.note)
    await updated(sitting, record, order, order)
    assert await sitting.held(record) == held
    await must_be_found(sitting, order, record)


async def must_be_found(sitting: Sitting, order: Order, record: Record) -> None:
    """By its key, where the adapter can be asked."""
    if sitting.erp.capabilities.find != "nothing":
        found = await sitting.erp.find(sitting.key(order))
        assert found is not None
        assert found.id == record.id


def is_rounding(booked: Decimal, said: Decimal) -> bool:
    """Whether a number is another one, rounded half up to some number of digits."""
    return booked == said or any(booked == said.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP) for digits in range(8))


def in_their_own_unit(order: Order, record: Record) -> list[tuple[BookedLine, Any]]:
    """Booked lines, with the order's, whose unit the ERP left alone."""
    ordered = {line.id: line for line in order.lines}
    pairs = [(booked, ordered[booked.line_id]) for booked in record.lines or () if booked.line_id in ordered]
    return [(booked, line) for booked, line in pairs if booked.unit == line.unit and booked.amount is not None]


class Wording:
    """What people type, and what they count in."""

    @question()
    async def test_letters_of_all_scripts(self, sitting: Sitting) -> None:
        """Accents, other scripts and pictures arrive."""
        await must_be_harmless(sitting, "Ñandú · Ωμέγα · 山田 · עברית · e\u0301 · 🍅")

    @question()
    async def test_quotes_and_placeholders(self, sitting: Sitting) -> None:
        """Quotes, backslashes and what looks like a placeholder arrive as they are."""
        await must_be_harmless(sitting, """O'Brien "no"; `x` \\ %s %(a)s {0} ${HOME} {{ y }} '); DROP TABLE orders; --""")

    @question()
    async def test_markup(self, sitting: Sitting) -> None:
        """What looks like markup is text."""
        await must_be_harmless(sitting, "<b>&amp; Vidal</b> <!-- x --> ]]> <script>alert(1)</script>")

    @question()
    async def test_line_breaks(self, sitting: Sitting) -> None:
        """Line breaks and tabs do no harm."""
        await must_be_harmless(sitting, "first\r\nsecond\n\nthird\tfourth\u2028fifth")

    @question()
    async def test_formulas(self, sitting: Sitting) -> None:
        """What a spreadsheet would run as a formula arrives as text."""
        await must_be_harmless(sitting, '=HYPERLINK("http://x.example";"y")')
        await must_be_harmless(sitting, "+1 @SUM(A1) -2")

    @question()
    async def test_long_text(self, sitting: Sitting) -> None:
        """A text of five thousand characters arrives, or as much of it as there is room for."""
        await must_be_harmless(sitting, "call the gate " * 360)

    @question()
    async def test_signs_that_nobody_sees(self, sitting: Sitting) -> None:
        """NUL, bells and marks of direction do no harm."""
        await must_be_harmless(sitting, "gate\x00 4\x07 \u202eleft\ufeff")

    # ---- numbers

    @question()
    async def test_numbers_in_another_spelling(self, sitting: Sitting) -> None:
        """Ten is ten, be it spelled 10.000 or 1E+1."""
        order = first_line(sitting.order(), amount=Decimal(10))
        _, plain = await sitting.made(order)
        for amount in ("10.000", "1E+1"):
            _, spelled = await sitting.made(first_line(replace(order, id=sitting.order().id), amount=Decimal(amount)))
            assert await sitting.held(spelled) == await sitting.held(plain)

    @question()
    async def test_numbers_finer_than_the_erps(self, sitting: Sitting) -> None:
        """An amount with too many decimals is rounded half up, or rejected; and the same update again changes nothing."""
        order = sitting.order()
        fine = [replace(line, amount=(line.amount or Decimal(0)) + Decimal("0.1234565")) for line in order.lines]
        order = replace(order, lines=tuple(fine))
        record = await taken(sitting, order)
        if record is None:
            return
        held = await sitting.held(record)
        await updated(sitting, record, order, order)
        assert await sitting.held(record) == held
        for booked, line in in_their_own_unit(order, record):
            assert is_rounding(booked.amount or Decimal(0), line.amount)

    @question()
    async def test_what_is_priced_by_another_unit(self, sitting: Sitting) -> None:
        """Where `unit` and `price_unit` differ (boxes priced per kilo), amount times price is not what the line comes to."""
        order, record = await sitting.made()
        pairs = [(booked, line) for booked, line in in_their_own_unit(order, record) if line.price_unit not in (None, line.unit)]
        pairs = [pair for pair in pairs if pair[0].total is not None and pair[1].total_price is not None]
        if not pairs:
            waived("by the stage: no line of its order that the adapter reads back in its own unit is priced by another one")
        for booked, line in pairs:
            assert booked.total == line.total_price
