"""The switches of the sandbox as a client meets them: each reading of what the vendor leaves open."""

from datetime import datetime, timedelta

import pytest

from daemon.sandbox import Sandbox
from tests.support.sandbox import WIDE, Caller


@pytest.fixture
async def box():
    """A sandbox with its switches where they stand by default."""
    async with Sandbox(seed=7) as box:
        yield box


@pytest.fixture
async def api(box):
    """A caller that is logged in."""
    async with Caller(box.url) as caller:
        await caller.login()
        yield caller


def accepted(box):
    return box.world.accept(box.world.place(123).id)


def around(moment: datetime) -> dict[str, str]:
    minute = timedelta(minutes=1)
    return {"from": (moment - minute).isoformat(), "to": (moment + minute).isoformat()}


async def listed(api, **wanted):
    return [shown["id"] for shown in (await api.orders(**wanted)).json]


@pytest.mark.parametrize("date_filter", ["created", "updated", "accepted", "delivery"])
async def test_the_range_filters_on_the_switched_date(box, api, date_filter):
    """Of four dates, minutes apart, only the switched one brings the order into a range around it."""
    box.switch(date_filter=date_filter)
    order = box.world.place(123)
    dates = {"created": order.created_at, "delivery": order.content.delivery_at}
    box.clock.advance(600)
    dates["accepted"] = box.world.accept(order.id).accepted_at
    box.clock.advance(600)
    dates["updated"] = box.world.edit(order.id, "note").updated_at
    found = [name for name, moment in dates.items() if await listed(api, **around(moment))]
    assert found == [date_filter]


async def test_status_may_be_required(box, api):
    """With status_required a list without a status is a 400."""
    assert (await api.orders(**WIDE)).status == 200
    box.switch(status_required=True)
    assert (await api.orders(**WIDE)).status == 400
    assert (await api.orders(**WIDE, status="accepted")).status == 200


async def test_the_future_may_be_refused(box, api):
    """With refuses_future a range that ends after now is a 400, one that ends now is not."""
    box.switch(refuses_future=True)
    now = box.clock()
    assert (await api.orders(**around(now))).status == 400
    past = {"from": "2020-01-01T00:00:00Z", "to": now.isoformat()}
    assert (await api.orders(**past)).status == 200


@pytest.mark.parametrize(("too_large", "status"), [("413", 413), ("400", 400), ("cut", 200)])
async def test_too_many_orders_are_refused_or_cut(box, api, too_large, status):
    """More orders than max_orders are an error, or the first ones come and nothing says so."""
    box.switch(max_orders=2, too_large=too_large)
    ids = [box.world.place(123).id for _ in range(3)]
    answer = await api.orders(**WIDE)
    assert answer.status == status
    if status == 200:
        assert [shown["id"] for shown in answer.json] == ids[:2]


async def test_too_long_a_range_is_refused(box, api):
    """A range of max_range_days is served, a longer one is not."""
    box.switch(max_range_days=1)
    day = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}
    assert (await api.orders(**day)).status == 200
    assert (await api.orders(**{**day, "to": "2026-11-02T00:00:01Z"})).status == 413


async def test_the_edited_list_obeys_its_switches(box, api):
    """The name of its date, cancels on it and seen orders on it are each a switch."""
    edited, cancelled = accepted(box), accepted(box)
    box.world.edit(edited.id)
    box.world.cancel(cancelled.id)
    box.switch(edited_since="since", edited_lists_cancels=False)
    assert (await api.edited()).status == 400
    assert [shown["id"] for shown in (await api.edited(name="since")).json] == [edited.id]
    await api.seen([edited.id])
    assert (await api.edited(name="since")).json == []
    box.switch(edited_keeps_after_seen=True)
    assert [shown["id"] for shown in (await api.edited(name="since")).json] == [edited.id]


@pytest.mark.parametrize("bumps", [True, False])
async def test_calls_may_move_updated_at(box, api, bumps):
    """A reference and a seen mark move updated_at, or leave it."""
    box.switch(external_bumps_updated=bumps, seen_bumps_updated=bumps)
    order = accepted(box)
    stamps = [order.updated_at]
    for call in (api.external([{"id": order.id, "external_id": "SO-1"}]), api.seen([order.id])):
        await call
        stamps.append(order.updated_at)
    assert len(set(stamps)) == (3 if bumps else 1)


async def test_bare_arrays_and_hash_ids(box, api):
    """Without envelopes the bodies are bare arrays, and orders may go by their hash ids."""
    box.switch(external_envelope="", seen_envelope="", push_key="hash_id")
    order = accepted(box)
    record = {"hash_id": order.hash_id, "external_id": "SO-1"}
    assert (await api.external([record])).status == 400
    assert (await api.call("PUT", "order/external", json=[record])).status == 200
    assert (await api.call("POST", "order/seen", json=[order.id])).status == 400
    assert (await api.call("POST", "order/seen", json=[order.hash_id])).status == 200
    assert order.external_id == "SO-1"


async def test_the_word_for_a_cancel_is_a_switch(box, api):
    """Field and value of a cancel are the switched ones, and no others."""
    box.switch(cancel_field="action", cancel_value="cancel")
    order = accepted(box)
    assert (await api.external([{"id": order.id, "status": "canceled"}])).status == 400
    assert (await api.external([{"id": order.id, "action": "cancel"}])).status == 200
    assert order.status == "canceled"


@pytest.mark.parametrize("whole", [True, False])
async def test_some_records_may_be_refused(box, api, whole):
    """A refused order is named among the errors while others are done, or the whole request fails with 422."""
    good, bad = accepted(box), accepted(box)
    box.switch(external_refuses=[bad.id], external_all_or_nothing=whole)
    answer = await api.external([{"id": order.id, "external_id": "SO-1"} for order in (good, bad)])
    assert answer.status == (422 if whole else 200)
    assert (good.external_id, bad.external_id) == ("" if whole else "SO-1", "")
    if not whole:
        assert [error["id"] for error in answer.json["errors"]] == [bad.id]


async def test_an_echo_lists_our_own_reference_as_an_edit(box, api):
    """With external_is_edit a pushed reference comes back on the edited list."""
    box.switch(external_is_edit=True)
    order = accepted(box)
    await api.external([{"id": order.id, "external_id": "SO-1"}])
    assert [shown["id"] for shown in (await api.edited()).json] == [order.id]


async def test_tokens_obey_their_switches(box, api):
    """An opaque token shows no expiry, and still expires after its lifetime."""
    box.switch(token_shape="opaque", token_lifetime=60)
    await api.login()
    assert "." not in api.token
    assert (await api.orders(**WIDE)).status == 200
    box.clock.advance(61)
    assert (await api.orders(**WIDE)).status == 401
