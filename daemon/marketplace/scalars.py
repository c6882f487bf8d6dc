"""Single values off the wire: tolerant in spelling, strict in meaning. What cannot be meant raises ValueError in a few words."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Rounded, Subnormal
from typing import Any

from daemon.marketplace.words import clean

#: No number of trade has more digits, or is larger than 1e30 or finer than 1e-30: written out, it could fill the memory.
MAX_DIGITS = 40
MAX_ID = 200
_TOO_LARGE = 10**30
_TRADE = Context(prec=MAX_DIGITS, Emin=-30, Emax=30, traps=[Inexact, InvalidOperation, Overflow, Rounded, Subnormal])

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: Control characters but for tab and line breaks, and halves of surrogate pairs: no database, file or log takes all of them.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

#: The number exactly as it is written, as a C function; DecimalException if it is none of trade.
parse_float = _TRADE.create_decimal


class Unfit:
    """Stands for a number that is none of trade, or unknown to JSON, until somebody asks for its value."""


def unfit_float(digits: str) -> Decimal | Unfit:
    try:
        return parse_float(digits)
    except DecimalException:
        return Unfit()


def unfit_int(digits: str) -> int | Unfit:
    return int(digits) if len(digits) <= MAX_DIGITS else Unfit()


def unfit_constant(_: str) -> Unfit:
    return Unfit()


def text(value: Any) -> str | None:
    """Cleaned text; a number is its digits; an empty value of any kind is absent."""
    if not value:
        return None
    if type(value) is str:
        return value if value.isprintable() else _UNFIT.sub("\ufffd", value)
    if type(value) is Decimal:
        return format(value, "f")
    if type(value) is int:
        return ident(value)
    raise ValueError("is no text")


def texts(get: Callable[[str], Any], names: Sequence[str]) -> dict[str, str | None]:
    """Many texts at once: where all are well they are looked at as one, for speed."""
    found = [get(name) or None for name in names]
    try:
        if "".join(filter(None, found)).isprintable():
            return dict(zip(names, found, strict=True))
    except TypeError:  # not all of them are text
        pass
    return dict(zip(names, map(text, found), strict=True))


def are_fit(texts: Iterable[str | None]) -> bool:
    """Whether `text` would leave all of them as they are."""
    said = "".join(filter(None, texts))
    return said.isprintable() or not _UNFIT.search(said)


def ident(value: Any) -> str | None:
    """An id as text: 5001 and "5001" are the same."""
    if type(value) is int and -_TOO_LARGE < value < _TOO_LARGE:
        return str(value)
    if value is None or value == "":
        return None
    if type(value) is str and len(value) <= MAX_ID and value.isprintable():
        return value
    raise ValueError("is no id")


def number(value: Any) -> Decimal | None:
    """A number, or the text of one. Infinite, endless and misspelt ones are refused, and so are true and false."""
    if type(value) is Decimal:
        return value
    if type(value) is int and -_TOO_LARGE < value < _TOO_LARGE:
        return Decimal(value)
    if value is None or value == "":
        return None
    if type(value) is str and _NUMBER.fullmatch(digits := value.strip()):
        return _spelt(digits)
    raise ValueError("is no usable number")


def _spelt(digits: str) -> Decimal:
    try:
        return parse_float(digits)
    except DecimalException:
        raise ValueError("is no usable number") from None


def moment(value: Any) -> datetime | None:
    """An RFC 3339 moment, in UTC. The year 1, which some languages write for "never", is None."""
    if value is None or value == "":
        return None
    if type(value) is not str:
        raise ValueError("is no date-time")
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is no RFC 3339 date-time: '{clean(value, 40)}'") from None
    if when.tzinfo is None:
        raise ValueError(f"has no offset from UTC: '{clean(value, 40)}'")
    return _in_utc(when) if when.year > 1 else None


def _in_utc(when: datetime) -> datetime:
    if when.tzinfo is UTC:
        return when
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise ValueError("is a moment beyond the calendar") from None


def flag(value: Any) -> bool | None:
    """True or false; anything else is unknown, for no flag of the API decides anything."""
    return value if value is True or value is False else None
