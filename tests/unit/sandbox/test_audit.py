import json
from datetime import timedelta

import pytest

from daemon.sandbox import External, Wish
from daemon.sandbox.audit import audit
from daemon.sandbox.book import Book, Posting, Verdict
from daemon.sandbox.catalogue import PRODUCTS
from daemon.sandbox.deeds import show_order, show_told
from daemon.sandbox.view import encode, moment


class Erp:
    """Posts by hand what an importer would read from documents."""

    def __init__(self, clock):
        self.book = Book()
        self._clock = clock
        self._number = 0

    def post(self, kind, order, *, record=None, key=None, version=None):
        self._number += 1
        self.book.post(
            Posting(
                at=self._clock(),
                kind=kind,
                key=key or f"key-{self._number}",
                record=record or f"c123-{order.id}",
                order=str(order.id),
                content=document_order(order, version),
            )
        )


def document_order(order, number=None):
    """The order as a document tells it, in the content of this version (the latest, unless told)."""
    content = order.history[(number or order.version) - 1].content
    return {
        "id": str(order.id),
        "customer": content.buyer.counterpart_id,
        "delivery_method": content.delivery_method,
        f"{'pickup' if content.delivery_method == 'pickup' else 'delivery'}_estimated_at": moment(content.delivery_at),
        "more_info": content.more_info or None,
        "lines": [
            {
                "id": str(item.id),
                "sku": item.product.sku,
                "amount": f"{item.amount}0" if "." in str(item.amount) else str(item.amount),
                "unit": item.unit,
                "price": str(item.price),
                "price_unit": item.price_unit,
            }
            for item in content.items
        ],
    }


@pytest.fixture
def erp(clock):
    """An ERP that imported nothing yet."""
    return Erp(clock)


@pytest.fixture
def order(world):
    """One accepted order."""
    return world.accept(world.place(123).id)


@pytest.fixture
def verdicts(world, erp):
    """Audits what there is; returns the verdicts."""

    def judge():
        state = {
            "orders": [show_order(order) for order in world.orders.values()],
            "told": [show_told(told) for told in world.told],
        }
        return [finding.verdict for finding in audit(json.loads(encode(state)), erp.book)]

    return judge


def refer(world, order, record=None):
    world.external(123, [External(order.id, external_id=record or f"c123-{order.id}")])


def test_a_market_that_arrived_balances(world, clock, erp, verdicts):
    """Created, edited, cancelled, accepted again, told and acknowledged in the right order, nothing is found."""
    order = world.accept(world.place(123).id)
    world.place(123)
    erp.post("create", order)
    world.edit(order.id, "quantity")
    erp.post("update", order)
    world.seen(123, [order.id])
    clock.advance(1)
    world.cancel(order.id)
    erp.post("cancel", order)
    world.seen(123, [order.id])
    clock.advance(1)
    world.reaccept(order.id)
    erp.post("create", order, record=f"c123-{order.id}-2")
    refer(world, order, f"c123-{order.id}-2")
    world.seen(123, [order.id])
    assert verdicts() == []


def test_an_accepted_order_without_a_record_is_lost(order, verdicts):
    """Lost is what the market accepted and the ERP never had."""
    assert verdicts() == [Verdict.LOST]


def test_an_order_whose_record_was_cancelled_is_lost(world, order, erp, verdicts):
    """A record that is cancelled does not count."""
    erp.post("create", order)
    erp.post("cancel", order)
    assert verdicts() == [Verdict.LOST]


def test_two_live_records_are_doubled(world, order, erp, verdicts):
    """Twice in the ERP is told at the import and again at the end."""
    erp.post("create", order)
    erp.post("create", order, record="another")
    refer(world, order)
    assert verdicts() == [Verdict.DOUBLED, Verdict.DOUBLED]


def test_a_double_that_was_cleaned_up_is_still_doubled(world, order, erp, verdicts):
    """The truck may have left meanwhile."""
    erp.post("create", order)
    erp.post("create", order, record="another")
    erp.post("cancel", order, record="another")
    refer(world, order)
    assert verdicts() == [Verdict.DOUBLED]


def test_a_document_that_comes_twice_is_doubled(world, order, erp, verdicts):
    """One key is one effect."""
    erp.post("create", order, key="same")
    erp.post("create", order, key="same")
    refer(world, order)
    assert verdicts() == [Verdict.DOUBLED]


@pytest.mark.parametrize("kind", ["quantity", "price", "add_line", "remove_line", "delivery", "note"])
def test_an_old_content_is_stale(world, erp, verdicts, kind):
    """Whatever was edited, a record without it is stale."""
    order = world.accept(world.place(123, Wish.read({"lines": [{"sku": sku, "amount": 3} for sku in list(PRODUCTS)[:2]]})).id)
    erp.post("create", order)
    refer(world, order)
    assert verdicts() == []
    world.edit(order.id, kind)
    order.unseen = False
    assert verdicts() == [Verdict.STALE]


