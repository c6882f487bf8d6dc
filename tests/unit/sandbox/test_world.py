import json
from datetime import timedelta
from decimal import Decimal

import pytest

from daemon.sandbox import External, Refused, UnknownOrder, Wish, Workspace, World
from daemon.sandbox.catalogue import Line

DAY = timedelta(days=1)


def listed(world, *, status=None, since=None, to=None, workspace=123):
    now = world.now()
    return [order.id for order in world.listed(workspace, since or now - DAY, to or now + DAY, status)]


def edited(world):
    return [order.id for order in world.edited(123, world.now() - DAY)]


def accepted(world, **wishes):
    order = world.place(123, Wish(**wishes) if wishes else None)
    return world.accept(order.id)


def shown(world, order):
    return json.loads(world.encoded(order))


def test_versions_count_business_changes_only(world):
    """Content and status move the version; references, seen marks and preparing do not."""
    order = accepted(world)
    world.edit(order.id)
    assert order.version == 3
    world.external(123, [External(order.id, external_id="SO-1", external_status="confirmed")])
    world.seen(123, [order.id])
    world.prepare(123, order.hash_id)
    assert order.version == 3
    assert [version.status for version in order.history] == ["pending", "accepted", "accepted"]


@pytest.mark.parametrize("kind", ["quantity", "price", "add_line", "remove_line", "delivery", "note"])
def test_every_kind_of_edit_changes_the_content(world, clock, kind):
    """No edit is empty, and each is kept with its moment."""
    order = accepted(world, lines=(Line("TOM-RAF-6", Decimal(3)), Line("LIM-VERNA", Decimal("12.5"))))
    before = order.content
    clock.advance(60)
    world.edit(order.id, kind)
    assert order.content != before
    assert (order.history[-2].content, order.history[-1].at) == (before, clock())


def test_an_edit_back_restores_the_content_before(world):
    """Edited there and back, the order holds what it held, two versions later."""
    order = accepted(world)
    before = order.content
    world.edit(order.id)
    world.edit_back(order.id)
    assert order.content == before
    assert order.version == 4


def test_a_line_that_stays_keeps_its_id(world):
    """An edit by wish changes the amount under the same item id, and new lines get ids never used before."""
    order = accepted(world, lines=(Line("TOM-RAF-6", Decimal(3)),))
    first = order.content.items[0].id
    world.edit(order.id, wish=Wish(lines=(Line("TOM-RAF-6", Decimal(5)), Line("PEP-ALM", Decimal(9)))))
    world.edit(order.id, wish=Wish(lines=(Line("TOM-RAF-6", Decimal(5)), Line("AJO-MOR", Decimal(2)))))
    ids = [item.id for version in order.history for item in version.content.items]
    assert order.content.items[0].id == first
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("status", "deed"),
    [("pending", "reaccept"), ("draft", "accept"), ("accepted", "accept"), ("incomplete", "edit")],
)
def test_what_makes_no_sense_is_refused(world, status, deed):
    """A status allows only its own next steps."""
    order = world.place(123, status=status)
    with pytest.raises(Refused, match=str(order.id)):
        getattr(world, deed)(order.id)
    assert order.version == 1


def test_workspaces_are_apart(world):
    """An order is listed and found in its own workspace only."""
    order = world.place(456)
    assert listed(world) == []
    assert listed(world, workspace=456) == [order.id]
    with pytest.raises(UnknownOrder):
        world.find(123, order.hash_id)


def test_the_list_is_by_creation_and_status(world, clock):
    """Orders come in the order of their creation; a draft never comes."""
    later = world.place(123)
    earlier = world.place(123, at=clock() - timedelta(hours=1))
    world.place(123, status="draft")
    world.accept(later.id)
    assert listed(world) == [earlier.id, later.id]
    assert listed(world, status="accepted") == [later.id]


