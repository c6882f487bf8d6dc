"""The kinds of column: what may go into the database, and how it comes out again, the same on SQLite and PostgreSQL."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from daemon.domain.brakes import Brakes
from daemon.domain.pause import Direction, Pause
from daemon.domain.secrecy import masked_text
from daemon.errors import PoisonRow

T = TypeVar("T")

#: What PostgreSQL refuses in a text: NUL, and surrogates that UTF-8 cannot say.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

#: Whole numbers of 64 bits; SQLite counts up by itself only in a column of the type INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")


class _Kind(TypeDecorator[T]):
    """A kind of column, its values said and heard by one function each: SQLAlchemy's own way wraps every value in three."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok = True

    def say(self, value: Any) -> Any:
        """What the driver is given for a value."""
        return value

    def hear(self, value: Any) -> Any:
        """What its answer means."""
        return value

    def say_all(self, values: Sequence[Any]) -> Sequence[Any]:
        """What the driver is given for many values."""
        return [*map(self.say, values)]

    def sayer(self, dialect: Dialect) -> Callable[[Sequence[Any]], Sequence[Any]]:  # noqa: ARG002  # one for all
        return self.say_all

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:  # noqa: ARG002  # its signature
        return self.say

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:  # noqa: ARG002  # its signature
        return None if type(self).hear is _Kind.hear else self.hear


class Moment(TypeDecorator[datetime]):
    """An aware moment, in UTC both ways. SQLite has no type for it, and keeps it as a text that does not say the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        return _moment_text if dialect.name == "sqlite" else _in_utc

    def sayer(self, dialect: Dialect) -> Callable[[Sequence[datetime | None]], Sequence[Any]]:
        return partial(each_once, self.bind_processor(dialect))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002  # its signature
        return _moment if dialect.name == "sqlite" else _in_utc


def each_once(say: Callable[[Any], Any], values: Sequence[Any]) -> Sequence[Any]:
    """Many rows of one commit hold the same few values, often but one: each of them is said once."""
    if values and values.count(values[0]) == len(values):
        return [say(values[0])] * len(values)
    said = {value: say(value) for value in {*values}}
    return [said[value] for value in values]


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise PoisonRow("A moment without a time zone is none")
    return value.astimezone(UTC)


def _moment_text(value: datetime | None) -> str | None:
    moment = _in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds")[:-6]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class Words(_Kind[str]):
    """Foreign text, cleaned of what a database refuses: one NUL in an ERP's error must not stop a slice (A20)."""

    cache_ok = True

    def say(self, value: str | None) -> str | None:
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)

    def say_all(self, values: Sequence[str | None]) -> Sequence[str | None]:
        """Almost all are well, which one look at all of them shows."""
        together = "".join(filter(None, values))
        return values if together.isascii() and "\x00" not in together else super().say_all(values)


class Reason(Words):
    """Why, in somebody's words: cleaned like all foreign text, and of the secrets that ERPs put into their errors."""

    cache_ok = True

    def say(self, value: str | None) -> str | None:
        return super().say(masked_text(value)) if value else value

    def say_all(self, values: Sequence[str | None]) -> Sequence[str | None]:
        return [*map(self.say, values)] if any(values) else values


class BrakesText(TypeDecorator[Brakes]):
    """The brakes of a workspace as JSON; none where none was ever pulled."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Brakes | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        return None if value is None or value == Brakes() else value.text()

    def process_result_value(self, value: Any, dialect: Dialect) -> Brakes:  # noqa: ARG002  # its signature
        return Brakes() if value is None else Brakes.from_text(value)


class Id(_Kind[str]):
    """Text that names a row. It is refused instead of cleaned, because two names must never become one."""

    cache_ok = True

    def say(self, value: str | None) -> str | None:
        if value is not None and _UNSTORABLE.search(value):
            raise PoisonRow(f"The id {value[:40]!r} holds characters that no database keeps")
        return value

    def say_all(self, values: Sequence[str | None]) -> Sequence[str | None]:
        return super().say_all(values) if _UNSTORABLE.search("".join(filter(None, values))) else values


class Amount(_Kind[Decimal]):
    """A number with all its digits, as text: SQLite would make a float of it."""

    cache_ok = True

    def say(self, value: Decimal | None) -> str | None:
        return None if value is None else str(value)

    def hear(self, value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)


class Texts(_Kind[tuple[str, ...]]):
    """A few texts in one column, as JSON; its escapes hold NUL and surrogates."""

    cache_ok = True

    def say(self, value: tuple[str, ...] | None) -> str:
        return "[]" if not value else json.dumps(value)

    def say_all(self, values: Sequence[tuple[str, ...] | None]) -> Sequence[str]:
        return each_once(self.say, values)

    def hear(self, value: str) -> tuple[str, ...]:
        return () if value == "[]" else tuple(json.loads(value))


class Pauses(TypeDecorator[tuple[Pause, ...]]):
    """The directions of a workspace that rest, as JSON; NULL when all of them work."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[Pause, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        if not value:
            return None
        said = [{**asdict(pause), "since": pause.since.isoformat(), "reason": masked_text(pause.reason)} for pause in value]
        return json.dumps(said)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[Pause, ...]:  # noqa: ARG002  # its signature
        return tuple(_pause(said) for said in json.loads(value)) if value else ()


def _pause(said: dict[str, str]) -> Pause:
    kept = {**said, "direction": Direction(said["direction"]), "since": datetime.fromisoformat(said["since"])}
    return Pause(**kept)  # type: ignore[arg-type]  # the keys are the fields, as they were stored


class _OneOf(_Kind[StrEnum]):
    """A word of an enumeration, stored as it is spelt; a new word is no change of the schema."""

    impl = String(16)
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def say(self, value: StrEnum | str | None) -> str | None:
        return None if value is None else self.choices(value).value

    def say_all(self, values: Sequence[StrEnum | str | None]) -> Sequence[str | None]:
        return each_once(self.say, values)

    def hear(self, value: str | None) -> StrEnum | None:
        return None if value is None else self.choices(value)


def one_of(choices: type[StrEnum]) -> TypeDecorator[StrEnum]:
    """A column for the words of an enumeration."""
    return _OneOf(choices)
