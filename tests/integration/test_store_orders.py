from dataclasses import fields
from datetime import timedelta

import pytest

from daemon.domain.ledger import Stream, Unreadable
from daemon.domain.state import OrderState, Situation
from daemon.errors import Deposed
from daemon.store.database import open_database
from daemon.store.schema import migrate
from tests.support.stores import NOW, a_full_order, a_revision, an_order, lead, led_store

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(database_url):
    async with led_store(database_url) as store:
        yield store


async def saved(store, *orders):
    async with store.transaction() as tx:
        await tx.save_orders(orders)


async def test_an_order_comes_back_as_it_was_saved(store):
    """No field of an order is forgotten, rounded or renamed, and moments come back aware."""
    orders = {"1": an_order("1"), a_full_order().id: a_full_order()}
    await saved(store, *orders.values())

    async with store.transaction() as tx:
        assert await tx.orders(["unknown", *orders]) == orders


async def test_the_fields_of_an_order_stand_in_one_order(database_url):
    """New, evolved or read: the store compares and writes states column by column, and must never mistake one for another."""
    async with led_store(database_url) as store:
        await saved(store, a_full_order())
    async with led_store(database_url) as store, store.transaction() as tx:  # this one recalls nothing
        (read,) = (await tx.orders([a_full_order().id])).values()

    names = [field.name for field in fields(OrderState)]
    for state in (a_full_order(), a_full_order().evolve(reason="changed", hash_id=None), read, read.evolve(id="2")):
        assert [*vars(state)] == names


async def test_an_order_is_replaced(store):
    """Saving an order again leaves the newer state, also twice in one call."""
    await saved(store, an_order(reason="first"))
    await saved(store, an_order(reason="second"), an_order(reason="third"))

    async with store.transaction() as tx:
        assert (await tx.orders(["1"]))["1"].reason == "third"


async def test_thousands_of_orders_are_found_by_id(store):
    """More ids than one statement may bind are still one answer."""
    await saved(store, *(an_order(str(number)) for number in range(1201)))

    async with store.transaction() as tx:
        assert len(await tx.orders(str(number) for number in range(1201))) == 1201


async def test_due_orders_come_first_due_first(store):
    """The longest due come first, what is not due yet stays away, and a moment too far ahead counts as come (A9)."""
    await saved(
        store,
        an_order("late", due_at=NOW - MINUTE),
        an_order("later", due_at=NOW),
        an_order("soon", due_at=NOW + MINUTE),
        an_order("jumped", due_at=NOW + timedelta(days=400)),
        an_order("never"),
    )

    async with store.transaction() as tx:
        assert [order.id for order in await tx.due(NOW, 10)] == ["late", "later", "jumped"]
        assert [order.id for order in await tx.due(NOW, 1)] == ["late"]
        assert await tx.tellable(NOW, 10) == []


async def test_what_is_to_be_told_is_due_by_itself(store):
    """The Consentio side has its own due moment (A23)."""
    await saved(store, an_order("told", tell_due_at=NOW), an_order("untold", due_at=NOW))

    async with store.transaction() as tx:
        assert [order.id for order in await tx.tellable(NOW, 10)] == ["told"]


async def test_edited_marks_are_read_page_by_page(store):
    """Settled orders with the edited mark come by id, after a given one."""
    marked = [an_order(number, edited=True, situation=Situation.SETTLED) for number in ("1", "2", "3")]
    await saved(store, *marked, an_order("4", edited=True), an_order("5", situation=Situation.SETTLED))

    async with store.transaction() as tx:
        assert await tx.edited_marks(2) == marked[:2]
        assert await tx.edited_marks(2, after="2") == marked[2:]


async def test_slices_of_watched_orders_are_distinct_and_old_first(store):
    """The near sweep learns each slice once, and only those before its horizon that list an order still moving."""
    early = {"slice_from": NOW - 9 * MINUTE, "slice_to": NOW - 8 * MINUTE}
    late = {"slice_from": NOW - 5 * MINUTE, "slice_to": NOW}
    await saved(
        store,
        an_order("1", **late),
        an_order("2", **early, latest_status="pending", situation=Situation.SETTLED),
        an_order("3", **early, just_seen=5, situation=Situation.SETTLED),
        an_order("4", slice_from=NOW - 7 * MINUTE, slice_to=NOW, situation=Situation.SETTLED),
        an_order("5", slice_from=NOW, slice_to=NOW + MINUTE),
        an_order("6"),
    )

    async with store.transaction() as tx:
        assert await tx.watched_slices(NOW) == [tuple(early.values()), tuple(late.values())]
        assert await tx.ids_in_slice(*early.values()) == ["2", "3"]


async def test_after_a_restore_everything_is_unknown(store):
    """Each order's ERP revision is unknown, and nothing is told of it; what was settled or waiting is due at once."""
    known = {"erp_revision": 3, "erp_digest": "d", "wanted": 3, "tell_due_at": NOW}
    await saved(store, *(an_order(each, situation=each, due_at=None, **known) for each in Situation))

    async with store.transaction() as tx:
        await tx.add_revisions([a_revision(Situation.SETTLED, 3)])  # without a payload there was nothing to send again
        changed = await tx.unknown_all()
        orders = await tx.orders(Situation)

    left_alone = {Situation.BASELINE, Situation.DISMISSED}
    assert changed == len(Situation) - len(left_alone)
    for situation, order in orders.items():
        reopened = situation in {Situation.SETTLED, Situation.WAITING}
        assert order.situation == (Situation.WAITING if reopened else situation)
        assert (order.due_at is not None and order.due_at <= NOW) is reopened
        assert order.verify is (situation not in left_alone)
        assert (order.tell_due_at is None) is (situation not in left_alone)
        assert order.erp_revision == (3 if situation in left_alone else None)


