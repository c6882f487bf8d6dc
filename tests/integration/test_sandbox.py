"""The sandbox over real HTTP: every endpoint, and how strictly each is guarded."""

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from daemon.sandbox import Sandbox, Wish, Workspace
from tests.support.sandbox import WIDE, Caller


@pytest.fixture
async def box():
    """A sandbox with two workspaces, one key each, and nothing on the market."""
    workspaces = [Workspace(123, api_key="sk_test_one"), Workspace(456, api_key="sk_test_two")]
    async with Sandbox(workspaces, seed=7) as box:
        yield box


@pytest.fixture
async def api(box):
    """A caller that is logged in to workspace 123."""
    async with Caller(box.url) as caller:
        await caller.login("sk_test_one")
        yield caller


@pytest.fixture
def order(box):
    """An accepted order in workspace 123."""
    return box.world.accept(box.world.place(123).id)


async def test_login_brings_a_token_and_the_workspace(box):
    """The right key brings a JWT with its expiry, a refresh token and what the workspace is."""
    async with Caller(box.url) as api:
        answer = await api.login("sk_test_one")
    assert set(answer.json) == {"access_token", "refresh_token", "workspace"}
    assert answer.json["workspace"] == {
        "id": 123,
        "name": "Hortalizas del Sur",
        "status": "active",
        "default_currency": "EUR",
    }
    claims = answer.json["access_token"].split(".")[1]
    expires = json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"]
    assert expires == pytest.approx(datetime.now(UTC).timestamp() + 3600, abs=5)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"api_key": "sk_test_two"}, 401),
        ({"api_key": 7}, 401),
        ({}, 400),
        ({"api_key": "sk_test_one", "user": "me"}, 400),
        ([], 400),
    ],
)
async def test_login_refuses_other_keys_and_bodies(box, body, status):
    """A wrong key is a 401, a wrong body a 400, and neither answer repeats what was sent."""
    async with Caller(box.url) as api:
        answer = await api.call("POST", "login", json=body)
    assert (answer.status, "sk_test" in answer.text) == (status, False)


async def test_an_unknown_workspace_looks_like_a_wrong_key(box):
    """Nobody learns from a login which workspaces there are."""
    async with Caller(box.url, workspace=999) as api:
        assert (await api.login("sk_test_one")).status == 401


async def test_every_order_route_but_prepare_wants_the_right_token(box, api):
    """Without a token, with nonsense, or with another workspace's token the answer is 401 with a reason."""
    async with Caller(box.url, workspace=456) as other:
        stranger = (await other.login("sk_test_two")).json["access_token"]
    routes = [("GET", "order"), ("GET", "order/edited"), ("PUT", "order/external"), ("POST", "order/seen")]
    for method, path in routes:
        for token in (None, "nonsense", stranger):
            api.token = token
            answer = await api.call(method, path)
            assert (answer.status, bool(answer.json["error"]["message"])) == (401, True)


async def test_tokens_expire_by_the_market_s_clock(box, api):
    """An hour later the token is refused, and a new login mends it."""
    assert (await api.orders(**WIDE)).status == 200
    box.clock.advance(3601)
    assert (await api.orders(**WIDE)).status == 401
    await api.login("sk_test_one")
    assert (await api.orders(**WIDE)).status == 200


async def test_every_answer_is_dated_in_utc(box, api):
    """Good answers and errors carry the market's Date."""
    box.clock.advance(-86400)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for answer in (await api.orders(**WIDE), await api.call("GET", "order"), await api.call("GET", "nowhere")):
        moment = parsedate_to_datetime(answer.headers["Date"])
        if answer.status != 404:  # where no route is, no market answers
            assert abs((moment - yesterday).total_seconds()) < 5
        assert moment.tzinfo == UTC


async def test_the_list_shows_orders_of_a_range(box, api, order):
    """The answer is a bare array of orders, by status if one is given."""
    pending = box.world.place(123)
    assert [shown["id"] for shown in (await api.orders(**WIDE)).json] == [order.id, pending.id]
    assert [shown["id"] for shown in (await api.orders(**WIDE, status="accepted")).json] == [order.id]
    assert (await api.orders(**WIDE, status="incomplete")).json == []
    assert (await api.orders(**{**WIDE, "from": "2030-01-01T00:00:00+02:00"})).json == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"from": None}, "missing parameter: from"),
        ({"kind": None}, "missing parameter: kind"),
        ({"kind": "purchase"}, "not sale"),
        ({"status": "draft"}, "accepted, pending, canceled, incomplete"),
        ({"status": "cancelled"}, "accepted, pending, canceled, incomplete"),
        ({"page": "2"}, "unknown parameter: page"),
        ({"from": "2026-11-01"}, "RFC 3339"),
        ({"from": "2026-11-01T00:00:00"}, "RFC 3339"),
        ({"from": "2026-11-01T00:00:00 02:00"}, "%2B"),
        ({"from": "2026-13-01T00:00:00Z"}, "no date-time"),
        ({"from": "2041-01-01T00:00:00Z"}, "to is before from"),
    ],
)
async def test_the_list_takes_only_what_the_contract_names(api, change, complaint):
    """Missing, unknown and misshapen parameters are 400s that say why."""
    wanted = {name: value for name, value in ({**WIDE, "kind": "sale"} | change).items() if value is not None}
    answer = await api.call("GET", "order", params=wanted)
    assert (answer.status, complaint in answer.json["error"]["message"]) == (400, True)


async def test_a_parameter_may_stand_once(api):
    """Two statuses in one request are refused."""
    twice = [*WIDE.items(), ("kind", "sale"), ("status", "accepted"), ("status", "pending")]
    assert (await api.call("GET", "order", params=twice)).status == 400


