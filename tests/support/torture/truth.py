"""The promise, judged by what the two ends hold: the core is asked for nothing but the orders' situations.

At every moment: no order has two live records of ours (doubled), no `seen` covers a version that its sender knew and the ERP
does not have (early), and no order is cancelled on Consentio that no clerk cancelled (lost).

After a healthy while at the end: no accepted order is missing in the ERP (lost), no record holds another content than Consentio
shows, or lives although its order is canceled (stale), and nothing waits, doubts, is parked without need, bears a wrong
reference, stands on the edited list, or goes on being sent (stuck).

What is excused, and no more: an order that a clerk laid hands on may differ and park, since the seller wanted it so; an order may
park as `outcome unknown` where the ERP cannot be asked, if an answer was lost or a process killed in mid-call; after a *lost*
database an order may park that bears the reference of a record which is gone: for all we know, somebody else's; and an edit may
stay on the edited list where the API's clock and the machine's ran ahead at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.domain.order import Status
from daemon.domain.state import OrderState, Situation
from tests.support.torture.outside import Version, content_of

if TYPE_CHECKING:
    from tests.support.torture.stage import Stage

HARMS = ("lost", "doubled", "stale", "early", "stuck")


class Broken(AssertionError):
    """The promise does not hold."""

    def __init__(self, harm: str, sentence: str) -> None:
        super().__init__(f"{harm}: {sentence}")
        self.harm = harm


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which the promise is broken."""

    harm: str
    sentence: str


class Truth:
    """The judge of one stage. What it sees in mid-flight is kept in `seen_on_the_way`; see `during`."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._on_the_way: list[Finding] = []
        self.touched_by_clerk: set[str] = set()
        self.kills_in_flight = self.losses = 0
        self.states: Mapping[str, OrderState] = {}
        self.open_rows: set[str] = set()
        stage.market.on_seen = self._judge_seen
        stage.market.on_cancel = self._judge_cancel
        stage.erp.on_effect = self._judge_effect

    # ---- whatever happens

    def during(self) -> None:
        """Raises what was seen on the way."""
        if self._on_the_way:
            raise Broken(self._on_the_way[0].harm, self._on_the_way[0].sentence)

    def _judge_effect(self) -> None:
        for order_id in self._stage.orders:
            if len(self._stage.erp.ours(order_id)) > 1:
                self._on_the_way.append(Finding("doubled", f"order {order_id} has two live records"))

    def _judge_cancel(self, order_id: str) -> None:
        """What the ERP's people did not cancel is not to be cancelled on Consentio (A14)."""
        if order_id not in self.touched_by_clerk:
            self._on_the_way.append(Finding("lost", f"order {order_id} is cancelled on Consentio, and nobody wanted it"))

    def _judge_seen(self, order_id: str, covered: int, known: int) -> None:
        """What it covers beyond what its sender knew nobody can help (A17)."""
        history = self._stage.market.history[order_id]
        # A version whose stamp runs backwards is kept out once (A8): its sender need not have believed it yet.
        needed = max((n for n in history if n <= min(covered, known) and not history[n].looks_older), default=0)
        if order_id in self.touched_by_clerk:
            return
        if not any(self._erp_has(order_id, version) for number, version in history.items() if number >= needed):
            self._on_the_way.append(Finding("early", f"seen for order {order_id}, version {needed}, which the ERP does not have"))

    def _erp_has(self, order_id: str, version: Version) -> bool:
        ours = self._stage.erp.ours(order_id)
        if version.status is Status.CANCELED:
            return not ours
        return version.status is Status.ACCEPTED and [content_of(order) for order in ours] == [version.content]

    # ---- at the end

    def verdict(self) -> None:
        """Raises the worst that is to be said at the end."""
        self.during()
        findings = sorted(self._all(), key=lambda finding: HARMS.index(finding.harm))
        if findings:
            raise Broken(findings[0].harm, "; ".join(finding.sentence for finding in findings))

    def findings(self) -> list[Finding]:
        """What the two ends alone say now."""
        return [finding for order_id in self._stage.orders for finding in self._judge_ends(order_id)]

    def _all(self) -> list[Finding]:
        return [finding for order_id in self._stage.orders for finding in self._judge(order_id)]

    def _judge(self, order_id: str) -> list[Finding]:
        """Once and equal, or parked with a reason that it had to have."""
        state = self.states.get(order_id)
        if state is None:
            status = self._stage.market.order(order_id).status
            return [Finding("lost", f"order {order_id} is {status}, and unknown here")] if status is not Status.PENDING else []
        if state.situation is Situation.PARKED:
            if self._may_be_parked(order_id):
                return []
            return [Finding("stuck", f"order {order_id} is parked without need: {state.reason}")]
        if order_id in self.touched_by_clerk:
            return []
        return [*self._judge_ends(order_id), *self._judge_situation(order_id, state)]

    def _judge_ends(self, order_id: str) -> list[Finding]:
        if order_id in self.touched_by_clerk:
            return []
        order, ours = self._stage.market.order(order_id), self._stage.erp.ours(order_id)
        if order.status is Status.CANCELED:
            return (
                [Finding("stale", f"order {order_id} is canceled, and lives in the ERP")] if ours else self._judge_told(order_id)
            )
        if order.status is not Status.ACCEPTED:
            return []
        if not ours:
            return [Finding("lost", f"order {order_id} is accepted, and not in the ERP")]
        if content_of(ours[0]) != content_of(order):
            return [Finding("stale", f"order {order_id} is {content_of(order)}, and {content_of(ours[0])} in the ERP")]
        return self._judge_told(order_id)

    def _judge_told(self, order_id: str) -> list[Finding]:
        """Consentio knows the record, and shows no edit as new that the ERP has."""
        order, found = self._stage.market.order(order_id), list[Finding]()
        record = next((each.id for each in self._stage.erp.live(order_id)), None)
        if order.status is Status.ACCEPTED and order.external_id != record:
            found.append(Finding("stuck", f"order {order_id} bears the reference {order.external_id}, not {record}"))
        if self._stage.market.unseen(order_id) and not self._stage.both_ran_ahead:
            found.append(Finding("stuck", f"an edit of order {order_id} was never told as seen"))
        return found

    def _judge_situation(self, order_id: str, state: OrderState) -> list[Finding]:
        status = self._stage.market.order(order_id).status
        quiet = Situation.HELD if status is Status.PENDING else Situation.SETTLED
        if state.situation is not quiet or order_id in self.open_rows:
            return [Finding("stuck", f"order {order_id} is {status}, and {state.situation} here")]
        return []

    def _may_be_parked(self, order_id: str) -> bool:
        doubtful = self._stage.faults.doubts + self.kills_in_flight > 0
        cannot_ask = self._stage.scenery.erp.find == "nothing"
        is_foreign = self.losses > 0 and self._bears_the_reference_of_nothing(order_id)
        return order_id in self.touched_by_clerk or (cannot_ask and doubtful) or is_foreign

    def _bears_the_reference_of_nothing(self, order_id: str) -> bool:
        reference = self._stage.market.order(order_id).external_id
        return reference is not None and reference not in {record.id for record in self._stage.erp.live(order_id)}
