"""How buyers change their minds: each edit makes one content into another, and always a different one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from random import Random
from typing import Any, Literal, Self

from daemon.sandbox import catalogue
from daemon.sandbox.catalogue import BUYERS, PRODUCTS, Line
from daemon.sandbox.order import Content, Item


class BadWish(ValueError):
    """A wish that names what the catalogue does not have, or says it in the wrong shape."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants an order to hold; None leaves it as it is (or, on a new order, to chance)."""

    lines: tuple[Line, ...] | None = None
    buyer: str | None = None
    delivery_method: Literal["delivery", "pickup"] | None = None
    delivery_at: datetime | None = None
    more_info: str | None = None

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """The wish in a control request or scenario step; BadWish says what is wrong with it."""
        unknown = set(told) - set(cls.__slots__)
        if unknown:
            raise BadWish(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(cls.__slots__)}")
        if told.get("delivery_method") not in (None, "delivery", "pickup"):
            raise BadWish(f"delivery_method: {told['delivery_method']!r} is neither delivery nor pickup")
        if told.get("buyer") is not None and told["buyer"] not in BUYERS:
            raise BadWish(f"buyer: {told['buyer']!r} is none of {', '.join(BUYERS)}")
        return cls(
            lines=None if told.get("lines") is None else _read_lines(told["lines"]),
            buyer=told.get("buyer"),
            delivery_method=told.get("delivery_method"),
            delivery_at=_read_moment(told.get("delivery_at")),
            more_info=told.get("more_info"),
        )


def _read_lines(told: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    lines = tuple(_read_line(line) for line in told)
    if not lines:
        raise BadWish("lines: an order has one line at least")
    if len({line.sku for line in lines}) < len(lines):
        raise BadWish("lines: each sku may stand on one line only")
    return lines


def _read_line(told: Mapping[str, Any]) -> Line:
    try:
        price = None if told.get("price") is None else Decimal(str(told["price"]))
        line = Line(sku=told["sku"], amount=Decimal(str(told["amount"])), price=price)
    except (KeyError, TypeError, AttributeError, InvalidOperation) as problem:
        raise BadWish(f"lines: {told!r} needs a sku, an amount and perhaps a price") from problem
    if line.sku not in PRODUCTS:
        raise BadWish(f"lines: sku {line.sku!r} is none of {', '.join(PRODUCTS)}")
    return line


def _read_moment(told: datetime | str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else told
    except ValueError as problem:
        raise BadWish(f"delivery_at: {told!r} is no moment") from problem
    if moment is not None and moment.tzinfo is None:
        raise BadWish(f"delivery_at: {told!r} has no offset (add a Z for UTC)")
    return moment


def fulfil(content: Content, wish: Wish, *, next_item: int) -> Content:
    """The content as wished; a line that stays on its SKU keeps its item id."""
    lines = content.items if wish.lines is None else _items(content, wish.lines, next_item=next_item)
    return Content(
        items=lines,
        buyer=content.buyer if wish.buyer is None else BUYERS[wish.buyer],
        delivery_method=wish.delivery_method or content.delivery_method,
        delivery_at=wish.delivery_at or content.delivery_at,
        more_info=content.more_info if wish.more_info is None else wish.more_info,
    )


def _items(content: Content, lines: Sequence[Line], *, next_item: int) -> tuple[Item, ...]:
    held = {item.product.sku: item for item in content.items}
    return tuple(
        catalogue.item(held[line.sku].id if line.sku in held else next_item + place, line) for place, line in enumerate(lines)
    )


Edit = Callable[[Content, Random, int], Content]


def _quantity(content: Content, rng: Random, _next_item: int) -> Content:
    item = rng.choice(content.items)
    step = Decimal(rng.randint(1, 6)) / (2 if item.unit == "kg" else 1)
    less = rng.random() < 0.5 and item.amount > step
    return content.with_item(replace(item, amount=item.amount - step if less else item.amount + step))


def _price(content: Content, rng: Random, _next_item: int) -> Content:
    item = rng.choice(content.items)
    return content.with_item(replace(item, price=item.price + Decimal(rng.randint(1, 25)) / 100))


def _add_line(content: Content, rng: Random, next_item: int) -> Content:
    free = sorted(set(PRODUCTS) - {item.product.sku for item in content.items})
    line = catalogue.some_line(rng, rng.choice(free))
    return replace(content, items=(*content.items, catalogue.item(next_item, line)))


def _remove_line(content: Content, rng: Random, _next_item: int) -> Content:
    gone = rng.choice(content.items)
    return replace(content, items=tuple(item for item in content.items if item is not gone))


def _delivery(content: Content, rng: Random, _next_item: int) -> Content:
    return replace(content, delivery_at=content.delivery_at + timedelta(days=rng.randint(1, 3)))


def _note(content: Content, rng: Random, _next_item: int) -> Content:
    note = catalogue.some_note(rng)
    return replace(content, more_info=f"{content.more_info}. {note}" if content.more_info else note)


EDITS: dict[str, Edit] = {
    "quantity": _quantity,
    "price": _price,
    "add_line": _add_line,
    "remove_line": _remove_line,
    "delivery": _delivery,
    "note": _note,
}


def possible(content: Content) -> list[str]:
    """The kinds of edit that this content allows: the last line stays, and no product stands on two lines."""
    kinds = list(EDITS)
    if len(content.items) == 1:
        kinds.remove("remove_line")
    if len(content.items) == len(PRODUCTS):
        kinds.remove("add_line")
    return kinds