async def test_the_edited_list_shows_changes_since(box, api, order):
    """An order is listed when it was changed after its acceptance and since the moment asked for."""
    assert (await api.edited()).json == []
    box.world.edit(order.id)
    assert [shown["id"] for shown in (await api.edited()).json] == [order.id]
    assert (await api.edited("2040-01-01T00:00:00Z")).json == []
    assert (await api.call("GET", "order/edited", params={"since": "2026-01-01T00:00:00Z"})).status == 400


async def test_external_takes_references_and_cancels(box, api, order):
    """Each record is taken over, unknown orders are named among the errors, and a cancel cancels."""
    other = box.world.accept(box.world.place(123).id)
    answer = await api.external(
        [
            {"id": order.id, "external_id": "SO-17", "external_status": "confirmed"},
            {"id": other.id, "status": "canceled"},
            {"id": 7, "external_id": "SO-18"},
        ]
    )
    assert answer.status == 200
    assert [(told["id"], told["status"]) for told in answer.json["orders"]] == [
        (order.id, "accepted"),
        (other.id, "canceled"),
    ]
    assert [error["id"] for error in answer.json["errors"]] == [7]
    (shown,) = (await api.orders(**WIDE, status="accepted")).json
    assert (shown["external_id"], shown["external_status_seller"]) == ("SO-17", "confirmed")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([{"id": 5001, "external_id": "SO-1"}], "must be an object"),
        ({"orders": []}, "one element at least"),
        ({"orders": {"id": 5001}}, "must be an array"),
        ({"orders": [{"id": 5001, "external_id": "SO-1"}], "dry_run": True}, "unknown keys: dry_run"),
        ({"orders": [{"id": 5001}]}, "says nothing"),
        ({"orders": [{"external_id": "SO-1"}]}, "lacks id"),
        ({"orders": [{"id": "5001", "external_id": "SO-1"}]}, "'5001' is no id"),
        ({"orders": [{"id": True, "external_id": "SO-1"}]}, "True is no id"),
        ({"orders": [{"id": 5001, "external_id": None}]}, "must be a string"),
        ({"orders": [{"id": 5001, "external_ref": "SO-1"}]}, "unknown keys: external_ref"),
        ({"orders": [{"id": 5001, "status": "accepted"}]}, "can only be 'canceled'"),
    ],
)
async def test_external_takes_only_what_the_contract_names(box, api, order, body, complaint):
    """A body of another shape is a 400 that says why, and changes nothing."""
    answer = await api.call("PUT", "order/external", json=body)
    assert (answer.status, complaint in answer.json["error"]["message"]) == (400, True), answer.text
    assert (order.external_id, order.status, box.world.told) == ("", "accepted", [])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/plain", b'{"order_ids": [5001]}'), ("application/json", b"{"), ("application/json", b"\xff")],
)
async def test_bodies_are_json(api, order, content_type, body):
    """Another content type, broken JSON and broken UTF-8 are 400s."""
    answer = await api.call("POST", "order/seen", data=body, headers={"Content-Type": content_type})
    assert answer.status == 400
    assert "json" in answer.json["error"]["message"].lower()


async def test_seen_takes_orders_off_the_edited_list(box, api, order):
    """A seen order leaves the list until its next edit; one unknown order and nothing is done."""
    box.world.edit(order.id)
    assert (await api.seen([order.id, 7])).status == 404
    assert len((await api.edited()).json) == 1
    assert (await api.seen([order.id])).status == 200
    assert (await api.edited()).json == []
    box.world.edit(order.id)
    assert len((await api.edited()).json) == 1


async def test_prepare_is_public_and_takes_no_body(box, api, order):
    """By its hash id alone an order is prepared; a body, an unknown hash or an id is refused."""
    api.token = None
    assert (await api.call("POST", f"order/{order.hash_id}/prepare", json={})).status == 400
    assert (await api.call("POST", f"order/{order.id}/prepare")).status == 404
    assert not order.prepared
    assert (await api.call("POST", f"order/{order.hash_id}/prepare")).status == 204
    assert len(order.prepared) == len(order.content.items)


async def test_other_paths_and_methods_are_errors_in_json(api):
    """What the API does not have is told in JSON too."""
    for method, path, status in [("GET", "client", 404), ("DELETE", "order", 405), ("GET", "login", 405)]:
        answer = await api.call(method, path)
        assert (answer.status, answer.json["error"]["status"]) == (status, status)


async def test_names_travel_as_utf_8(box, api):
    """What buyers write arrives as they wrote it."""
    box.world.place(123, Wish(more_info="Muelle 4, Núria \u2013 ½ palé"))
    assert (await api.orders(**WIDE)).json[0]["more_info"] == "Muelle 4, Núria \u2013 ½ palé"


async def test_a_login_s_body_is_not_in_the_log_of_requests(box, api):
    """The log shows what was asked and answered, but never the key."""
    await api.seen([7])
    login, seen = box.requests.last
    assert (login.route, login.body, login.status) == ("login", None, 200)
    assert (seen.route, seen.body, seen.status) == ("seen", {"order_ids": [7]}, 404)
    assert (box.requests.count("seen"), box.requests.count("seen", 200)) == (1, 0)


async def test_a_sandbox_comes_back_on_its_port(box, api, order):
    """Stopped, nothing listens; started again, the market is as it was and the token still good."""
    url = box.url
    await box.stop()
    with pytest.raises(OSError, match="Connect"):
        await api.orders(**WIDE)
    await box.start()
    assert box.url == url
    assert [shown["id"] for shown in (await api.orders(**WIDE)).json] == [order.id]
