"""An order's story in words: how it stands, what happened, and what comes next."""

from collections.abc import Iterator
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING

from daemon.cli.coming import next_words, when
from daemon.cli.contents import content_of
from daemon.cli.moments import age
from daemon.domain.content import Change, FieldChange, LineChange, difference
from daemon.domain.ledger import Attempt, Errand, Kind, LedgerRow, NewsKind, Outcome, Recorded, Stream
from daemon.domain.order import Order

if TYPE_CHECKING:
    from daemon.store.story import Story

#: When it happened, its rank among what happened at one moment, what it was, and what more there is to it, line by line.
Event = tuple[datetime, int, str, list[str]]
#: Who wants something comes before what was done for it, and that before what was told of it.
_REVISION, _PERSON, _CALL, _AFTER, _TOLD = range(5)

_VERDICTS = ("OrderRejected: ", "Conflict: ", "Ambiguous: ", "ErpUnavailable: ", "NotOurs: ")

_MINUTE_S = 60
#: Details stand below the words, not below the moment.
_BELOW = " " * 23
_FOUND = {
    Stream.ACCEPTED: "found among the latest orders",
    Stream.EDITED: "found on the edited list",
    Stream.NEAR: "found by the near sweep",
    Stream.WIDE: "found by the wide sweep",
}
_ENDED = {
    Outcome.DONE: "done",
    Outcome.FOUND: "it is there",
    Outcome.ABSENT: "it did not arrive",
    Outcome.UNKNOWN: "nobody knows; the whole content is sent again",
    Outcome.REJECTED: "the ERP refused it",
    Outcome.CONFLICT: "the ERP has progressed too far",
    Outcome.AMBIGUOUS: "several records bear its key",
    Outcome.UNAVAILABLE: "the ERP was away, nothing was sent",
    Outcome.WITHDRAWN: "it was not begun, nothing was sent",
}

_REFERENCE_TOLD = "Consentio was told the ERP's reference {}"
_PUSHES = (Kind.REFERENCE, Kind.SEEN)
_ERRANDS = {Kind.CANCEL_REMOTE: "to cancel it", Kind.PREPARE: "to mark it as prepared"}
_NEWS = {
    NewsKind.STATUS: "its status is {status}",
    NewsKind.NUMBERED: "its number is {number}",
    NewsKind.CANCELLED: "it was cancelled there",
    NewsKind.PREPARED: "the goods are ready",
    NewsKind.REFUSED: "{key} was refused",
}


def story_lines(story: "Story") -> Iterator[str]:
    """The whole story, oldest event first."""
    yield from _standing(story)
    for errand in story.errands:
        yield from _asked(errand)
    yield from (f"  {pause.direction.value} of this workspace is {pause}" for pause in story.paused)
    yield ""
    yield "What happened (moments are UTC):"
    for moment, _, text, details in sorted(_events(story), key=itemgetter(0, 1)):
        yield f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}  {text}"
        yield from (f"{_BELOW}{detail}" for detail in details)


def _standing(story: "Story") -> Iterator[str]:
    order = story.order
    number = f" with number {order.erp_number}" if order.erp_number not in (None, order.erp_record) else ""
    record = f", in the ERP as {order.erp_record}{number}" if order.erp_record else ""
    status = f" ({order.erp_status})" if order.erp_record and order.erp_status else ""
    stands = ", ".join(filter(None, (order.latest_status, order.situation.value.replace("_", " "))))
    yield f"order {order.id} of workspace {story.workspace}: {stands}{record}{status}"
    if order.reason:
        yield f"  reason: {order.reason}"
    if order.mismatch and order.mismatch not in order.reason:
        yield f"  booked otherwise: {order.mismatch}"
    if order.missing:
        yield f"  missing: {', '.join(order.missing)}"
    yield f"  next: {next_words(order, story.workspace, story.paused)}"
    if order.tell_due_at or order.tell_reason:
        reason = f": {order.tell_reason}" if order.tell_reason else ""
        yield f"  Consentio is still to be told{when(order.tell_due_at)}{reason}"


def _asked(errand: Errand) -> Iterator[str]:
    """What Consentio is still to be asked, or refused for good."""
    if errand.done_at is not None:
        return
    refused = f", which it refused: {errand.answer}" if errand.answer else ""
    again = when(errand.due_at) or f"; `consentio-sync retry {errand.order_id}` asks again"
    yield f"  Consentio is to be asked {_ERRANDS[errand.kind]} ({errand.reason or errand.who}){refused}{again}"


def _events(story: "Story") -> Iterator[Event]:
    yield from _revisions(story)
    yield from _calls(story)
    keys = {row.key for row in story.ledger}
    for told in story.news:
        yield told.at, _AFTER, _news_words(told), []
    for errand in story.errands:
        if errand.done_at is not None and errand.answer and errand.key not in keys:
            yield errand.done_at, _AFTER, f"Consentio was not asked {_ERRANDS[errand.kind]}: {errand.answer}", []
    for note in story.notes:
        is_ours = note.who == "daemon"
        words = note.what + ("" if is_ours else f" by {note.who}") + (f": {note.reason}" if note.reason else "")
        yield note.at, _AFTER if is_ours else _PERSON, words, []


