"""The client against servers that are no Partner API: redirects, proxies, odd headers."""

import asyncio
import gzip
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import stamina
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from daemon.errors import ConfigError, MarketplaceRefused, MarketplaceUnavailable, RequestRefused
from daemon.marketplace.client import ConsentioClient, MarketSettings

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
API = "https://api.consentio.test"


@pytest.fixture(autouse=True)
def _no_backoff():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def quiet(event, **fields):
    """Says nothing."""


def make(base_url, **settings):
    return ConsentioClient(MarketSettings(base_url=str(base_url), **settings), "1", api_key=lambda: "hunter2", say=quiet)


@asynccontextmanager
async def served(answer):
    """A server whose logins succeed, and that answers everything else with `answer(request)`; yields its address."""

    async def handler(request):
        if request.path.endswith("/login"):
            return web.json_response({"access_token": "token-77"})
        return await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(app) as server:
        yield server.make_url("/")


async def test_every_request_says_who_asks():
    """Name and version are in the User-Agent, and the token only in its header."""
    seen = []

    async def answer(request):
        seen.append((request.headers["User-Agent"], request.headers["Authorization"], "token-77" in str(request.url)))
        return web.json_response([])

    async with served(answer) as url, make(url) as client:
        await client.list_edited(NOON)
    ((agent, authorization, leaked),) = seen
    assert agent.startswith("consentio-sync/")
    assert (authorization, leaked) == ("Bearer token-77", False)


async def test_a_redirect_to_another_host_is_refused():
    """Keys and orders go to no other host; the error names it, and nothing is sent there."""
    elsewhere = []

    async def trap(request):
        elsewhere.append(request)
        return web.json_response([])

    async def answer(request):
        raise web.HTTPFound(f"http://localhost:{trapped.port}/secret-path")

    async with served(trap) as trapped, served(answer) as url, make(url) as client:
        with pytest.raises(MarketplaceRefused, match="redirects to localhost") as caught:
            await client.list_edited(NOON)
    assert "base_url" in caught.value.remedy
    assert "secret-path" not in str(caught.value)
    assert elsewhere == []


async def test_a_redirect_on_the_same_host_is_followed_once():
    """A question follows to another path of the same host, once; a circle is refused."""

    async def answer(request):
        if "moved" in request.path and "from" not in request.query:
            return web.json_response([])
        raise web.HTTPTemporaryRedirect("/moved" if "circle" not in request.path else request.path)

    async with served(answer) as url:
        async with make(url) as client:
            assert not (await client.list_edited(NOON)).elements
        async with make(f"{url}circle") as client:
            with pytest.raises(MarketplaceRefused, match="in circles"):
                await client.list_edited(NOON)


async def test_what_tells_follows_nowhere():
    """A redirected telling is refused, even on the same host."""

    async def answer(request):
        raise web.HTTPPermanentRedirect("/moved")

    async with served(answer) as url, make(url) as client:
        with pytest.raises(MarketplaceRefused, match="to another path"):
            await client.mark_seen([("1", None)])


async def test_compressed_answers_are_counted_as_they_unfold():
    """A limit is one of memory: a small compressed answer that unfolds beyond it is refused, one below it is read."""

    async def answer(request):
        size = 2**20 if request.query["from"].startswith("2026") else 2**10
        body = gzip.compress(b"[" + b" " * size + b"]")
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with served(answer) as url, make(url, max_answer_bytes=2**16) as client:
        with pytest.raises(Exception, match=r"larger than 0\.0625 MiB"):
            await client.list_edited(NOON)
        assert not (await client.list_edited(NOON.replace(year=2025))).elements


async def test_errors_do_not_repeat_secrets():
    """An error page that echoes the request loses the token and the key, its control characters, and all but its beginning."""

    async def answer(request):
        text = f"bad\x1b[31m {request.headers['Authorization']} hunter2 " + "x" * 10**6
        return web.Response(status=400, text=text)

    async with served(answer) as url, make(url) as client:
        with pytest.raises(RequestRefused) as caught:
            await client.list_edited(NOON)
    assert "HTTP 400: bad [31m Bearer *** *** xxx" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("status", "error"), [("407 No", MarketplaceRefused), ("503 Later", MarketplaceUnavailable)])
