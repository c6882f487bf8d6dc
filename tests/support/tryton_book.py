"""The account at the end: what Tryton holds, read by a clerk's session, against what the market agreed on.

Nobody asks the daemon. It knows the shop (what is sold by the kilo, and what by the piece) and the references that sales bear,
and nothing of the adapter.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from daemon.sandbox.book import Finding, Verdict
from daemon.sandbox.catalogue import PRODUCTS
from tests.support.tryton_rpc import Rpc

_REFERENCE = re.compile(r"c123-(?P<order>\d+)(-\d+)?")
_ZONE = ZoneInfo("Europe/Madrid")
_SALE = ("reference", "number", "state", "party", "shipping_date", "comment", "untaxed_amount", "shipment_address.party_name")
_LINE = ("sale", "product.code", "quantity", "unit.symbol", "unit_price")

Shown = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale of Tryton's, in the market's terms."""

    order: str
    reference: str
    number: str | None
    state: str
    customers: frozenset[str]
    #: (SKU, quantity, unit, price), as a multiset.
    lines: Mapping[tuple[str, Decimal, str, Decimal], int]
    shipped_on: str
    comment: str
    total: Decimal

    @property
    def is_live(self) -> bool:
        return self.state != "cancelled"


def read_book(rpc: Rpc) -> list[Sale]:
    """Every sale whose reference speaks of an order of ours."""
    codes: dict[int, set[str]] = {}
    for identifier in rpc.read("party.identifier", ["party", "code"]):
        codes.setdefault(identifier["party"], set()).add(identifier["code"])
    lines: dict[int, Counter[Any]] = {}
    for line in rpc.read("sale.line", _LINE, ["quantity", "!=", 0]):
        said = (line["product."]["code"], _plain(line["quantity"]), line["unit."]["symbol"], _plain(line["unit_price"]))
        lines.setdefault(line["sale"], Counter())[said] += 1
    sales = rpc.read("sale.sale", _SALE, ["reference", "like", "c123-%"])
    return [_sale(shown, codes.get(shown["party"], set()), lines.get(shown["id"], Counter())) for shown in sales]


def _sale(shown: Shown, codes: set[str], lines: Counter[Any]) -> Sale:
    return Sale(
        order=_REFERENCE.fullmatch(shown["reference"])["order"],
        reference=shown["reference"],
        number=shown["number"],
        state=shown["state"],
        customers=frozenset(codes),
        lines=lines,
        shipped_on=str(shown["shipping_date"]),
        comment=shown["comment"] or "",
        total=shown["untaxed_amount"],
    )


def parked(database: Path) -> dict[str, str]:
    """The orders that the daemon has left to a person, and why: the one thing that only it can say."""
    with closing(sqlite3.connect(database)) as connection:
        return dict(connection.execute("SELECT id, reason FROM orders WHERE situation = 'parked'"))


def audit(state: Shown, sales: Sequence[Sale], left: Mapping[str, str]) -> list[Finding]:
    """Everything that is wrong once both sides have come to rest; an empty list if they balance."""
    findings = [
        Finding(Verdict.DOUBLED, reference, f"{times} sales bear this reference")
        for reference, times in Counter(sale.reference for sale in sales).items()
        if times > 1
    ]
    known = {str(order["id"]) for order in state["orders"]}
    findings += [
        Finding(Verdict.UNASKED, sale.order, "the market has no such order") for sale in sales if sale.order not in known
    ]
    for order in state["orders"]:
        mine = [sale for sale in sales if sale.order == str(order["id"])]
        findings += [Finding(verdict, str(order["id"]), words) for verdict, words in _audit_order(order, mine, left)]
    return findings


def _audit_order(order: Shown, sales: Sequence[Sale], left: Mapping[str, str]) -> Iterator[tuple[Verdict, str]]:
    live = [sale for sale in sales if sale.is_live]
    if len(live) > 1:
        yield Verdict.DOUBLED, f"alive as {', '.join(sale.reference for sale in live)}"
    elif order["status"] == "accepted":
        yield from _audit_accepted(order, live[0], left) if live else _audit_missing(order, sales, left)
    elif live and not _is_left(live[0], order, left):
        yield Verdict.CANCEL_LOST, f"{order['status']}, and {live[0].reference} is {live[0].state}"
    if order["unseen"] and str(order["id"]) not in left:
        yield Verdict.NO_ACK, "its last edit was never marked as seen"


def _audit_missing(order: Shown, sales: Sequence[Sale], left: Mapping[str, str]) -> Iterator[tuple[Verdict, str]]:
    """A clerk may have cancelled it: then a person is told."""
    if not sales or "cancelled in " not in left.get(str(order["id"]), ""):
        yield Verdict.LOST, "accepted, and Tryton has no live sale of it"


def _audit_accepted(order: Shown, sale: Sale, left: Mapping[str, str]) -> Iterator[tuple[Verdict, str]]:
    is_left = str(order["id"]) in left
    differing = list(_differences(order["history"][-1]["content"], sale))
    if differing and not _is_left(sale, order, left):
        yield Verdict.STALE, f"{sale.reference} ({sale.state}) differs in {', '.join(differing)}"
    if order["external_id"] != sale.number and not (is_left and order["external_id"] == ""):
        yield Verdict.REFERENCE, f"the market calls it {order['external_id']!r}, Tryton {sale.number!r}"
    if order["external_status"] != sale.state and not is_left:
        yield Verdict.REFERENCE, f"the market says it is {order['external_status']!r}, Tryton {sale.state!r}"


def _is_left(sale: Sale, order: Shown, left: Mapping[str, str]) -> bool:
    """A clerk confirmed it, the buyer changed it afterwards, and a person is told: it holds what was agreed upon before."""
    agreed = (version["content"] for version in order["history"] if version["status"] == "accepted")
    is_told = "is confirmed in Tryton" in left.get(str(order["id"]), "")
    return is_told and sale.state == "processing" and any(not list(_differences(content, sale)) for content in agreed)


def _differences(content: Shown, sale: Sale) -> Iterator[str]:
    if content["counterpart_id"] not in sale.customers:
        yield "customer"
    if Counter(_booked(item) for item in content["items"]) != sale.lines:
        yield f"lines: {dict(Counter(_booked(item) for item in content['items']))} and {dict(sale.lines)}"
    due = datetime.fromisoformat(content["delivery_at"]).astimezone(_ZONE)
    if sale.shipped_on != str(due.date()) or f"{due:%Y-%m-%d %H:%M}" not in sale.comment:
        yield "delivery"
    if content["more_info"] not in sale.comment:
        yield "note"


def _booked(item: Shown) -> tuple[str, Decimal, str, Decimal]:
    """What an item of the market is in this shop: weighed, or counted; its price is for the unit that it was agreed in."""
    product, amount = PRODUCTS[item["sku"]], Decimal(str(item["amount"]))
    held = (
        {"kg": product.weight, "unit": product.pieces}.get(item["price_unit"], Decimal(1))
        if item["unit"] == "box"
        else Decimal(1)
    )
    return item["sku"], _plain(amount * held), "kg" if item["price_unit"] == "kg" else "u", _plain(item["price"])


def _plain(number: object) -> Decimal:
    return Decimal(str(number)).normalize()
