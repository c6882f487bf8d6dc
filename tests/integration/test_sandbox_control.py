"""The control API of the sandbox, and the sandbox as a program."""

import asyncio
import signal
import sys

import pytest
from aiohttp import ClientSession

from daemon.sandbox import Sandbox
from tests.support.sandbox import WIDE, Caller
from tests.support.waiting import wait_until


@pytest.fixture
async def box():
    """A sandbox with its control API."""
    async with Sandbox(seed=7, control=True) as box:
        yield box


@pytest.fixture
async def control(box):
    """Asks the control API; gives status and JSON."""
    async with ClientSession(box.url) as session:

        async def ask(method, path, **body):
            async with session.request(method, f"/_sandbox/{path}", json=body or None) as response:
                return response.status, await response.json()

        yield ask


async def test_an_order_s_life_by_control(control):
    """Placed, accepted, edited, edited back, cancelled and accepted again, with every version in the state."""
    _, placed = await control("POST", "orders", lines=[{"sku": "TOM-RAF-6", "amount": 12}], more_info="gate 4")
    path = f"orders/{placed['id']}"
    for deed, body in [
        *[("accept", {}), ("edit", {"kind": "quantity"}), ("edit_back", {})],
        *[("edit", {"more_info": "gate 5"}), ("cancel", {}), ("reaccept", {})],
    ]:
        status, _ = await control("POST", f"{path}/{deed}", **body)
        assert status == 200, deed
    _, state = await control("GET", "state")
    (order,) = state["orders"]
    assert (order["status"], order["version"], len(order["history"])) == ("accepted", 7, 7)
    first, last = (order["history"][place]["content"] for place in (0, -1))
    assert (first["more_info"], last["more_info"], first["items"]) == ("gate 4", "gate 5", last["items"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "orders", {"workspace": 999}, 404),
        ("POST", "orders", {"colour": "red"}, 400),
        ("POST", "orders", {"status": "canceled"}, 400),
        ("POST", "orders/7/accept", {}, 404),
        ("POST", "orders/7/explode", {}, 400),
        ("POST", "faults", {"kind": "flood"}, 400),
        ("POST", "switches", {"date_filter": "moon"}, 400),
        ("POST", "clock", {"advance_s": "soon"}, 400),
        ("POST", "market", {"do": "dance"}, 400),
        ("GET", "requests?last=few", {}, 400),
    ],
)
async def test_control_says_what_is_wrong(control, method, path, body, status):
    """A request that cannot be done is refused with a reason."""
    answered, told = await control(method, path, **body)
    assert (answered, bool(told["error"])) == (status, True)


async def test_faults_switches_and_clock_by_control(box, control):
    """What control puts is in force, and shown."""
    await control("POST", "faults", kind="500", route="list", times=3)
    await control("POST", "switches", date_filter="accepted", external_refuses=[5001])
    before = box.clock()
    await control("POST", "clock", advance_s=3600)
    assert (box.clock() - before).total_seconds() >= 3600
    assert box.world.switches.external_refuses == (5001,)
    assert (await control("GET", "switches"))[1]["date_filter"] == "accepted"
    assert [fault["times"] for fault in (await control("GET", "faults"))[1]["faults"]] == [3]
    await control("POST", "outage", kind="503")
    await control("DELETE", "faults")
    assert box.faults.rules == []


async def test_control_shows_what_was_asked_and_told(box, control):
    """Requests are counted by route and status, and the seller's calls kept with the versions."""
    order = box.world.accept(box.world.place(123).id)
    async with Caller(box.url) as api:
        await api.login()
        await api.external([{"id": order.id, "external_id": "SO-1"}])
    _, requests = await control("GET", "requests?last=1")
    assert requests["counts"] == [
        {"route": "login", "status": 200, "count": 1},
        {"route": "external", "status": 200, "count": 1},
    ]
    assert [asked["route"] for asked in requests["last"]] == ["external"]
    _, state = await control("GET", "state")
    (told,) = state["told"]
    assert (told["call"], told["versions"]) == ("external", {str(order.id): 2})
    assert told["records"][0]["external_id"] == "SO-1"


async def test_control_is_served_only_if_enabled():
    """Without control the paths do not exist."""
    async with Sandbox() as box, ClientSession(box.url) as session, session.get("/_sandbox/state") as answer:
        assert answer.status == 404


async def _start(*arguments):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "daemon.sandbox", "--port", "0", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _url(process):
    ready = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert ready.startswith("sandbox ready on http://127.0.0.1:")
    return ready.split()[3]


async def test_the_program_serves_a_market_until_it_is_told_to_end():
    """One ready line names the address; orders are there and arrive; SIGTERM ends it with code 0 and no noise."""
    process = await _start("--workspace", "9", "--api-key", "sk_test_own", "--orders", "40", "--pace", "6000")
    async with Caller(await _url(process), workspace=9) as api:
        await api.login("sk_test_own")

        async def more_orders():
            return len((await api.orders(**WIDE)).json) > 45

        await wait_until(more_orders, what="orders arrive")
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out, err) == (0, b"", b"")


async def test_the_program_plays_a_scenario_and_exits(tmp_path):
    """With --exit the outcome of the scenario is the exit code, and a failure is told in one line."""
    path = tmp_path / "short.toml"
    path.write_text("[[step]]\ndo = 'place'\norder = 'one'\n", encoding="utf-8")
    good = await _start("--scenario", str(path), "--exit")
    out, err = await asyncio.wait_for(good.communicate(), 20)
    assert (good.returncode, out.splitlines()[-1], err) == (0, b"scenario 'short': all 1 steps done", b"")
    with path.open("a", encoding="utf-8") as file:
        file.write("[[step]]\ndo = 'wait'\norder = 'one'\nuntil = 'seen'\ntimeout = '0.1s'\n")
    bad = await _start("--scenario", str(path), "--exit")
    _, err = await asyncio.wait_for(bad.communicate(), 20)
    assert (bad.returncode, len(err.splitlines())) == (8, 1)
    assert b"step 2: order 'one' (5001) was not seen" in err


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["--switch", "date_filter=moon"], 2, "'moon' is not one of"),
        (["--switch", "date_filter"], 2, "write NAME=VALUE"),
        (["--scenario", "nowhere.toml"], 2, "nowhere.toml"),
        (["--host", "192.0.2.1"], 3, "cannot listen on http://192.0.2.1"),
    ],
)
async def test_the_program_says_why_it_does_not_start(arguments, code, complaint):
    """A mistake is told in one line, with the exit code of its kind."""
    process = await _start(*arguments)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, len(err.splitlines())) == (code, 1)
    assert complaint in err.decode()
