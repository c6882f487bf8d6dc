"""The client against the sandbox, which knows the published API and nothing of ours."""

import asyncio
import time
from datetime import timedelta
from decimal import Decimal

import pytest
import stamina
from structlog.testing import capture_logs

from daemon.domain.order import Status
from daemon.errors import MarketplaceRefused, MarketplaceUnavailable, RequestRefused, SliceUnreadable
from daemon.marketplace.client import ConsentioClient, MarketSettings, Session
from daemon.marketplace.wire import Wire
from daemon.ports import Reference
from daemon.sandbox import Sandbox, Workspace

DAY = timedelta(days=1)
KEY = "key-of-123"


class Said(list):
    """Remembers what was said."""

    def __call__(self, event, **fields):
        self.append((event, fields))

    @property
    def events(self):
        return [event for event, _ in self]


@pytest.fixture(autouse=True)
def _no_backoff():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
async def box():
    async with Sandbox([Workspace(123, api_key=KEY), Workspace(124, api_key="key-of-124")], seed=7) as box:
        yield box


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def client_for(box, said):
    def make(workspace="123", key=KEY, session=None, **settings):
        settings = MarketSettings(**{"base_url": box.url, "requests_per_second": 0, "timeout_s": 5.0, **settings})
        return ConsentioClient(settings, workspace, api_key=lambda: key, say=said, session=session)

    return make


@pytest.fixture
async def client(client_for):
    async with client_for() as client:
        yield client


async def accepted(client, status="accepted"):
    now = await client.now()
    answer = await client.list_orders(now - DAY, now + DAY, status)
    return [element.order for element in answer.elements]


def order_in(box, workspace=123):
    order = box.world.place(workspace)
    return box.world.accept(order.id) or order


async def test_an_order_is_listed_as_it_is(box, client):
    """What was ordered is what is read, exactly, and the answer bears the API's Date."""
    placed = order_in(box)
    now = await client.now()

    answer = await client.list_orders(now - DAY, now + DAY, "accepted")

    (element,) = answer.elements
    assert (element.id, element.hash_id, element.order.status) == (str(placed.id), placed.hash_id, Status.ACCEPTED)
    assert [line.amount for line in element.order.lines] == [Decimal(item.amount) for item in placed.content.items]
    assert element.order.price == placed.content.price
    assert client.read(element.raw) == element.order
    assert abs(answer.date - box.clock()) < timedelta(seconds=5)


async def test_the_way_of_an_order(box, client):
    """References are told, edits are listed and acknowledged, items prepared, an order cancelled: as the API understands it."""
    placed = order_in(box)
    (order,) = await accepted(client)

    assert await client.tell_references([Reference(order.id, order.hash_id, "SO-17", "confirmed")]) == {}
    (told,) = await accepted(client)
    assert (told.reference, told.reference_status) == ("SO-17", "confirmed")

    box.world.edit(placed.id)
    since = await client.now() - DAY
    assert [element.id for element in (await client.list_edited(since)).elements] == [order.id]
    await client.mark_seen([(order.id, order.hash_id)])
    assert not (await client.list_edited(since)).elements

    await client.prepare(order.hash_id)
    (prepared,) = await accepted(client)
    assert all(line.prepared for line in prepared.lines)

    await client.cancel_remote(order.id, order.hash_id, None)
    assert [gone.id for gone in await accepted(client, "canceled")] == [order.id]


async def test_the_wire_is_the_operators_to_change(box, client_for):
    """The other shapes that the vendor may mean work too, by settings alone."""
    odd = {
        "push_key": "hash_id",
        "external_envelope": "",
        "seen_envelope": "orders",
        "edited_since": "since",
        "cancel_field": "action",
    }
    box.switch(**odd, cancel_value="cancel")
    order_in(box)
    async with client_for(wire=Wire(**odd, cancel_value="cancel")) as client:
        (order,) = await accepted(client)
        nameless = Reference("77", None, "SO-1", None)
        refused = await client.tell_references([Reference(order.id, order.hash_id, "SO-17", None), nameless])
        await client.mark_seen([(order.id, order.hash_id)])
        await client.list_edited(await client.now() - DAY)
        await client.cancel_remote(order.id, order.hash_id, Reference(order.id, order.hash_id, "SO-17", "gone"))
        (gone,) = await accepted(client, "canceled")
        with pytest.raises(RequestRefused, match="order 77 has no hash_id"):
            await client.mark_seen([("77", None)])
    assert list(refused) == ["77"]
    assert (gone.reference, gone.reference_status) == ("SO-17", "gone")


async def test_refusals_are_told_by_order(box, client):
    """Of many references, those that the API refuses come back with the reason, and the others are told."""
    order = order_in(box)
    refused = await client.tell_references(
        [Reference(str(order.id), None, "SO-1", None), Reference("99", None, "SO-2", None)],
    )
    assert refused == {"99": "there is no order 99 in workspace 123"}
    assert (await accepted(client))[0].reference == "SO-1"
    with pytest.raises(RequestRefused, match="order 99"):
        await client.cancel_remote("99", None, None)