async def test_proxies_of_the_environment_are_used(monkeypatch, status, error):
    """With HTTPS_PROXY set, the way is through it, with its credentials; what it refuses is told as the proxy's doing."""
    asked = []

    async def refuse(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass@127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        async with make(API) as client:
            with pytest.raises(error, match="proxy") as caught:
                await client.now()
    assert asked[0].startswith("CONNECT api.consentio.test:443 ")
    assert "Proxy-Authorization: Basic bWU6cGFzcw==" in asked[0]
    assert "pass" not in str(caught.value)


async def test_this_machine_is_asked_without_a_proxy(monkeypatch):
    """A sandbox on this machine is reached whatever proxies are set."""

    async def answer(request):
        return web.json_response([])

    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.invalid:1")
    async with served(answer) as url, make(url) as client:
        assert not (await client.list_edited(NOON)).elements


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_certificates_are_verified(tmp_path):
    """A certificate that nobody vouches for is refused, as a matter for a person; `ca_file` vouches for it."""
    key, pem = tmp_path / "key.pem", tmp_path / "ca.pem"
    asked = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(pem)]
    subprocess.run([*asked.split(), *files], check=True, capture_output=True)
    trusted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trusted.load_cert_chain(pem, key)

    async def login(request):
        return web.json_response({"access_token": "t"})

    app = web.Application()
    app.router.add_post("/v2/partner/1/login", login)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=trusted)
    await site.start()
    address = f"https://localhost:{runner.addresses[0][1]}"
    try:
        async with make(address) as client:
            with pytest.raises(MarketplaceRefused, match="not trusted: self") as caught:
                await client.now()
        assert "ca_file" in caught.value.remedy
        async with make(address, ca_file=pem) as client:
            await client.now()
    finally:
        await runner.cleanup()


async def test_a_proxy_that_is_away(monkeypatch, unused_tcp_port):
    """A proxy that cannot be reached is named, without its password."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass99@127.0.0.1:{unused_tcp_port}")
    async with make("https://api.consentio.co") as client:
        with pytest.raises(MarketplaceUnavailable, match="the proxy at 127") as caught:
            await client.now()
    assert "pass99" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://api.consentio.co", "http://sandbox:8090"])
def test_plain_http_is_for_this_machine(address):
    """A client for a foreign host without TLS cannot even be made."""
    with pytest.raises(ConfigError, match="https only"):
        make(address)


async def test_answers_without_a_date():
    """Without the API's clock no window may be computed: an answer that bears no Date that can be read is an outage."""
    with aioresponses() as api:
        api.post(f"{API}/v2/partner/1/login", payload={"access_token": "t"}, headers={"Date": "soon"})
        async with make(API) as client:
            with pytest.raises(MarketplaceUnavailable, match="Date"):
                await client.now()


@pytest.mark.parametrize(
    ("status", "payload", "error", "words"),
    [
        (404, {"error": "no such page"}, MarketplaceRefused, "base_url"),
        (403, {"error": "blocked"}, MarketplaceRefused, "API key"),
        (200, {"data": {"access_token": "t"}}, MarketplaceRefused, "Partner API"),
    ],
)
async def test_logins_that_a_person_must_mend(status, payload, error, words):
    """A login that will not succeed by waiting says what to check."""
    with aioresponses() as api:
        api.post(f"{API}/v2/partner/1/login", status=status, payload=payload)
        async with make(API) as client:
            with pytest.raises(error) as caught:
                await client.now()
    assert words in caught.value.remedy


async def test_null_and_no_content_are_empty_lists():
    """A listing may say that it holds nothing with null or with 204."""
    headers = {"Date": "Mon, 23 Nov 2026 12:00:00 GMT"}
    edited = f"{API}/v2/partner/1/order/edited?from=2026-11-23T12:00:00Z"
    with aioresponses() as api:
        api.post(f"{API}/v2/partner/1/login", payload={"access_token": "t"}, headers=headers)
        api.get(edited, body=b"null", headers=headers)
        api.get(edited, status=204, headers=headers)
        async with make(API) as client:
            first, second = await client.list_edited(NOON), await client.list_edited(NOON)
    assert [*first.elements, *second.elements] == []
    assert first.date == NOON
