"""What can be done to the sandbox from outside, by name: the control API and scenarios both do these.

Every deed takes its details as plain values, refuses with a ValueError or LookupError that says what is wrong,
and answers with what it brought about.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from daemon.sandbox.clock import Clock
from daemon.sandbox.edits import Wish
from daemon.sandbox.faults import Fault, Faults
from daemon.sandbox.order import Content, Order
from daemon.sandbox.records import Told
from daemon.sandbox.view import moment
from daemon.sandbox.world import World


class BadDeed(ValueError):
    """A deed that does not exist, or lacks a detail it needs."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts that deeds act on."""

    world: World
    faults: Faults
    clock: Clock


Details = Mapping[str, Any]


def do(stage: Stage, deed: str, details: Details) -> dict[str, Any]:
    """Does the deed of this name."""
    if deed not in DEEDS:
        raise BadDeed(f"{deed!r} is not one of {', '.join(DEEDS)}")
    return DEEDS[deed](stage, dict(details))


def _place(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    workspace = details.pop("workspace", next(iter(stage.world.workspaces)))
    status = details.pop("status", "pending")
    if status not in ("draft", "pending", "accepted", "incomplete"):
        raise BadDeed(f"status: an order cannot begin as {status!r}")
    return show_order(stage.world.place(workspace, Wish.read(details) if details else None, status=status))


def _edit(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    order, kind = _order(details), details.pop("kind", None)
    if kind is not None and details:
        raise BadDeed("an edit has a kind or says what it wants, not both")
    return show_order(stage.world.edit(order, kind, wish=Wish.read(details) if details else None))


def _simple(deed: str) -> Callable[[Stage, dict[str, Any]], dict[str, Any]]:
    def do_it(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
        order = _order(details)
        _nothing_more(details)
        done: Order = getattr(stage.world, deed)(order)
        return show_order(done)

    return do_it


def _distort(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    return show_order(stage.world.distort(_order(details), **details.pop("fields", {})))


def _fault(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    fault = Fault.read(details)
    stage.faults.rules.append(fault)
    return fault.shown()


def _outage(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    kind = str(details.pop("kind", "reset"))
    _nothing_more(details)
    return stage.faults.outage(kind).shown()


def _clear_faults(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    _nothing_more(details)
    stage.faults.clear()
    return {"faults": []}


def _switch(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    stage.world.switches = stage.world.switches.changed(**details)
    return stage.world.switches.shown()


def _advance(stage: Stage, details: dict[str, Any]) -> dict[str, Any]:
    seconds = details.pop("seconds", None)
    _nothing_more(details)
    if type(seconds) not in (int, float):
        raise BadDeed("seconds: a number is needed (negative to go back)")
    return {"now": moment(stage.clock.advance(seconds))}


DEEDS: dict[str, Callable[[Stage, dict[str, Any]], dict[str, Any]]] = {
    "place": _place,
    "accept": _simple("accept"),
    "edit": _edit,
    "edit_back": _simple("edit_back"),
    "cancel": _simple("cancel"),
    "reaccept": _simple("reaccept"),
    "distort": _distort,
    "fault": _fault,
    "outage": _outage,
    "clear_faults": _clear_faults,
    "switch": _switch,
    "advance": _advance,
}


def _order(details: dict[str, Any]) -> int:
    order = details.pop("order", None)
    if type(order) is not int:
        raise BadDeed(f"order: {order!r} is no order's id")
    return order


def _nothing_more(details: dict[str, Any]) -> None:
    if details:
        raise BadDeed(f"unknown: {', '.join(sorted(details))}")


def show_order(order: Order) -> dict[str, Any]:
    """The true order, with all that it has been; not what the API shows of it."""
    return {
        "id": order.id,
        "hash_id": order.hash_id,
        "workspace": order.workspace,
        "status": order.status,
        "version": order.version,
        "created_at": moment(order.created_at),
        "updated_at": moment(order.updated_at),
        "accepted_at": moment(order.accepted_at),
        "edited_at": moment(order.edited_at),
        "unseen": order.unseen,
        "prepared": bool(order.prepared),
        "external_id": order.external_id,
        "external_status": order.external_status,
        "history": [
            {
                "number": version.number,
                "at": moment(version.at),
                "status": version.status,
                "content": _show_content(version.content),
            }
            for version in order.history
        ],
    }


def _show_content(content: Content) -> dict[str, Any]:
    return {
        "counterpart_id": content.buyer.counterpart_id,
        "delivery_method": content.delivery_method,
        "delivery_at": moment(content.delivery_at),
        "more_info": content.more_info,
        "price": content.price,
        "items": [
            {
                "id": item.id,
                "sku": item.product.sku,
                "amount": item.amount,
                "unit": item.unit,
                "price": item.price,
                "price_unit": item.price_unit,
            }
            for item in content.items
        ],
    }


def show_told(told: Told) -> dict[str, Any]:
    """One call of the seller's, with the version that each order had at that moment."""
    return asdict(told) | {"at": moment(told.at)}