async def test_nothing_to_tell_asks_nobody(box, client):
    """An empty batch makes no request."""
    assert await client.tell_references([]) == {}
    await client.mark_seen([])
    assert client.request_count == 0


async def test_a_storm_of_401_makes_one_login(box, client, said):
    """Eight callers whose token was revoked share one new login, and none of them notices."""
    now = await client.now()
    box.tokens.revoke_all()

    answers = await asyncio.gather(*(client.list_orders(now - DAY, now, "accepted") for _ in range(8)))

    assert len(answers) == 8
    assert box.requests.count("list", 401) == 8
    assert box.requests.count("login") == 2
    assert said.events == ["api.login_done"] * 2


@pytest.mark.parametrize("shape", ["jwt", "opaque"])
async def test_one_login_serves_long(box, client, shape):
    """A token is used until it ends, and one that does not say when ends with a 401."""
    box.switch(token_shape=shape, token_lifetime=3600.0)
    for _ in range(3):
        await accepted(client)
    assert box.requests.count("login") == 1

    box.clock.advance(4000)
    await accepted(client)
    assert box.requests.count("login") == 2


async def test_the_life_of_a_token_is_measured_by_the_api_clock(box, client):
    """A clock that differs from ours by a day makes a token neither immortal nor stillborn."""
    box.clock.advance(-86400)
    await client.now()
    token = await client._transport.login.token()
    assert 3500 < token.renew_at - time.monotonic() <= 3540


async def test_a_wrong_key_is_for_a_person(box, client_for):
    """A refused key is told with what to check, never tried again by itself, and never shown."""
    async with client_for(key="sk-wrong-key") as client:
        with pytest.raises(MarketplaceRefused, match=r"HTTP 401.*workspace 123") as caught:
            await client.now()
    assert "API key" in caught.value.remedy
    assert "sk-wrong-key" not in f"{caught.value}{caught.value.remedy}"
    assert box.requests.count("login") == 1


async def test_the_key_is_read_again_at_each_login(box, said):
    """A key that was replaced is used from the next login on, without a restart."""
    keys = ["old", KEY]
    settings = MarketSettings(base_url=box.url)
    async with ConsentioClient(settings, "123", api_key=lambda: keys.pop(0), say=said) as client:
        with pytest.raises(MarketplaceRefused):
            await client.now()
        await client.now()


async def test_a_token_that_is_refused_twice(box, client):
    """If a fresh token is refused as well, a person must look."""
    await client.now()
    box.faults.add("401", "list", times=2)
    with pytest.raises(MarketplaceRefused, match="twice"):
        await accepted(client)


@pytest.mark.parametrize("kind", ["500", "502", "503", "429", "408", "reset", "lost_answer"])
async def test_a_stumble_is_not_noticed(box, client, said, kind):
    """What may be repeated is tried again, the caller sees only the answer, and the log only our own word for it."""
    order_in(box)
    await client.now()
    box.faults.add(kind, "list", times=2)
    with capture_logs() as logged:
        assert len(await accepted(client)) == 1
    assert said.events.count("api.retried") == 2
    assert logged == []


@pytest.mark.parametrize("kind", ["500", "reset", "429"])
async def test_an_outage_is_told_after_a_few_tries(box, client, kind):
    """An API that stays away is MarketplaceUnavailable after three tries."""
    await client.now()
    box.faults.outage(kind)
    with pytest.raises(MarketplaceUnavailable):
        await client.list_edited(await client.now())
    assert box.faults.struck == 3


async def test_nobody_answers(box, client):
    """A server that is not there is MarketplaceUnavailable, and the client recovers when it is back."""
    await client.now()
    await box.stop()
    with pytest.raises(MarketplaceUnavailable, match="cannot be reached"):
        await accepted(client)
    await box.start()
    assert await accepted(client) == []


async def test_no_answer_in_time(box, client_for):
    """An answer that does not come in time is MarketplaceUnavailable."""
    async with client_for(timeout_s=0.1, tries=1) as client:
        box.faults.add("hang", "login")
        with pytest.raises(MarketplaceUnavailable, match=r"within 0\.1 s"):
            await client.now()


async def test_seen_and_references_are_repeated(box, client):
    """Telling again what was told is harmless, so a lost answer is made good at once."""
    order = order_in(box)
    for route in ("external", "seen"):
        box.faults.add("lost_answer", route)
    await client.tell_references([Reference(str(order.id), order.hash_id, "SO-1", None)])
    await client.mark_seen([(str(order.id), order.hash_id)])
    assert (box.requests.count("external"), box.requests.count("seen")) == (2, 2)


@pytest.mark.parametrize("kind", ["lost_answer", "500"])
async def test_cancel_and_prepare_are_never_repeated(box, client, kind):
    """What could have arrived is not sent again by itself."""
    order = order_in(box)
    await client.now()
    box.faults.add(kind, "external")
    box.faults.add(kind, "prepare")
    with pytest.raises(MarketplaceUnavailable):
        await client.cancel_remote(str(order.id), order.hash_id, None)
    with pytest.raises(MarketplaceUnavailable):
        await client.prepare(order.hash_id)
    assert (box.requests.count("external"), box.requests.count("prepare")) == (1, 1)