@pytest.mark.parametrize("date_filter", ["created", "updated"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_the_end_of_a_range_is_a_switch(world, clock, inclusive, date_filter):
    """The order of this very moment is in a range that ends now, or it is not."""
    world.switches = world.switches.changed(to_is_inclusive=inclusive, date_filter=date_filter)
    order = world.place(123)
    assert listed(world, to=clock()) == ([order.id] if inclusive else [])


@pytest.mark.parametrize(
    ("date_filter", "moments"),
    [("created", [0]), ("accepted", [1]), ("updated", [2]), ("delivery", [5])],
)
def test_the_range_is_about_the_date_of_the_switch(world, clock, date_filter, moments):
    """Created today, accepted tomorrow, edited the day after, delivered on the fifth: each filter sees its own day."""
    world.switches = world.switches.changed(date_filter=date_filter)
    monday = clock()
    order = world.place(123, Wish(delivery_at=monday + 5 * DAY))
    world.accept(order.id, at=monday + DAY)
    world.edit(order.id, "note", at=monday + 2 * DAY)
    found = [n for n in range(7) if listed(world, since=monday + n * DAY, to=monday + n * DAY)]
    assert found == moments


def test_only_changes_after_acceptance_are_edits(world):
    """An edit of a pending order is not on the edited list; one of an accepted order is, until it is seen."""
    order = world.place(123)
    world.edit(order.id)
    world.accept(order.id)
    assert edited(world) == []
    world.edit(order.id)
    assert edited(world) == [order.id]
    world.seen(123, [order.id])
    assert edited(world) == []


@pytest.mark.parametrize("lists", [True, False])
def test_cancels_on_the_edited_list_are_a_switch(world, lists):
    """A cancelled order is on the edited list, or no longer on it although it was edited before."""
    world.switches = world.switches.changed(edited_lists_cancels=lists)
    order = accepted(world)
    world.edit(order.id)
    world.cancel(order.id)
    assert edited(world) == ([order.id] if lists else [])


def test_seen_orders_may_stay_on_the_list(world):
    """With edited_keeps_after_seen the list shows every edit for ever."""
    world.switches = world.switches.changed(edited_keeps_after_seen=True)
    order = accepted(world)
    world.edit(order.id)
    world.seen(123, [order.id])
    assert edited(world) == [order.id]


def test_external_may_echo_as_an_edit(world):
    """With external_is_edit a reference puts the order on the edited list, though its version stands still."""
    world.switches = world.switches.changed(external_is_edit=True)
    order = accepted(world)
    world.external(123, [External(order.id, external_id="SO-1")])
    assert edited(world) == [order.id]
    assert order.version == 2


@pytest.mark.parametrize("bumps", [True, False])
def test_external_shows_on_both_sides_and_may_be_repeated(world, bumps):
    """Reference and status stand in the seller's fields and the plain ones; a cancel happens once."""
    world.switches = world.switches.changed(external_bumps_updated=bumps)
    order = accepted(world)
    assert shown(world, order)["external_id"] == ""
    world.external(123, [External(order.id, external_id="SO-0")])
    assert shown(world, order)["external_id"] == "SO-0"
    record = External(order.hash_id, external_id="SO-1", external_status="done", cancel=True)
    world.external(123, [record])
    world.external(123, [record])
    view = shown(world, order)
    assert (view["external_id"], view["external_id_seller"], view["external_id_buyer"]) == ("SO-1", "SO-1", "")
    assert (view["external_status"], view["status"], order.version) == ("done", "canceled", 3)


def test_a_record_changes_only_what_it_names(world):
    """A status alone leaves the reference as it was."""
    order = accepted(world)
    world.external(123, [External(order.id, external_id="SO-1")])
    world.external(123, [External(order.id, external_status="shipped")])
    assert (order.external_id, order.external_status) == ("SO-1", "shipped")


def test_the_audit_keeps_versions(world):
    """Every call of the seller's is kept with the version that each order had at that moment."""
    order = accepted(world)
    world.edit(order.id)
    world.seen(123, [order.id])
    world.edit(order.id)
    world.external(123, [External(order.id, external_id="SO-1")])
    assert [(told.call, told.versions) for told in world.told] == [
        ("seen", {order.id: 3}),
        ("external", {order.id: 4}),
    ]


def test_prepare_serves_what_was_ordered(world):
    """Every item is prepared with its own amount and price."""
    order = accepted(world)
    assert not any(item["prepared"] or item["served_amount"] for item in shown(world, order)["items"])
    world.prepare(123, order.hash_id)
    for item in shown(world, order)["items"]:
        assert item["prepared"] is True
        assert (item["served_amount"], item["served_price"]) == (item["amount"], item["price"])


@pytest.mark.parametrize(("behaviour", "moves"), [("fine", 90.5), ("coarse", 90), ("still", 0), ("regress", 90.5 - 3600)])
def test_updated_at_behaves_as_switched(world, clock, behaviour, moves):
    """An edit moves updated_at truly, to the second, not at all, or backwards."""
    world.switches = world.switches.changed(updated_at=behaviour)
    order = world.place(123)
    clock.advance(90.5)
    world.edit(order.id)
    assert (order.updated_at - order.created_at).total_seconds() == moves


def test_updated_at_may_be_missing(world):
    """Switched at any time, the field disappears from orders that were shown before, too."""
    order = world.place(123)
    assert "updated_at" in shown(world, order)
    world.switches = world.switches.changed(updated_at="missing")
    assert "updated_at" not in shown(world, order)


def test_a_distorted_order_shows_absurd_fields(world):
    """What a test distorts is shown instead of the truth, which stays as it was."""
    order = world.distort(world.place(123).id, status="teleported", items=None)
    assert (shown(world, order)["status"], shown(world, order)["items"]) == ("teleported", None)
    assert order.status == "pending"


def test_the_same_seed_brings_the_same_orders(clock):
    """Orders are equal for the same seed, however the calls about them interleave, and differ for another."""

    def market(seed, deeds):
        world = World([Workspace(123)], seed=seed, clock=clock)
        world.place(123)
        world.place(123)
        for order in deeds:
            world.edit(order)
        return [world.encoded(order) for order in world.orders.values()]

    assert market(7, [5001, 5002, 5001]) == market(7, [5002, 5001, 5001])
    assert market(7, [5001]) != market(8, [5001])
