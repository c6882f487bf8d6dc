"""Drift: what the vendor's pages do not mention passes, and is noticed."""

from collections.abc import Callable, Mapping
from typing import Any

from daemon.domain.order import Order
from daemon.marketplace.words import clean

#: Is told what the vendor's pages do not mention: the name of a field, or a field and its value.
Notice = Callable[[str], None]

_ENUMS = (("delivery_method", frozenset({"delivery", "pickup"})), ("weight_unit", frozenset({"kg", "lb"})))


def notice_fields(record: Mapping[str, Any], known: frozenset[str], prefix: str, notice: Notice) -> None:
    if not known.issuperset(record):
        for name in record.keys() - known:
            notice_field(prefix, name, notice)


def notice_field(prefix: str, name: str, notice: Notice) -> None:
    notice(prefix + clean(name, 40))


def notice_values(order: Order, notice: Notice) -> None:
    for field, known in _ENUMS:
        value = getattr(order, field)
        if value is not None and value not in known:
            notice(f"{field}: {clean(value, 40)}")
