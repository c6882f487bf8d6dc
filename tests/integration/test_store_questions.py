from datetime import timedelta

import pytest

from daemon.domain.ledger import Stream, Unreadable
from daemon.domain.state import Situation
from daemon.errors import OrderUnknown
from daemon.store.database import open_database
from daemon.store.listing import Which
from daemon.store.questions import open_reader
from daemon.store.schema import migrate
from tests.support.stores import NOW, a_row, an_order, lead

EARLIER = NOW - timedelta(days=1)


@pytest.fixture
async def reader(database_url):
    """Two workspaces, one of them with three orders."""
    await migrate(database_url)
    async with open_database(database_url) as database, open_reader(database_url) as reader:
        store = await lead(database, "7")
        await lead(database, "8")
        async with store.transaction() as tx:
            await tx.save_orders(
                [
                    an_order("1", erp_record="SO-1", tell_due_at=NOW),
                    an_order("2", situation=Situation.PARKED, told_id="SO-1", customer="C-17", missing=("TOM_R",)),
                    an_order("3", situation=Situation.PARKED).evolve(created_at=EARLIER, hash_id="h3"),
                ]
            )
            await tx.save_rows([a_row()])
            await tx.add_unreadables([Unreadable(digest="d", raw=b"", error="empty", seen_at=NOW)])
            await tx.move_cursors({Stream.EDITED: NOW})
        await reader.leave_wish("7", "retry", order_id="2", who="anna", reason="mended")
        yield reader


async def test_the_overview_counts_by_workspace(reader):
    """`status` is told each workspace's situations, backlog and doubts, and of a quiet one only zeros."""
    busy, quiet = await reader.overview()

    assert (busy.state.id, busy.epoch, busy.led_at) == ("7", 1, NOW)
    assert busy.counts == {Situation.WAITING: 1, Situation.PARKED: 2}
    assert busy.oldest == {Situation.WAITING: NOW, Situation.PARKED: EARLIER}
    assert (busy.to_tell, busy.in_doubt, busy.unreadable, busy.wishes) == (1, 1, 1, 1)
    assert busy.cursors == {Stream.EDITED: NOW}
    assert (quiet.state.id, quiet.counts, quiet.cursors) == ("8", {}, {})
    assert (quiet.to_tell, quiet.in_doubt, quiet.unreadable, quiet.wishes) == (0, 0, 0, 0)


@pytest.mark.parametrize(("name", "orders"), [("1", ["1"]), ("h3", ["3"]), ("SO-1", ["1", "2"]), ("4", [])])
async def test_orders_are_found_by_any_name(reader, name, orders):
    """The id, the hash, the ERP's record and the told reference all lead to the order."""
    assert [found.order.id for found in await reader.find_orders(name)] == orders
    assert await reader.find_orders(name, workspace="8") == []


async def test_orders_are_listed_oldest_first(reader):
    """A list may be narrowed to a situation or a workspace, and cut."""
    assert [found.order.id for found in await reader.list_orders()] == ["3", "1", "2"]
    assert [found.order.id for found in await reader.list_orders(situation=Situation.PARKED, limit=1)] == ["3"]
    assert await reader.list_orders(workspace="8") == []


@pytest.mark.parametrize(("name", "words"), [("4", "No order"), ("SO-1", "Several orders")])
async def test_a_story_is_of_one_order(reader, name, words):
    """No order and several orders of a name are told, with what to do."""
    with pytest.raises(OrderUnknown, match=words) as refusal:
        await reader.story(name)
    assert refusal.value.remedy


async def test_a_wish_for_an_unknown_workspace_is_refused(reader):
    """A mistyped workspace is told."""
    with pytest.raises(OrderUnknown, match="Workspace 9"):
        await reader.leave_wish("9", "retry", order_id=None, who="anna", reason="")


@pytest.mark.parametrize(
    ("looked_for", "found"),
    [
        ({}, ["1", "2", "3"]),
        ({"situations": [Situation.PARKED]}, ["2", "3"]),
        ({"situations": [Situation.PARKED, Situation.WAITING]}, ["1", "2", "3"]),
        ({"before": EARLIER}, ["3"]),
        ({"customer": "c-17"}, ["2"]),
        ({"text": "so-1"}, ["1", "2"]),
        ({"text": "TOM_"}, ["2"]),
        ({"text": "%"}, []),
        ({"workspace": "8"}, []),
    ],
)
async def test_orders_are_looked_for_by_what_people_know(reader, looked_for, found):
    """Situation, age, customer, and words that are taken as they stand; the newest first, and counted beyond the limit."""
    page = await reader.orders(Which(**looked_for), sort="newest", limit=50)

    assert ([each.order.id for each in page.found], page.count) == (found, len(found))
    cut = await reader.orders(Which(**looked_for), sort="oldest", limit=1)
    assert (len(cut.found), cut.count) == (min(1, len(found)), len(found))


@pytest.mark.parametrize(
    ("sort", "order"), [("newest", "123"), ("oldest", "312"), ("situation", "321"), ("customer", "231"), ("due", "312")]
)
async def test_a_list_is_sorted(reader, sort, order):
    """By what somebody wants to see first; what has no such thing comes last."""
    page = await reader.orders(Which(), sort=sort, limit=50)

    assert "".join(each.order.id for each in page.found) == order
