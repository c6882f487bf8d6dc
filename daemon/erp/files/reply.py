"""What a reply of the ERP says, read strictly: whoever wrote it, nothing that is unclear counts."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from daemon.domain.ledger import News, NewsKind

#: The form of a reply; a new number whenever an ERP would have to change.
REPLY_SCHEMA = "consentio-sync/reply/1"

MAX_TEXT, MAX_REASON, MAX_MISSING = 100, 500, 200
_TOTAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_MISSING = re.compile(r"[a-z_]{1,20}:.{1,100}")


def _line(value: Any) -> Any:
    if not isinstance(value, str) or not (text := value.strip()):
        raise ValueError("must be text that is not empty")
    if not text.isprintable() or len(text) > MAX_TEXT:
        raise ValueError(f"must be one line of printable text, {MAX_TEXT} characters at most")
    return text


def _prose(value: Any) -> Any:
    """A reason is for people: an odd character in it is no reason to refuse it."""
    if not isinstance(value, str) or not (text := " ".join(value.split())):
        raise ValueError("must be text that is not empty")
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:MAX_REASON])


def _truth(value: Any) -> Any:
    known = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in known:
        raise ValueError("must be true or false")
    return known[value.strip().lower()]


def _amount(value: Any) -> Any:
    if not isinstance(value, str) or not _TOTAL.fullmatch(value.strip()):
        raise ValueError("must be a plain number such as 1234.50")
    return Decimal(value.strip())


def _moment(value: Any) -> Any:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("must be a moment with its zone, such as 2026-11-25T21:00:00Z") from None


def _keys(value: Any) -> Any:
    if not isinstance(value, list) or len(value) > MAX_MISSING:
        raise ValueError(f"must be a list of {MAX_MISSING} texts at most")
    if not all(isinstance(key, str) and key.isprintable() and _MISSING.fullmatch(key) for key in value):
        raise ValueError("each must be kind:key, such as product:TOM-RAF")
    return tuple(dict.fromkeys(value))


Name = Annotated[str, BeforeValidator(_line)]
Truth = Annotated[bool, BeforeValidator(_truth)]


class Reply(BaseModel):
    """One answer of the ERP to one document, or news of one record. Numbers arrive as their digits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["consentio-sync/reply/1"] | None = Field(
        None, alias="schema", description="the form of this reply; may be left out"
    )
    key: Name | None = Field(None, description="the `key` of the document that is answered")
    record: Name | None = Field(None, description="the `record` that is spoken of; one of `key` and `record` must be there")
    number: Name | None = Field(None, description="the ERP's own number of the record, which people call it by")
    status: Name | None = Field(None, description="the ERP's word for where the record stands")
    total: Annotated[Decimal, BeforeValidator(_amount)] | None = Field(
        None,
        description="the total as booked, without taxes, beside a number or a status; compared with the document that key names",
    )
    cancelled: Truth | None = Field(
        None, description="the record is cancelled in the ERP; false: it is alive again, which only this says"
    )
    prepared: Truth | None = Field(None, description="the goods are ready")
    refused: Truth | None = Field(None, description="the document with `key` was not taken over and never will be")
    reason: Annotated[str, BeforeValidator(_prose)] | None = Field(
        None, description="why it was refused or cancelled, for people"
    )
    missing: Annotated[tuple[str, ...], BeforeValidator(_keys)] = Field(
        (), description="all that the ERP does not know, each kind:key; beside refused"
    )
    at: Annotated[datetime, BeforeValidator(_moment)] | None = Field(
        None, description="when it happened; else when the file was written"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if problems := list(self._contradictions()):
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        says_good = (self.number, self.status, self.total, self.prepared or None)
        if self.key is None and self.record is None:
            yield "key or record must name what is spoken of"
        if self.refused and (self.key is None or not self.reason):
            yield "refused needs the key of the document and a reason"
        if self.refused and (any(said is not None for said in says_good) or self.cancelled is not None):
            yield "what was refused has no number, status or total, and is neither cancelled nor prepared"
        if self.cancelled and self.prepared:
            yield "what is cancelled is not prepared"
        if self.missing and not self.refused:
            yield "missing belongs beside refused"
        if self.total is not None and self.number is None and self.status is None:
            yield "total belongs beside a number or a status"
        if not self.refused and self.cancelled is None and all(said is None for said in says_good):
            yield "it says nothing: give a number, a status, cancelled, prepared or refused"

    def news(self, record: str, *, written_at: datetime, live: bool, ours: bool) -> Iterator[News]:
        """What the core is told of it. `live` is the record by its newest word; that our own cancel was done is no news.

        A status says of a record that it is live, so one that is not has none.
        """
        at = self.at or written_at
        if self.number is not None:
            yield News(record=record, kind=NewsKind.NUMBERED, at=at, number=self.number, total=self.total, key=self.key)
        if live and not self.cancelled and (self.status is not None or self.cancelled is False):
            yield News(record=record, kind=NewsKind.STATUS, at=at, status=self.status, total=self.total, key=self.key)
        if self.cancelled and not ours:
            yield News(record=record, kind=NewsKind.CANCELLED, at=at, status=self.status, reason=self.reason or "")
        if self.prepared and live:
            yield News(record=record, kind=NewsKind.PREPARED, at=at)
        if self.refused:
            yield News(record=record, kind=NewsKind.REFUSED, at=at, key=self.key, reason=self.reason or "", missing=self.missing)


def reply_of(values: dict[str, Any]) -> Reply:
    """Raises ValueError with every problem, none of which repeats a value."""
    try:
        return Reply.model_validate(values)
    except ValidationError as invalid:
        problems = [_problem(error) for error in invalid.errors(include_input=False, include_url=False, include_context=False)]
    raise ValueError("; ".join(problems))


def _problem(error: Any) -> str:
    where = "".join(f"{ascii(part)[1:-1][:40]}: " for part in error["loc"][:1])
    if error["type"] == "extra_forbidden":
        known = ", ".join(field.alias or name for name, field in Reply.model_fields.items())
        return f"{where}no reply says this; known are {known}"
    return where + str(error["msg"]).removeprefix("Value error, ")
