"""Answers that a real server hardly ever gives."""

import pytest
from aiohttp import web

from daemon.erp.tryton import TrytonAdapter
from daemon.erp.tryton.rest import Failed, Refused, Rest
from daemon.erp.tryton.settings import TrytonSettings
from daemon.errors import AdapterError, ErpUnavailable


@pytest.fixture
async def answering():
    """Starts servers that give one answer after the other, the last for ever; returns the settings that lead there."""
    runners = []

    async def start(*answers):
        left = list(answers)

        async def handle(_):
            status, kind, text = left.pop(0) if len(left) > 1 else left[0]
            return web.Response(status=status, text=text, content_type=kind, headers={"Location": "http://elsewhere/"})

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        port = site._server.sockets[0].getsockname()[1]
        return TrytonSettings(base_url=f"http://127.0.0.1:{port}", key="k" * 128)

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "verdict", "words"),
    [
        ((400, "application/json", '{"message": "No.", "description": "Why\\nnot"}'), Refused, "^No. Why not$"),
        ((400, "application/json", '{"message": "%s"}' % ("x" * 9000)), Refused, "^x{299}…$"),
        ((400, "text/html", "<p>KeyError &#39;nope&#39;</p>"), Refused, "^HTTP 400$"),
        ((500, "text/html", "<p>Traceback</p>"), Failed, "HTTP 500"),
        ((429, "text/html", ""), ErpUnavailable, "patience"),
        ((302, "text/html", ""), ErpUnavailable, "redirects"),
        ((503, "text/html", ""), ErpUnavailable, "HTTP 503"),
        ((200, "text/html", "<p>a portal</p>"), ErpUnavailable, "something other than Tryton"),
    ],
)
async def test_what_an_answer_means(answering, answer, verdict, words):
    """Each answer has one meaning, told in Tryton's own words without its pages and domains; no redirect is followed."""
    async with Rest(await answering(answer)) as rest:
        with pytest.raises(verdict, match=words):
            await rest.ask("GET", "sale.sale")


async def test_a_missing_record_is_none(answering):
    """HTTP 404 is an answer: there is no such record."""
    async with Rest(await answering((404, "text/html", ""))) as rest:
        assert await rest.ask("GET", "sale.sale/1") is None


async def test_tryton_7_is_told_by_its_name(answering):
    """An older Tryton has no REST interface: the check says which it is, and which is needed."""
    held = await answering((401, "text/html", ""), (200, "application/json", '{"id": 0, "result": "7.0.59"}'))
    async with TrytonAdapter(held, workspace="1") as erp:
        with pytest.raises(AdapterError, match=r"this is Tryton 7\.0\.59") as told:
            await erp.check()
    assert told.value.remedy == "The adapter needs Tryton 8.0 or newer; 7.0 is not supported yet."