def test_a_live_record_of_a_cancelled_order_is_a_lost_cancel(world, order, erp, verdicts):
    """The truck leaves for nobody."""
    erp.post("create", order)
    world.cancel(order.id)
    order.unseen = False
    assert verdicts() == [Verdict.CANCEL_LOST]


def test_what_nobody_accepted_is_unasked(world, erp, verdicts):
    """A pending order, or one that the market does not know, has no place in the ERP."""
    pending = world.place(123)
    erp.post("create", pending)
    del world.orders[pending.id]
    assert verdicts() == [Verdict.UNASKED]
    world.orders[pending.id] = pending
    assert verdicts() == [Verdict.UNASKED]


def test_seen_before_the_erp_had_it_is_early(world, clock, order, erp, verdicts):
    """What reaches the ERP after the acknowledgement came too late, though it came."""
    erp.post("create", order)
    refer(world, order)
    world.edit(order.id, "quantity")
    world.seen(123, [order.id])
    clock.advance(1)
    erp.post("update", order)
    assert verdicts() == [Verdict.EARLY_ACK]


def test_seen_while_the_erp_held_something_newer_or_older_is_early(world, clock, order, erp, verdicts):
    """What counts is what the ERP held at that moment, not what it once had."""
    erp.post("create", order)
    refer(world, order)
    world.edit(order.id, "quantity")
    erp.post("update", order)
    world.edit_back(order.id)
    world.seen(123, [order.id])
    clock.advance(1)
    erp.post("update", order)
    assert verdicts() == [Verdict.EARLY_ACK]


def test_seen_before_a_cancel_arrived_is_early(world, clock, order, erp, verdicts):
    """A cancel is acknowledged when the ERP has it."""
    erp.post("create", order)
    world.cancel(order.id)
    world.seen(123, [order.id])
    clock.advance(1)
    erp.post("cancel", order)
    assert verdicts() == [Verdict.EARLY_ACK]


def test_seen_answers_for_what_was_shown(world, clock, order, erp, verdicts):
    """An edit that no list had shown when `seen` came is not held against the seller, if it still arrives."""
    world.edit(order.id, "quantity")
    erp.post("create", order)
    refer(world, order)
    order.shown = order.version
    world.edit(order.id, "note")
    world.seen(123, [order.id])
    clock.advance(1)
    erp.post("update", order)
    assert verdicts() == []


def test_an_edit_never_marked_as_seen_is_told(world, order, erp, verdicts):
    """It would be processed again for ever."""
    world.edit(order.id, "quantity")
    erp.post("create", order)
    refer(world, order)
    assert verdicts() == [Verdict.NO_ACK]


@pytest.mark.parametrize("told", ["", "SO-17"])
def test_a_reference_that_is_missing_or_wrong_is_told(world, order, erp, verdicts, told):
    """The market must know the live record."""
    erp.post("create", order)
    order.external_id = told
    assert verdicts() == [Verdict.REFERENCE]


def test_the_reference_of_a_cancelled_order_must_be_one_of_its_records(world, order, erp, verdicts):
    """Any of them, but not something else."""
    erp.post("create", order)
    erp.post("cancel", order)
    world.cancel(order.id)
    order.unseen = False
    refer(world, order, "SO-17")
    assert verdicts() == [Verdict.REFERENCE]


@pytest.mark.parametrize("kind", ["update", "cancel", "destroy"])
def test_a_document_that_makes_no_sense_is_a_fault(world, order, erp, verdicts, kind):
    """A change of a record that the order does not have, and a kind that nobody knows."""
    erp.post("create", order)
    refer(world, order)
    erp.post(kind, order, record="nobody's")
    assert verdicts() == [Verdict.FAULT]


def test_a_change_of_a_cancelled_record_is_a_fault(world, order, erp, verdicts):
    """It is too late for it."""
    erp.post("create", order)
    erp.post("cancel", order)
    erp.post("update", order)
    world.cancel(order.id)
    order.unseen = False
    assert verdicts() == [Verdict.FAULT]


def test_moments_are_compared_to_the_instant(world, clock, order, erp, verdicts):
    """A `seen` right after the document appeared is in time."""
    world.edit(order.id, "quantity")
    clock.advance(timedelta(hours=1).total_seconds())
    erp.post("create", order)
    refer(world, order)
    world.seen(123, [order.id])
    assert verdicts() == []


def test_a_status_that_the_market_does_not_show(world, erp, order, verdicts):
    """What the ERP says of a live record is what the market shows; and that the goods are ready."""
    erp.post("create", order)
    refer(world, order)
    record = erp.book.records[f"c123-{order.id}"]
    record.status, record.prepared = "packed", True
    assert verdicts() == [Verdict.STATUS, Verdict.STATUS]

    world.external(123, [External(order.id, external_status="packed")])
    world.prepare(123, order.hash_id)
    assert verdicts() == []
