"""The auditor: holds the market's own account against the ERP's book, and says what does not agree, order by order.

It compares what people agreed on (buyer, lines, delivery, note), reads the market's truth from the control API's `state`, and
knows nothing of whoever carried the orders from one to the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from daemon.sandbox.book import Book, Finding, Posting, Verdict

Shown = Mapping[str, Any]


def audit(state: Shown, book: Book, spelt: Mapping[str, str] | None = None) -> list[Finding]:
    """Everything that is wrong, once both sides have come to rest; an empty list if they balance.

    `spelt`: what the market shall show for the ERP's statuses; the others as they are.
    """
    orders = {str(order["id"]): order for order in state["orders"]}
    findings = list(book.findings)
    for order in orders.values():
        findings += _check_order(order, book)
        findings += _check_status(order, book, spelt or {})
    findings += _check_strangers(orders, book)
    for told in state["told"]:
        if told["call"] == "seen":
            findings += _check_seen(told, orders, book)
    return findings


# ---- what is in the ERP


def _check_order(order: Shown, book: Book) -> Iterator[Finding]:
    if order["status"] == "accepted":
        yield from _check_accepted(order, book)
    elif not any(version["status"] == "accepted" for version in order["history"]):
        yield from _check_never_accepted(order, book)
    else:
        yield from _check_canceled(order, book)
    if order["unseen"]:
        yield _found(Verdict.NO_ACK, order, "its last edit was never marked as seen")


def _check_accepted(order: Shown, book: Book) -> Iterator[Finding]:
    records = book.live_records(str(order["id"]))
    if not records:
        yield _found(Verdict.LOST, order, "accepted, and the ERP has no live record of it")
        return
    if len(records) > 1:
        yield _found(Verdict.DOUBLED, order, f"alive more than once: {', '.join(record.id for record in records)}")
    for record in records:
        differing = _differing(agreed_in_market(order["history"][-1]["content"]), agreed_in_erp(record.content))
        if differing:
            yield _found(Verdict.STALE, order, f"record {record.id} differs in {', '.join(differing)}")
    if order["external_id"] not in [record.name for record in records]:
        yield _found(Verdict.REFERENCE, order, f"the market calls it {order['external_id']!r}, the ERP {records[0].name!r}")


def _check_status(order: Shown, book: Book, spelt: Mapping[str, str]) -> Iterator[Finding]:
    """What the ERP told of its live record."""
    for record in book.live_records(str(order["id"])) if order["status"] == "accepted" else ():
        if record.status is not None and order["external_status"] != (wanted := spelt.get(record.status, record.status)):
            yield _found(Verdict.STATUS, order, f"the market shows {order['external_status']!r} instead of {wanted!r}")
        if record.prepared and not order["prepared"]:
            yield _found(Verdict.STATUS, order, f"record {record.id} is prepared, and the market does not know")


def _check_canceled(order: Shown, book: Book) -> Iterator[Finding]:
    for record in book.live_records(str(order["id"])):
        yield _found(Verdict.CANCEL_LOST, order, f"{order['status']}, and record {record.id} is alive")
    known = {name for record in book.records_of(str(order["id"])) for name in (record.id, record.name)}
    if order["external_id"] and order["external_id"] not in known:
        yield _found(Verdict.REFERENCE, order, f"the market calls it {order['external_id']!r}, which the ERP does not know")


def _check_never_accepted(order: Shown, book: Book) -> Iterator[Finding]:
    for posting in book.postings_of(str(order["id"]))[:1]:
        yield _found(Verdict.UNASKED, order, f"never accepted, and a {posting.kind} reached the ERP")


def _check_strangers(orders: Mapping[str, Shown], book: Book) -> Iterator[Finding]:
    for stranger in sorted({posting.order for posting in book.postings} - orders.keys()):
        yield Finding(Verdict.UNASKED, stranger, "the market has no such order")


# ---- what was acknowledged


def _check_seen(told: Shown, orders: Mapping[str, Shown], book: Book) -> Iterator[Finding]:
    """A `seen` answers for what the market had last shown of the order; of an edit made since, nobody could know."""
    at = datetime.fromisoformat(told["at"])
    for order_id, number in told["shown"].items():
        order = orders[order_id]
        version = order["history"][number - 1]
        earlier = [posting for posting in book.postings_of(order_id) if posting.at <= at]
        if not _had(version, earlier):
            yield _found(Verdict.EARLY_ACK, order, f"version {number} was marked as seen at {told['at']}, before the ERP had it")


def _had(version: Shown, postings: Sequence[Posting]) -> bool:
    last = postings[-1] if postings else None
    if version["status"] == "canceled":
        return last is None or last.kind == "cancel"
    if version["status"] != "accepted" or last is None or last.kind == "cancel":
        return False
    return agreed_in_erp(last.content) == agreed_in_market(version["content"])


# ---- what people agreed on


@dataclass(frozen=True, slots=True)
class Agreed:
    """The content of an order, in one form for both sides; numbers and moments by value, whatever their spelling."""

    buyer: str
    lines: frozenset[tuple[object, ...]]
    delivery: tuple[str, datetime]
    note: str


def agreed_in_market(content: Shown) -> Agreed:
    return Agreed(
        buyer=content["counterpart_id"],
        lines=_lines(content["items"]),
        delivery=(content["delivery_method"], datetime.fromisoformat(content["delivery_at"])),
        note=content["more_info"],
    )


def agreed_in_erp(order: Shown) -> Agreed:
    method = order["delivery_method"]
    when = order["pickup_estimated_at" if method == "pickup" else "delivery_estimated_at"]
    return Agreed(
        buyer=order["customer"],
        lines=_lines(order["lines"]),
        delivery=(method, datetime.fromisoformat(when)),
        note=order["more_info"] or "",
    )


def _lines(lines: Sequence[Shown]) -> frozenset[tuple[object, ...]]:
    return frozenset(
        (str(line["id"]), line["sku"], _number(line["amount"]), line["unit"], _number(line["price"]), line["price_unit"])
        for line in lines
    )


def _number(value: object) -> Decimal:
    return Decimal(str(value))


def _differing(wanted: Agreed, held: Agreed) -> list[str]:
    return [field.name for field in fields(Agreed) if getattr(wanted, field.name) != getattr(held, field.name)]


def _found(verdict: Verdict, order: Shown, words: str) -> Finding:
    return Finding(verdict, str(order["id"]), words)