async def test_cancel_is_repeated_when_it_was_not_done(box, client):
    """A 429 and an old token say that nothing was done."""
    order = order_in(box)
    await client.now()
    box.tokens.revoke_all()
    box.faults.add("429", "external", after=1)
    await client.cancel_remote(str(order.id), order.hash_id, None)
    assert box.requests.count("external") == 3


async def test_retry_after_is_obeyed_by_everybody(box, client):
    """A short Retry-After is waited for, by other callers of the workspace too, and then all is well."""
    await client.now()
    box.faults.add("429", "list", retry_after=0.2)
    start = asyncio.get_running_loop().time()
    await accepted(client)
    await client.list_edited(await client.now())
    assert asyncio.get_running_loop().time() - start >= 0.2


@pytest.mark.parametrize("told", [86400, "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_a_huge_retry_after_closes_the_door(box, client, told):
    """A Retry-After beyond the cap fails at once with the cap, and until then nothing more is sent."""
    await client.now()
    box.faults.add("503", "list", retry_after=told)
    with pytest.raises(MarketplaceUnavailable) as caught:
        await accepted(client)
    assert caught.value.retry_after_s == 60

    sent = client.request_count
    with pytest.raises(MarketplaceUnavailable, match="left alone") as caught:
        await client.list_edited(client.last_now())
    assert 50 < caught.value.retry_after_s <= 60
    assert client.request_count == sent


async def test_nonsense_in_retry_after_is_ignored(box, client):
    """A Retry-After that nobody can read is none."""
    await client.now()
    box.faults.add("429", "list", retry_after="later, perhaps")
    assert await accepted(client) == []


@pytest.mark.parametrize("kind", ["truncated", "broken_json", "garbage", "gzip_bomb", "413"])
async def test_slices_that_cannot_be_read(box, client_for, kind):
    """An answer that is cut off, no JSON or too large is a matter of its slice, and is not asked for again by itself."""
    for _ in range(3):
        order_in(box)
    async with client_for(max_answer_bytes=2**20) as client:
        await client.now()
        box.faults.add(kind, "list")
        with pytest.raises(SliceUnreadable):
            await accepted(client)
        assert box.requests.count("list") == 1
        assert len(await accepted(client)) == 3


@pytest.mark.parametrize("kind", ["garbage", "broken_json"])
async def test_a_telling_that_was_not_answered_by_the_api(box, client, kind):
    """A page of some proxy, or half an answer, is no success."""
    order = order_in(box)
    box.faults.add(kind, "external", times=None)
    with pytest.raises(MarketplaceUnavailable, match="tell references"):
        await client.tell_references([Reference(str(order.id), order.hash_id, "SO-1", None)])


async def test_garbage_at_login(box, client):
    """A login answered by something else is an outage, not a wrong key."""
    box.faults.add("garbage", "login")
    with pytest.raises(MarketplaceUnavailable, match="no JSON"):
        await client.now()


async def test_other_refusals_carry_their_status(box, client):
    """A request that the API refuses is RequestRefused with its status and its words."""
    now = await client.now()
    with pytest.raises(RequestRefused, match="to is before from") as caught:
        await client.list_orders(now, now - DAY, "accepted")
    assert caught.value.status == 400


def chain_of(problem):
    """An exception and all that it arose from, shown in a traceback or not."""
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


async def test_the_hash_is_in_no_error(box, client, said):
    """An order's hash works as a password: no error shows it, though it stands in the path and the API repeats it."""
    problems = []
    for route, kind in (("x", "none"), ("prepare", "500"), ("prepare", "lost_answer"), ("prepare", "redirect")):
        if kind != "none":
            box.faults.add(kind, route)
        with pytest.raises((RequestRefused, MarketplaceUnavailable, MarketplaceRefused)) as caught:
            await client.prepare("4242feedfeed4242")
        problems.extend(map(repr, chain_of(caught.value)))
    assert "4242feedfeed4242" not in f"{problems}{said}"
    assert "***" in problems[0]


async def test_the_api_clock(box, client):
    """The API's clock is followed, however far it is from ours."""
    assert client.last_now() is None
    box.clock.advance(7200)
    assert abs(await client.now() - box.clock()) < timedelta(seconds=5)
    assert timedelta(hours=1.9) < client.skew < timedelta(hours=2.1)
    assert client.request_count == 1


async def test_workspaces_share_connections(box, client_for):
    """Clients of one process share a session, and each has a login of its own."""
    order_in(box, 124)
    settings = MarketSettings(base_url=box.url, requests_per_second=0)
    async with (
        Session(settings) as session,
        client_for(session=session) as one,
        client_for(workspace="124", key="key-of-124", session=session) as other,
    ):
        assert await accepted(one) == []
        assert len(await accepted(other)) == 1


async def test_drift_is_told_once(box, client, said):
    """What the vendor's pages do not mention is told once, by name."""
    order = order_in(box)
    order.distortion["lot_code"] = "L-1"
    for _ in range(2):
        await accepted(client)
    assert [fields for event, fields in said if event == "api.drift_noticed"] == [{"what": "lot_code"}]
