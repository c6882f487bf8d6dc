"""An order out of any JSON value, read field by field: tolerant where it can be meant, and with a reason where it cannot."""

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.domain.order import Address, Line, Order, Status
from daemon.marketplace.drift import Notice, notice_fields, notice_values
from daemon.marketplace.elements import TooDeep
from daemon.marketplace.records import ADDRESS, LINE, ORDER
from daemon.marketplace.scalars import ident
from daemon.marketplace.words import clean

_LINE_NAMES, _ADDRESS_NAMES, _ORDER_NAMES = LINE.names(), ADDRESS.names(), ORDER.names()
_STATUSES = {status.value: status for status in Status}


def order_of(value: Any, notice: Notice | None) -> Order:
    """The order that this value of JSON says. ValueError says in a few words, fit for people, why it is none."""
    record = _object(value, "the order")
    id_ = _id(record, "the order")
    order = Order.of(
        {
            "id": id_,
            "status": _status(record.get("status")),
            "deliver_to": _address(record, "deliver_to", notice),
            "pickup_from": _address(record, "pickup_from", notice),
            "lines": tuple(_lines(record.get("items"), notice)),
            **ORDER.fields(record),
        }
    )
    if notice is not None:
        notice_fields(record, _ORDER_NAMES, "", notice)
        notice_values(order, notice)
    return order


def _object(value: Any, what: str, place: int = 0) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    what = what.format(place)
    raise ValueError(f"{what} is nested too deeply" if isinstance(value, TooDeep) else f"{what} is no JSON object")


def _id(record: Mapping[str, Any], what: str, place: int = 0) -> str:
    try:
        found = ident(record.get("id"))
    except ValueError:
        raise ValueError(f"the id of {what.format(place)} is no id") from None
    if found is None:
        raise ValueError(f"{what.format(place)} has no id")
    return found


def _status(value: Any) -> Status:
    if value is None:
        raise ValueError("the order has no status")
    if (status := _STATUSES.get(value) if isinstance(value, str) else None) is None:
        raise ValueError(f"unknown status '{clean(str(value), 40)}'")
    return status


def _address(record: Mapping[str, Any], field: str, notice: Notice | None) -> Address | None:
    value = record.get(field)
    if value is None:
        return None
    place = _object(value, field)
    if notice is not None:
        notice_fields(place, _ADDRESS_NAMES, field + ".", notice)
    fields = ADDRESS.fields(place, f"{field}: ")
    return Address(**fields) if any(fields.values()) else None


def _lines(value: Any, notice: Notice | None) -> Iterator[Line]:
    if value is None:
        return
    if not isinstance(value, list):
        raise ValueError("items is no list")  # noqa: TRY004
    known = set()
    for place, item in enumerate(value, start=1):
        record = _object(item, "item {}", place)
        id_ = _id(record, "item {}", place)
        if id_ in known:
            raise ValueError(f"two items have the id {id_}")
        known.add(id_)
        if notice is not None:
            notice_fields(record, _LINE_NAMES, "items.", notice)
        yield Line.of({"id": id_, **LINE.fields(record, "item {}: ", place)})
