"""The kinds of column: what may go into the database, and how it comes out again, the same on SQLite and PostgreSQL."""

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, Text, TypeDecorator

from daemon.domain.secrecy import masked_text
from daemon.errors import PoisonRow

#: What PostgreSQL refuses in a text: NUL, and surrogates that UTF-8 cannot say.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

#: Whole numbers of 64 bits; SQLite counts up by itself only in a column of the type INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware moment, in UTC both ways; SQLite by itself would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its signature
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # its signature
        if value is None or value.tzinfo is UTC:
            return value  # type: ignore[no-any-return]
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)  # type: ignore[no-any-return]


class Words(TypeDecorator[str]):
    """Foreign text, cleaned of what a database refuses: one NUL in an ERP's error must not stop a slice (A20)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        if value is None or (value.isascii() and "\x00" not in value):
            return value
        return _UNSTORABLE.sub("\ufffd", value)


class Reason(TypeDecorator[str]):
    """Why, in somebody's words: cleaned like all foreign text, and of the secrets that ERPs put into their errors."""

    impl = Words
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        return masked_text(value) if value else value


class Id(TypeDecorator[str]):
    """Text that names a row. It is refused instead of cleaned, because two names must never become one."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        if value is not None and _UNSTORABLE.search(value):
            raise PoisonRow(f"The id {value[:40]!r} holds characters that no database keeps")
        return value


class Texts(TypeDecorator[tuple[str, ...]]):
    """A few texts in one column, as JSON; its escapes hold NUL and surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str | None:  # noqa: ARG002  # its signature
        return "[]" if not value else json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002  # its signature
        return () if value == "[]" else tuple(json.loads(value))


def one_of(choices: type[StrEnum]) -> Enum:
    """A word of an enumeration, stored as it is spelt; a new word is no change of the schema."""
    return Enum(choices, native_enum=False, length=16, values_callable=lambda words: [word.value for word in words])
