"""What a leader recalls of its orders: as true as the database, for nobody else may change an order under its epoch (law 8)."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from daemon.domain.state import OrderState

#: So many orders are at work at once: some groups of deliveries, and what is told of them. About 2 MiB.
_MOST = 1_000


class Recall:
    """The states that were read or written last. Emptied by whatever throws doubt on them: a new epoch, any failure."""

    def __init__(self) -> None:
        self._states: dict[str, OrderState] = {}

    def get(self, order_id: str) -> OrderState | None:
        return self._states.get(order_id)

    def keep(self, states: Mapping[str, OrderState]) -> None:
        """Called after the commit that proves them, by id; those that were met first make room."""
        self._states |= states
        for order_id in [*islice(self._states, max(0, len(self._states) - _MOST))]:
            del self._states[order_id]

    def lose(self, ids: Iterable[str]) -> None:
        for order_id in ids:
            self._states.pop(order_id, None)

    def forget(self) -> None:
        self._states.clear()


class Seen:
    """The same within one transaction: what it has read and written itself comes first, and is kept once it is committed."""

    def __init__(self, recall: Recall) -> None:
        self._recall = recall
        self._own: dict[str, OrderState] = {}

    def get(self, order_id: str) -> OrderState | None:
        return self._own.get(order_id) or self._recall.get(order_id)

    def add(self, states: Iterable[OrderState]) -> None:
        self._own |= {state.id: state for state in states}

    def lose(self, ids: Sequence[str]) -> None:
        """These were changed without being read."""
        for order_id in ids:
            self._own.pop(order_id, None)
        self._recall.lose(ids)

    def forget(self) -> None:
        """A statement changed orders without reading them."""
        self._own.clear()
        self._recall.forget()

    def committed(self) -> None:
        self._recall.keep(self._own)
