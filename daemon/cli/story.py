"""An order's story in words: how it stands, what happened, and what comes next."""

from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING

from daemon.cli.contents import content_of
from daemon.domain.content import Change, FieldChange, LineChange, difference
from daemon.domain.ledger import Errand, Kind, LedgerRow, NewsKind, Recorded
from daemon.domain.order import Order
from daemon.domain.plan import AMBIGUOUS, OUTCOME_UNKNOWN, is_conflict
from daemon.domain.state import OrderState, Situation

if TYPE_CHECKING:
    from daemon.store.story import Story

Event = tuple[datetime, str]

_PUSHES = (Kind.REFERENCE, Kind.SEEN)
_ERRANDS = {Kind.CANCEL_REMOTE: "to cancel it", Kind.PREPARE: "to mark it as prepared"}
_NEWS = {
    NewsKind.STATUS: "its status is {status}",
    NewsKind.NUMBERED: "its number is {number}",
    NewsKind.CANCELLED: "it was cancelled there",
    NewsKind.PREPARED: "the goods are ready",
    NewsKind.REFUSED: "{key} was refused",
}

_NEXT = {
    Situation.WAITING: "it is sent to the ERP at the next cycle",
    Situation.DELIVERING: "a call to the ERP is under way",
    Situation.SETTLED: "nothing; the ERP has it",
    Situation.RETRYING: "it is tried again",
    Situation.IN_DOUBT: "nobody knows whether the last call arrived, so the ERP is asked",
    Situation.PARKED: "a person is needed; mend what the reason says, then `consentio-sync retry {id}`",
    Situation.BRAKED: "a brake holds it until a person has looked: `consentio-sync release {workspace}`",
    Situation.HELD: "it waits until it is accepted",
    Situation.BASELINE: "nothing; it is older than going live (sync.start_from, sync.initial_lookback)",
    Situation.DISMISSED: "nothing, until its content changes; a person dismissed it",
}
_SETTLE = "a person is needed; look into the ERP, then `consentio-sync settle {id} --as ERP_ID`, or `--as absent`"


def story_lines(story: "Story") -> Iterator[str]:
    """The whole story, oldest event first."""
    yield from _standing(story.workspace, story.order)
    for errand in story.errands:
        yield from _asked(errand)
    yield from (f"  {pause.direction.value} of this workspace is {pause}" for pause in story.paused)
    yield ""
    yield from (f"{moment:%Y-%m-%d %H:%M:%S}  {text}" for moment, text in sorted(_events(story), key=itemgetter(0)))


def _standing(workspace: str, order: OrderState) -> Iterator[str]:
    number = f" with number {order.erp_number}" if order.erp_number not in (None, order.erp_record) else ""
    record = f", in the ERP as {order.erp_record}{number}" if order.erp_record else ""
    status = f" ({order.erp_status})" if order.erp_record and order.erp_status else ""
    yield f"order {order.id} of workspace {workspace}: {order.latest_status}, {order.situation.value}{record}{status}"
    if order.reason:
        yield f"  reason: {order.reason}"
    if order.mismatch and order.mismatch not in order.reason:
        yield f"  booked otherwise: {order.mismatch}"
    if order.missing:
        yield f"  missing: {', '.join(order.missing)}"
    yield f"  next: {_next(order, workspace)}{_when(order.due_at)}"
    if order.tell_due_at or order.tell_reason:
        reason = f": {order.tell_reason}" if order.tell_reason else ""
        yield f"  Consentio is still to be told{_when(order.tell_due_at)}{reason}"


def _next(order: OrderState, workspace: str) -> str:
    is_doubt = order.reason == OUTCOME_UNKNOWN or order.reason.startswith(AMBIGUOUS)
    words = _SETTLE if order.situation is Situation.PARKED and is_doubt else _NEXT[order.situation]
    if order.situation is Situation.HELD and is_conflict(order):
        words = "it waits until Consentio lists it as canceled"
    return words.format(id=order.id, workspace=workspace)


def _asked(errand: Errand) -> Iterator[str]:
    """What Consentio is still to be asked, or refused for good."""
    if errand.done_at is not None:
        return
    refused = f", which it refused: {errand.answer}" if errand.answer else ""
    again = _when(errand.due_at) or f"; `consentio-sync retry {errand.order_id}` asks again"
    yield f"  Consentio is to be asked {_ERRANDS[errand.kind]} ({errand.reason or errand.who}){refused}{again}"


def _when(moment: datetime | None) -> str:
    return f", at {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _events(story: "Story") -> Iterator[Event]:
    yield from _revisions(story)
    yield from (
        (row.started_at, f"{row.kind.value} {row.key} with revision {row.revision}, no outcome yet")
        for row in story.ledger
        if row.is_open
    )
    yield from ((row.started_at, _told_words(row)) for row in story.ledger if row.kind in _PUSHES)
    kinds = {row.key: row for row in story.ledger}
    for attempt in story.attempts:
        row = kinds.get(attempt.key)
        what = _effect_words(row)
        seconds = (attempt.finished_at - attempt.started_at).total_seconds()
        answer = f": {attempt.answer}" if attempt.answer else ""
        yield attempt.started_at, f"{what}, {attempt.key}: {attempt.outcome.value} after {seconds:.1f} s{answer}"
    for told in story.news:
        yield told.at, _news_words(told)
    for errand in story.errands:
        if errand.done_at is not None and errand.answer and errand.key not in kinds:
            yield errand.done_at, f"Consentio was not asked {_ERRANDS[errand.kind]}: {errand.answer}"
    for note in story.notes:
        yield note.at, f"{note.what} by {note.who}" + (f": {note.reason}" if note.reason else "")


def _effect_words(row: LedgerRow | None) -> str:
    if row is None:
        return "a try"
    if row.kind in _ERRANDS:
        return f"Consentio was asked {_ERRANDS[row.kind]}"
    return f"{row.kind.value} with revision {row.revision}"


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
    return f"Consentio was told the ERP's reference {row.record}"


def _revisions(story: "Story") -> Iterator[Event]:
    before: Order | None = None
    for revision in story.revisions:
        after = content_of(revision.raw)
        words = "" if before is None or after is None else ": " + "; ".join(change_words(difference(before, after)))
        yield revision.recorded_at, f"revision {revision.number}, {revision.status}, found in {revision.found_in}{words}"
        before = after


def change_words(change: Change) -> Iterator[str]:
    """What differs, field by field and line by line."""
    if not change:
        yield "no business content"
    yield from (_field_words(field) for field in change.fields)
    yield from (_line_words(line) for line in change.lines)


def _field_words(field: FieldChange) -> str:
    return f"{field.name} {_value(field.before)} → {_value(field.after)}"


def _line_words(line: LineChange) -> str:
    fields = ", ".join(_field_words(field) for field in line.fields) if line.what == "changed" else ""
    return f"line {line.id} ({line.name}) {line.what}" + (f" {fields}" if fields else "")


def _value(text: str | None) -> str:
    return "nothing" if text is None else text
