"""The faults of the sandbox as a client meets them."""

import asyncio
import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from aiohttp import ClientConnectionError, ClientPayloadError

from daemon.sandbox import Sandbox
from tests.support.sandbox import WIDE, Caller
from tests.support.waiting import wait_until


@pytest.fixture
async def box():
    """A sandbox with one accepted order."""
    async with Sandbox(seed=7) as box:
        box.world.accept(box.world.place(123).id)
        yield box


@pytest.fixture
async def api(box):
    """A caller that is logged in."""
    async with Caller(box.url) as caller:
        await caller.login()
        yield caller


@pytest.fixture
def order(box):
    """The one order on the market."""
    return box.world.orders[5001]


async def test_a_429_may_say_when_to_come_back(box, api):
    """Retry-After is sent in the shape that the fault gives it, or not at all."""
    for retry_after, header in [(2, "2"), ("Mon, 02 Nov 2026 06:00:00 GMT",) * 2, (None, None)]:
        box.faults.add("429", "list", retry_after=retry_after)
        answer = await api.orders(**WIDE)
        assert (answer.status, answer.headers.get("Retry-After")) == (429, header)
    assert (await api.orders(**WIDE)).status == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504, 403])
async def test_any_error_status_can_be_had(box, api, order, status):
    """The answer has the status and an error in JSON, and nothing was done."""
    box.faults.add(status, "external")
    answer = await api.external([{"id": order.id, "external_id": "SO-1"}])
    assert (answer.status, answer.json["error"]["status"], order.external_id) == (status, status, "")


async def test_a_reset_does_nothing(box, api, order):
    """The connection breaks, and the work was not done."""
    box.faults.add("reset", "external")
    with pytest.raises(ClientConnectionError):
        await api.external([{"id": order.id, "external_id": "SO-1"}])
    assert order.external_id == ""
    assert box.requests.count("external", None) == 1


async def test_a_lost_answer_did_its_work(box, api, order):
    """The connection breaks, and the work was done."""
    box.faults.add("lost_answer", "external")
    with pytest.raises(ClientConnectionError):
        await api.external([{"id": order.id, "external_id": "SO-1"}])
    assert order.external_id == "SO-1"


async def test_a_hanging_request_is_let_go_at_the_end(box, order):
    """A client that gives up is not served, and a stopping sandbox waits for nobody."""
    box.faults.add("hang", "prepare", times=2)
    async with Caller(box.url, timeout=0.2) as hasty:
        with pytest.raises(TimeoutError):
            await hasty.call("POST", f"order/{order.hash_id}/prepare")
    async with Caller(box.url) as patient:
        waiting = asyncio.create_task(patient.call("POST", f"order/{order.hash_id}/prepare"))
        await wait_until(lambda: box.faults.struck == 2, what="the second request hangs")
        await asyncio.wait_for(box.stop(), timeout=5)
        with pytest.raises(ClientConnectionError):
            await waiting
    assert not order.prepared


async def test_a_slow_answer_lands_even_if_the_caller_left(box, order):
    """Work begun slowly is done late, whether or not somebody still waits for it."""
    async with Caller(box.url, timeout=0.1) as hasty:
        box.faults.add("slow", "prepare", seconds=0.3)
        with pytest.raises(TimeoutError):
            await hasty.call("POST", f"order/{order.hash_id}/prepare")
    assert not order.prepared
    await wait_until(lambda: order.prepared, what="the abandoned request lands")


async def test_a_stopping_sandbox_does_no_slow_work(box, order):
    """What is still waiting when the sandbox stops is dropped undone."""
    async with Caller(box.url) as api:
        box.faults.add("slow", "prepare", seconds=60)
        waiting = asyncio.create_task(api.call("POST", f"order/{order.hash_id}/prepare"))
        await wait_until(lambda: box.faults.struck, what="the request waits")
        await box.stop()
        with pytest.raises(ClientConnectionError):
            await waiting
    assert not order.prepared


async def test_an_answer_may_be_truncated(box, api):
    """The connection breaks in the middle of the body."""
    box.faults.add("truncated", "list")
    with pytest.raises(ClientPayloadError):
        await api.orders(**WIDE)


async def test_json_may_be_broken(box, api):
    """The answer is whole as HTTP, yet no JSON: cut in the middle, or a page of somebody else's."""
    for kind in ("broken_json", "garbage"):
        box.faults.add(kind, "list")
        answer = await api.orders(**WIDE)
        assert answer.status == 200
        with pytest.raises(json.JSONDecodeError):
            _ = answer.json


async def test_a_list_may_repeat_itself(box, api, order):
    """Every order is named twice in one answer."""
    box.faults.add("repeated", "list")
    assert [shown["id"] for shown in (await api.orders(**WIDE)).json] == [order.id, order.id]


async def test_a_small_answer_may_expand(box, api):
    """A few dozen kilobytes on the wire become 64 MiB of JSON."""
    box.faults.add("gzip_bomb", "list")
    answer = await api.orders(**WIDE)
    assert int(answer.headers["Content-Length"]) < 100_000
    assert len(answer.text) > 64 * 2**20


async def test_a_redirect_leads_elsewhere(box, api):
    """The answer names another host, which a careful client does not show its token to."""
    box.faults.add("redirect", "list", location="http://127.0.0.1:1/")
    answer = await api.orders(**WIDE)
    assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:1/")


async def test_tokens_may_be_revoked(box, api):
    """All tokens are refused from that request on, until the next login."""
    box.faults.add("expired_token", "list")
    assert [(await api.orders(**WIDE)).status for _ in range(2)] == [401, 401]
    await api.login()
    assert (await api.orders(**WIDE)).status == 200


async def test_one_machine_s_clock_may_be_wrong(box, api, order):
    """The skewed answer has a Date ahead and stamps what it does so; the token is good, the next answer right."""
    box.faults.add("skew", "external", seconds=7200)
    answer = await api.external([{"id": order.id, "external_id": "SO-1"}])
    now = datetime.now(UTC)
    assert answer.status == 200
    assert (parsedate_to_datetime(answer.headers["Date"]) - now).total_seconds() == pytest.approx(7200, abs=5)
    assert (order.updated_at - now).total_seconds() == pytest.approx(7200, abs=5)
    right = parsedate_to_datetime((await api.orders(**WIDE)).headers["Date"])
    assert (right - now).total_seconds() == pytest.approx(0, abs=5)


async def test_an_outage_ends_when_it_is_cleared(box, api):
    """Every route fails, the login too, until the outage is over."""
    box.faults.outage()
    for call in (api.login, api.edited):
        with pytest.raises(ClientConnectionError):
            await call()
    box.faults.clear()
    assert (await api.orders(**WIDE)).status == 200


async def test_the_log_names_the_faults(box, api):
    """Each request in the log says which fault it met and what left the house."""
    box.faults.add("500", "list")
    await api.orders(**WIDE)
    await api.orders(**WIDE)
    assert [(asked.status, asked.fault) for asked in box.requests.last][-2:] == [(500, "500"), (200, None)]
