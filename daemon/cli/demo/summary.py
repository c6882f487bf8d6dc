"""The reckoning: what the market holds and what the ERP holds, each counted from its own side."""

import itertools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from daemon.cli.demo.teller import Teller
from daemon.sandbox.audit import audit
from daemon.sandbox.book import Book

Row = tuple[str, object, object]


def summarize(state: Mapping[str, Any], book: Book, teller: Teller) -> bool:
    """Tells the figures of both sides, and what is wrong; whether they balance."""
    findings = audit(state, book)
    teller.say("")
    for what, market, erp in [("", "market", "ERP"), *_rows(state, book)]:
        teller.say(f"  {what:<34}{market!s:>12}{erp!s:>12}")
    teller.say("")
    for finding in findings:
        teller.say(f"  {finding}", colour="red")
    if findings:
        teller.say("It does not balance.", colour="red")
    else:
        teller.say("Balanced: every accepted order is in the ERP once, with its latest content.", colour="green")
    return not findings


def _rows(state: Mapping[str, Any], book: Book) -> Iterator[Row]:
    accepted = [order for order in state["orders"] if order["status"] == "accepted"]
    items = [item for order in accepted for item in order["history"][-1]["content"]["items"]]
    live = [record for record in book.records.values() if record.live]
    lines = [line for record in live for line in record.content["lines"]]
    canceled = [order for order in state["orders"] if order["status"] == "canceled" and order["accepted_at"]]
    yield "accepted orders, live records", len(accepted), len(live)
    yield "their lines", len(items), len(lines)
    yield "the sum of their amounts", _sum(items), _sum(lines)
    yield "known by the ERP's reference", sum(bool(order["external_id"]) for order in accepted), len(live)
    yield "cancelled after acceptance", len(canceled), sum(not record.live for record in book.records.values())
    yield "edits, updates (one may hold many)", _edits(state), sum(posting.kind == "update" for posting in book.postings)


def _edits(state: Mapping[str, Any]) -> int:
    """Changes of content after the acceptance."""
    histories = [order["history"] for order in state["orders"] if order["accepted_at"]]
    pairs = [pair for history in histories for pair in itertools.pairwise(history)]
    return sum(before["status"] == after["status"] == "accepted" for before, after in pairs)


def _sum(lines: list[Mapping[str, Any]]) -> str:
    return f"{sum((Decimal(str(line['amount'])) for line in lines), Decimal(0)):.2f}"