async def test_reopened_orders_are_watched(store):
    """The slice of an order that a restore made unknown is read again."""
    await saved(store, an_order(situation=Situation.SETTLED, wanted=1, slice_from=NOW - MINUTE, slice_to=NOW))

    async with store.transaction() as tx:
        await tx.add_revisions([a_revision()])
        await tx.unknown_all()
        assert await tx.watched_slices(NOW) == [(NOW - MINUTE, NOW)]


async def test_workspaces_do_not_see_each_other(database_url):
    """The same order id in two workspaces is two orders, in every question."""
    await migrate(database_url)
    async with open_database(database_url) as database:
        one, other = await lead(database, "one"), await lead(database, "other")
        mine = an_order(due_at=NOW, tell_due_at=NOW, edited=True, situation=Situation.SETTLED, latest_status="pending")
        async with one.transaction() as tx:
            await tx.save_orders([mine.evolve(slice_from=NOW - MINUTE, slice_to=NOW)])
            await tx.add_revisions([a_revision()])
            await tx.move_cursors({Stream.EDITED: NOW})

        glance = await other.glance(NOW)
        async with other.transaction() as tx:
            assert not await tx.orders(["1"])
            assert not await tx.due(NOW, 9)
            assert not await tx.tellable(NOW, 9)
            assert not await tx.edited_marks(9)
            assert not await tx.watched_slices(NOW)
            assert not await tx.ids_in_slice(NOW - MINUTE, NOW)
            assert not await tx.revisions([("1", 1)])
            assert not await tx.unknown_all()
        assert (glance.erp_due, glance.tell_due, glance.edited_due) == (False, False, False)
        assert not glance.cursors


async def test_every_field_has_a_column():
    """A field added to an order is either stored or noticed here."""
    from daemon.store.tables import orders

    assert {column.name for column in orders.c} == {field.name for field in fields(OrderState)} | {"workspace", "watched"}


async def test_unreadable_elements_are_counted_once(store):
    """An element seen again is not new: its digest is known, within one call too."""
    first = Unreadable(digest="a", raw=b"\x00{", error="cut \x00 off", seen_at=NOW)
    again = Unreadable(digest="a", raw=b"\x00{", error="cut off", seen_at=NOW + MINUTE)
    other = Unreadable(digest="b", raw=b"", error="empty", seen_at=NOW)

    async with store.transaction() as tx:
        assert await tx.add_unreadables([first, first]) == 1
    async with store.transaction() as tx:
        assert await tx.add_unreadables([again, other]) == 1
        assert await tx.add_unreadables([]) == 0


@pytest.mark.parametrize("change", [{"hint": "R-1"}, {"situation": Situation.SETTLED, "reason": "x"}, {"just_seen": 9}, {}])
async def test_only_what_changed_is_written_and_all_of_it(store, change):
    """An order that was read is written field by field, the watched mark of the state included; nothing else moves."""
    await saved(store, an_order("1", situation=Situation.SETTLED, slice_from=NOW, slice_to=NOW), an_order("2"))
    async with store.transaction() as tx:
        (state,) = (await tx.orders(["1"])).values()
        await tx.save_orders([state.evolve(**change)])

    store._recall.forget()
    async with store.transaction() as tx:
        assert await tx.orders(["1", "2"]) == {"1": state.evolve(**change), "2": an_order("2")}
    assert len(await watched_slices(store)) == int("just_seen" in change)


async def watched_slices(store):
    async with store.transaction() as tx:
        return await tx.watched_slices(NOW + MINUTE)


async def test_what_was_not_committed_is_not_recalled(store):
    """A change that was rolled back, and one that another statement made, are read from the database again."""
    await saved(store, an_order("1"))
    with pytest.raises(ZeroDivisionError):
        await save_and_fail(store, an_order("1", reason="never"))
    async with store.transaction() as tx:
        assert (await tx.orders(["1"]))["1"] == an_order("1")
        await tx.unknown_all()
        assert (await tx.orders(["1"]))["1"].verify


async def save_and_fail(store, order):
    async with store.transaction() as tx:
        await tx.save_orders([order])
        raise ZeroDivisionError


async def test_a_new_leader_recalls_nothing(database_url):
    """What another leader changed meanwhile is read: a new epoch begins with an empty memory."""
    async with led_store(database_url) as store:
        await saved(store, an_order("1"))
        other = type(store)(store._engine, store._locks, ends=store._ends, owner="another")
        await other._claim(NOW)
        await saved(other, an_order("1", reason="changed by another"))
        with pytest.raises(Deposed):
            await saved(store, an_order("1"))
        await store.renew(NOW)
        async with store.transaction() as tx:
            assert (await tx.orders(["1"]))["1"].reason == "changed by another"