def _calls(story: "Story") -> Iterator[Event]:
    if story.order.first_told_at is not None:
        yield story.order.first_told_at, _TOLD, _REFERENCE_TOLD.format(story.order.first_told_id), []
    rows = {row.key: row for row in story.ledger}
    for row in story.ledger:
        if row.is_open:
            yield row.started_at, _CALL, f"{_effect_words(row)} (key {row.key}): no outcome yet", []
        elif row.kind in _PUSHES:
            yield row.started_at, _TOLD, _told_words(row), []
    last = {attempt.key: attempt for attempt in story.attempts}
    for attempt in story.attempts:
        # A key that is sent again may carry a newer revision: its row says only the last one.
        words = _tried_words(attempt, rows.get(attempt.key), is_last=last[attempt.key] is attempt)
        yield attempt.started_at, _CALL, words, [_answer(attempt.answer)] if attempt.answer else []


def _tried_words(attempt: Attempt, row: LedgerRow | None, *, is_last: bool) -> str:
    seconds = (attempt.finished_at - attempt.started_at).total_seconds()
    took = f"{seconds:.1f} s" if seconds < _MINUTE_S else age(attempt.started_at, attempt.finished_at)
    return f"{_effect_words(row, with_revision=is_last)} (key {attempt.key}), after {took}: {_ENDED[attempt.outcome]}"


def _answer(text: str) -> str:
    """Without the name of the verdict, which is told in words."""
    return next((text.removeprefix(name) for name in _VERDICTS if text.startswith(name)), text)


def _effect_words(row: LedgerRow | None, *, with_revision: bool = True) -> str:
    if row is None:
        return "a try"
    if row.kind in _ERRANDS:
        return f"Consentio was asked {_ERRANDS[row.kind]}"
    return f"{row.kind.value} with revision {row.revision}" if with_revision else row.kind.value


def _news_words(told: Recorded) -> str:
    news = told.news
    words = _NEWS[news.kind].format(status=news.status, number=news.number, key=news.key)
    reason = f", {news.reason}" if news.reason else ""
    return (
        f"the ERP told of record {news.record}: {words}{reason}, at {news.at:%Y-%m-%d %H:%M:%S} UTC ({told.outcome or 'waits'})"
    )


def _told_words(row: LedgerRow) -> str:
    """What was pushed to Consentio; such rows are written once it has answered."""
    if row.kind is Kind.SEEN:
        return f"Consentio was told that the edits up to revision {row.revision} are processed (seen)"
    return _REFERENCE_TOLD.format(row.record)


def _revisions(story: "Story") -> Iterator[Event]:
    before: Order | None = None
    for revision in story.revisions:
        after = content_of(revision.raw)
        found = _FOUND.get(Stream(revision.found_in), "") if revision.found_in in set(Stream) else f"found by {revision.found_in}"
        if after is None:
            details = ["(its content is no longer kept here, or cannot be read)"]
        else:
            details = [_summary(after)] if before is None else list(change_words(difference(before, after)))
        yield revision.recorded_at, _REVISION, f"revision {revision.number}: {revision.status}, {found}", details
        before = after


def _summary(order: Order) -> str:
    """An order in one line: what a person would ask first."""
    parts = [f"{len(order.lines)} line{'' if len(order.lines) == 1 else 's'}"]
    if order.price is not None:
        parts.append(f"{order.price:,.2f} {order.currency or ''}".rstrip())
    if order.customer:
        parts.append(f"for customer {order.customer}")
    if order.reference:
        parts.append(f"with reference {order.reference}")
    if order.delivery_estimated_at:
        parts.append(f"to be delivered {order.delivery_estimated_at.astimezone(UTC):%Y-%m-%d %H:%M}")
    return ", ".join(parts)


def change_words(change: Change) -> Iterator[str]:
    """What differs, field by field and line by line."""
    if not change:
        yield "no difference in the business content"
    yield from (_field_words(field) for field in change.fields)
    yield from (_line_words(line) for line in change.lines)


def _field_words(field: FieldChange) -> str:
    return f"{field.name} {_value(field.before)} → {_value(field.after)}"


def _line_words(line: LineChange) -> str:
    if line.what == "removed":
        return f"line {line.id}, {line.name}: removed"
    known = {field.name: field.after or "" for field in line.fields}
    if line.what == "added":
        amount = f"{known.get('amount', '')} {known.get('unit', '')}".strip()
        return f"line {line.id}, {line.name}: added" + (f", {amount}" if amount else "")
    return f"line {line.id}, {line.name}: " + ", ".join(_field_words(field) for field in line.fields)


def _value(text: str | None) -> str:
    return "nothing" if text is None else text
