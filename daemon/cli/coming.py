"""What comes next for an order, in words: the line of `explain` that a person acts on."""

from collections.abc import Sequence
from datetime import datetime

from daemon.domain.pause import Direction, Pause
from daemon.domain.plan import ALREADY_REFERENCED, AMBIGUOUS, OUTCOME_UNKNOWN, is_conflict
from daemon.domain.reading import UNREADABLE
from daemon.domain.state import OLDER_THAN_WALL, OrderState, Situation

_NEXT = {
    Situation.WAITING: "it is sent to the ERP at the next cycle",
    Situation.DELIVERING: "a call to the ERP is under way",
    Situation.SETTLED: "nothing; the ERP has it",
    Situation.RETRYING: "it is tried again",
    Situation.IN_DOUBT: "nobody knows whether the last call arrived; the ERP is asked, once nothing can arrive any more",
    Situation.PARKED: "a person is needed; mend what the reason says, then `consentio-sync retry {id}`",
    Situation.BRAKED: "a brake holds it until a person has looked: `consentio-sync release {workspace}`",
    Situation.HELD: "it waits until it is accepted",
    Situation.BASELINE: "nothing; it is older than going live (sync.start_from, sync.initial_lookback)",
    Situation.DISMISSED: "nothing, until its content changes; a person dismissed it",
}
_IF_IT_HAS_IT = "a person is needed; if the ERP has it already, `consentio-sync dismiss {id}`, else `consentio-sync retry {id}`"
_SETTLE = "a person is needed; look into the ERP, then `consentio-sync settle {id} --as ERP_ID`, or `--as absent`"
#: Parked orders, by how their reason begins, where mending comes down to one of a few commands.
_BY_REASON = {
    OUTCOME_UNKNOWN: _SETTLE,
    AMBIGUOUS: _SETTLE,
    UNREADABLE: "a person is needed; ask Consentio about it. It goes on by itself once it can be read",
    ALREADY_REFERENCED: _IF_IT_HAS_IT,
    OLDER_THAN_WALL: _IF_IT_HAS_IT,
}
_MISSING = "make known in the ERP what is missing, then `consentio-sync retry {id}`; it is also tried again by itself"
_CONFLICT = (
    "a person is needed; `consentio-sync cancel {id}` cancels it on Consentio, too, "
    "`consentio-sync retry {id}` writes it into the ERP again"
)


def next_words(order: OrderState, workspace: str, paused: Sequence[Pause]) -> str:
    """What comes next, and when, if that is a matter of time."""
    words = _words(order, paused).format(id=order.id, workspace=workspace)
    return words if order.situation is Situation.WAITING else words + when(order.due_at)


def when(moment: datetime | None) -> str:
    """Appended to what happens then."""
    return f", at {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _words(order: OrderState, paused: Sequence[Pause]) -> str:
    if order.situation is Situation.PARKED:
        return _parked(order)
    if order.situation is Situation.HELD and is_conflict(order):
        return "it waits until Consentio lists it as canceled"
    if order.situation is Situation.SETTLED and order.is_canceled:
        return "nothing; it is canceled, and nothing of it is left alive in the ERP"
    if order.situation is Situation.WAITING and any(pause.direction is Direction.DELIVER for pause in paused):
        return "it is sent to the ERP once somebody types `consentio-sync resume`"
    return _NEXT[order.situation]


def _parked(order: OrderState) -> str:
    if order.missing:
        return _MISSING
    if is_conflict(order):
        return _CONFLICT
    return next((words for start, words in _BY_REASON.items() if order.reason.startswith(start)), _NEXT[Situation.PARKED])
