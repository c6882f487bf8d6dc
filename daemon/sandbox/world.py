"""The state of the imitated market: plain, synchronous, the same for the same seed and the same operations.

Nothing here knows HTTP. Buyers act through place, accept, edit, edit_back, cancel and reaccept; the API reads
and acts through listed, edited, external, seen and prepare.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from random import Random
from typing import Any

from daemon.sandbox import catalogue
from daemon.sandbox.clock import utc_now
from daemon.sandbox.edits import EDITS, Wish, fulfil, possible
from daemon.sandbox.order import Content, Order, Status, Version
from daemon.sandbox.records import External, Refused, Told, UnknownOrder, Workspace
from daemon.sandbox.switches import Switches
from daemon.sandbox.view import encode, view

_created = attrgetter("created_at")
_POSITIONS: dict[str, Callable[[Order], datetime | None]] = {
    "created": _created,
    "updated": attrgetter("updated_at"),
    "accepted": attrgetter("accepted_at"),
    "delivery": attrgetter("content.delivery_at"),
}
_FIRST_ORDER = 5001


class World:
    """All orders of all workspaces. `told` keeps every external, seen and prepare call for whoever audits."""

    def __init__(
        self,
        workspaces: Iterable[Workspace],
        *,
        seed: int = 1,
        clock: Callable[[], datetime] = utc_now,
        switches: Switches | None = None,
    ) -> None:
        self.workspaces = {workspace.id: workspace for workspace in workspaces}
        self.orders: dict[int, Order] = {}
        self.told: list[Told] = []
        self.seed = seed
        self.now = clock
        self._switches = switches or Switches()
        self._by_created: dict[int, list[Order]] = {workspace: [] for workspace in self.workspaces}
        self._by_hash: dict[str, Order] = {}

    @property
    def switches(self) -> Switches:
        return self._switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        self._switches = switches
        for order in self.orders.values():
            order.encoded = None

    # What buyers do

    def place(
        self,
        workspace: int,
        wish: Wish | None = None,
        *,
        status: Status = "pending",
        at: datetime | None = None,
    ) -> Order:
        """A new order; what the wish leaves open is drawn."""
        if workspace not in self.workspaces:
            raise UnknownOrder(f"there is no workspace {workspace}")
        at = at or self.now()
        number = _FIRST_ORDER + len(self.orders)
        first_item = number * 100 + 1
        drawn = catalogue.basket(self._chance(number), first_item=first_item, now=at)
        content = fulfil(drawn, wish, next_item=first_item + len(drawn.items)) if wish else drawn
        order = Order(
            id=number,
            hash_id=catalogue.hash_id(self.seed, "order", number),
            workspace=workspace,
            currency=self.workspaces[workspace].currency,
            created_at=at,
            updated_at=at,
            changed_at=at,
            warehouse=catalogue.WAREHOUSE,
            history=[Version(1, at, status, content)],
            accepted_at=at if status == "accepted" else None,
        )
        self.orders[number] = self._by_hash[order.hash_id] = order
        insort(self._by_created[workspace], order, key=_created)
        return order

    def accept(self, order_id: int, *, at: datetime | None = None) -> Order:
        order, at = self._at(order_id, at)
        _require(order, "accepted", "pending", "incomplete")
        order.accepted_at = at
        return self._change(order, at, status="accepted", is_edit=False)

    def edit(
        self,
        order_id: int,
        kind: str | None = None,
        *,
        wish: Wish | None = None,
        at: datetime | None = None,
    ) -> Order:
        """Changes the content: as wished, or by one of EDITS, or by one that is drawn."""
        order, at = self._at(order_id, at)
        _require(order, "edited", "pending", "accepted")
        content = self._edited(order, kind) if wish is None else self._wished(order, wish)
        if content == order.content:
            raise Refused(f"order {order.id} holds that already")
        return self._change(order, at, content=content)

    def edit_back(self, order_id: int, *, at: datetime | None = None) -> Order:
        """Takes the last edit back: the order holds again what it held before."""
        order, at = self._at(order_id, at)
        _require(order, "edited back", "pending", "accepted")
        past = (version.content for version in reversed(order.history))
        content = next((held for held in past if held != order.content), None)
        if content is None:
            raise Refused(f"order {order.id} was never edited")
        return self._change(order, at, content=content)

    def cancel(self, order_id: int, *, at: datetime | None = None) -> Order:
        order, at = self._at(order_id, at)
        _require(order, "cancelled", "pending", "accepted", "incomplete")
        order.closed_at = at
        return self._change(order, at, status="canceled")

    def reaccept(self, order_id: int, *, at: datetime | None = None) -> Order:
        order, at = self._at(order_id, at)
        _require(order, "accepted again", "canceled")
        order.accepted_at, order.closed_at = at, None
        return self._change(order, at, status="accepted")

    def distort(self, order_id: int, **fields: Any) -> Order:
        """Shows these fields instead of the true ones from now on, however absurd they are."""
        order, _ = self._at(order_id, None)
        order.distortion, order.encoded = fields, None
        return order

    # What the API reads and does

    def find(self, workspace: int, key: int | str) -> Order:
        """The order with this id (a number) or hash id (a text) in this workspace, else UnknownOrder."""
        order = self._by_hash.get(key) if isinstance(key, str) else self.orders.get(key)
        if order is None or order.workspace != workspace:
            raise UnknownOrder(f"there is no order {key!r} in workspace {workspace}")
        return order

    def listed(self, workspace: int, since: datetime, to: datetime, status: str | None = None) -> list[Order]:
        """The orders whose date (switch `date_filter`) is in the range, by creation; never a draft."""
        orders = self._by_created[workspace]
        if self.switches.date_filter == "created":
            end = bisect_right if self.switches.to_is_inclusive else bisect_left
            orders = orders[bisect_left(orders, since, key=_created) : end(orders, to, key=_created)]
        else:
            orders = [order for order in orders if self._in_range(order, since, to)]
        return [order for order in orders if order.status == (status or order.status) != "draft"]

    def edited(self, workspace: int, since: datetime) -> list[Order]:
        """The orders changed since then and after their acceptance, as far as the switches list them."""
        return [
            order
            for order in self._by_created[workspace]
            if order.edited_at is not None
            and order.edited_at >= since
            and (order.unseen or self.switches.edited_keeps_after_seen)
            and (order.status != "canceled" or self.switches.edited_lists_cancels)
        ]

    def objection(self, workspace: int, record: External) -> str | None:
        """Why the market would not do this record of PUT external, or None."""
        try:
            order = self.find(workspace, record.key)
        except UnknownOrder as unknown:
            return str(unknown)
        if order.id in self.switches.external_refuses:
            return f"order {order.id} cannot be updated"
        return None

    def external(self, workspace: int, records: Sequence[External]) -> list[Order]:
        """Takes over the ERP's references and statuses, cancels where a record says so; may be repeated."""
        orders = [self.find(workspace, record.key) for record in records]
        self._note("external", workspace, orders, records)
        for order, record in zip(orders, records, strict=True):
            self._take_over(order, record)
        return orders

    def seen(self, workspace: int, keys: Iterable[int | str]) -> list[Order]:
        """Takes the orders off the edited list, whatever version the caller has read."""
        orders = [self.find(workspace, key) for key in keys]
        self._note("seen", workspace, orders)
        for order in orders:
            order.unseen, order.is_read, order.encoded = False, True, None
            if self.switches.seen_bumps_updated:
                self._touch(order, self.now())
        return orders

    def prepare(self, workspace: int, hash_id: str) -> Order:
        """Marks every item as prepared and served as ordered, and closes the order."""
        order = self.find(workspace, hash_id)
        self._note("prepare", workspace, [order])
        order.prepared = frozenset(item.id for item in order.content.items)
        order.closed_at = order.closed_at or self.now()
        self._touch(order, self.now())
        return order

    def encoded(self, order: Order) -> bytes:
        """The order as the API shows it, in JSON; encoded once for each state it is in."""
        if order.encoded is None:
            shown = view(order)
            if self.switches.updated_at == "missing":
                shown.pop("updated_at")
            order.encoded = encode(shown)
        return order.encoded

    def encode_beforehand(self) -> None:
        """Encodes every order now, so that no listing has to: for benchmarks of whoever reads the lists."""
        for order in self.orders.values():
            self.encoded(order)

    # How it is done

    def _chance(self, *parts: object) -> Random:
        return Random("/".join(map(str, (self.seed, *parts))))

    def _at(self, order_id: int, at: datetime | None) -> tuple[Order, datetime]:
        if order_id not in self.orders:
            raise UnknownOrder(f"there is no order {order_id}")
        return self.orders[order_id], at or self.now()

    def _edited(self, order: Order, kind: str | None) -> Content:
        chance = self._chance(order.id, "edit", order.version)
        kinds = possible(order.content)
        kind = kind or chance.choice(kinds)
        if kind not in kinds:
            raise Refused(f"order {order.id} allows no edit {kind!r}; it allows {', '.join(kinds)}")
        return EDITS[kind](order.content, chance, order.next_item)

    def _wished(self, order: Order, wish: Wish) -> Content:
        return fulfil(order.content, wish, next_item=order.next_item)

    def _change(
        self,
        order: Order,
        at: datetime,
        *,
        status: Status | None = None,
        content: Content | None = None,
        is_edit: bool = True,
    ) -> Order:
        order.history.append(Version(order.version + 1, at, status or order.status, content or order.content))
        if is_edit and order.accepted_at is not None:
            order.edited_at, order.unseen = at, True
        self._touch(order, at)
        return order

    def _touch(self, order: Order, at: datetime) -> None:
        order.changed_at, order.encoded = at, None
        match self.switches.updated_at:
            case "fine" | "missing":
                order.updated_at = at
            case "coarse":
                order.updated_at = at.replace(microsecond=0)
            case "regress":
                order.updated_at = at - timedelta(hours=1)

    def _in_range(self, order: Order, since: datetime, to: datetime) -> bool:
        place = _POSITIONS[self.switches.date_filter](order)
        if place is None or place < since:
            return False
        return place <= to if self.switches.to_is_inclusive else place < to

    def _take_over(self, order: Order, record: External) -> None:
        at = self.now()
        if record.external_id is not None:
            order.external_id = record.external_id
        if record.external_status is not None:
            order.external_status = record.external_status
        order.encoded = None
        if self.switches.external_is_edit and order.accepted_at is not None:
            order.edited_at, order.unseen = at, True
        if self.switches.external_bumps_updated:
            self._touch(order, at)
        if record.cancel and order.status != "canceled":
            self.cancel(order.id)

    def _note(self, call: str, workspace: int, orders: Sequence[Order], records: Iterable[External] = ()) -> None:
        versions = {order.id: order.version for order in orders}
        shown = {order.id: order.shown or order.version for order in orders}
        self.told.append(Told(self.now(), call, workspace, versions, shown, tuple(records)))


def _require(order: Order, done: str, *statuses: Status) -> None:
    if order.status not in statuses:
        raise Refused(f"order {order.id} is {order.status}: only {' or '.join(statuses)} orders can be {done}")
