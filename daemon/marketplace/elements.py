"""A JSON array taken apart element by element, so that each keeps its own bytes and one bad element spoils no other.

msgspec reads what is plain JSON, in half the time; whatever it refuses is read by the standard library's patient decoders.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from json import JSONDecoder
from typing import Any

import msgspec

from daemon.errors import SliceUnreadable
from daemon.marketplace.scalars import parse_float, unfit_constant, unfit_float, unfit_int

_BLANK = re.compile(r"[ \t\r\n]*")
#: What counts for the nesting; a string is skipped whole.
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)

#: Whole arrays, each element left as its bytes; and one value, its numbers exact.
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_PLAIN = msgspec.json.Decoder(float_hook=parse_float)
#: Fast, and out of its depth with an odd number anywhere; the patient one then puts a stand-in for the number.
_FAST = JSONDecoder(parse_float=parse_float, parse_constant=unfit_constant)
_PATIENT = JSONDecoder(parse_float=unfit_float, parse_int=unfit_int, parse_constant=unfit_constant)
#: Bytes that are no UTF-8 travel as lone surrogates: they are cleaned in texts, and come out again in raw bytes.
_CODEC = ("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class TooDeep:
    """Stands for an element that is nested too deeply to be read."""


def decode(raw: bytes) -> Any:
    """The value of one JSON text; ValueError if it is none."""
    with suppress(ValueError, ArithmeticError, RecursionError):
        return _PLAIN.decode(raw)
    text = raw.decode(*_CODEC)
    with suppress(ValueError, ArithmeticError, RecursionError):
        return _FAST.decode(text)
    try:
        return _PATIENT.decode(text)
    except RecursionError:
        return TooDeep()


def split(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """Each element's own bytes, or a view of them; `null` is an empty array.

    SliceUnreadable where the array is broken, cut off, or no array.
    """
    try:
        return _ELEMENTS.decode(body)
    except (ValueError, RecursionError):
        return list(_split(body))


def _split(body: bytes) -> Iterator[bytes]:
    text = body.decode(*_CODEC).removeprefix("\ufeff")
    at = _skip(text, 0)
    if text.startswith("null", at):
        return _end(text, at + 4)
    if not text.startswith("[", at):
        raise SliceUnreadable("the answer is no JSON array")
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return _end(text, at + 1)
    while True:
        end = _element(text, at)
        yield text[at:end].encode(*_CODEC)
        at = _skip(text, end)
        if text.startswith("]", at):
            return _end(text, at + 1)
        if not text.startswith(",", at):
            raise _broken(at)
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _end(text: str, at: int) -> None:
    if _skip(text, at) != len(text):
        raise _broken(at)


def _broken(at: int) -> SliceUnreadable:
    return SliceUnreadable(f"the answer is cut off or no JSON, at character {at}")


def _element(text: str, at: int) -> int:
    """Where the element that begins here ends."""
    try:
        return _PATIENT.raw_decode(text, at)[1]
    except ValueError:
        raise _broken(at) from None
    except RecursionError:
        return _closing(text, at)


def _closing(text: str, at: int) -> int:
    """Where the nested value that begins here ends, found without recursion."""
    depth = 0
    for found in _NESTING.finditer(text, at):
        depth += (found[0] in "[{") - (found[0] in "]}")
        if depth == 0:
            return found.end()
    raise _broken(at)
