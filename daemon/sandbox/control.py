"""The control API: everything an integrator's test wants to see of the sandbox, or do to it, over HTTP.

It is served beside the Partner API under /_sandbox, only if enabled, and only to this machine: it knows the
truth, and needs no login.
"""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from daemon.sandbox.deeds import BadDeed, Stage, do, show_order, show_told
from daemon.sandbox.market import Market
from daemon.sandbox.server import Asked, RequestLog
from daemon.sandbox.view import encode, moment

Handler = Callable[[web.Request], Awaitable[web.Response]]


class Control:
    """Routes over the parts of one sandbox; `add_to` puts them on its application."""

    def __init__(self, stage: Stage, market: Market, requests: RequestLog) -> None:
        self._stage = stage
        self._market = market
        self._requests = requests

    def add_to(self, app: web.Application) -> None:
        routes: list[tuple[str, str, Handler]] = [
            ("GET", "/state", self._state),
            ("GET", "/requests", self._asked),
            ("POST", "/orders", self._deed("place")),
            ("POST", r"/orders/{order:\d+}/{deed}", self._order_deed),
            ("GET", "/faults", self._faults),
            ("POST", "/faults", self._deed("fault")),
            ("DELETE", "/faults", self._deed("clear_faults")),
            ("POST", "/outage", self._deed("outage")),
            ("GET", "/switches", self._switches),
            ("POST", "/switches", self._deed("switch")),
            ("POST", "/clock", self._clock),
            ("POST", "/market", self._run_market),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, f"/_sandbox{path}", _guarded(handler))

    def _deed(self, deed: str) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            return _json(do(self._stage, deed, await _details(request)))

        return handler

    async def _order_deed(self, request: web.Request) -> web.Response:
        details = {**await _details(request), "order": int(request.match_info["order"])}
        return _json(do(self._stage, request.match_info["deed"], details))

    async def _state(self, _: web.Request) -> web.Response:
        world = self._stage.world
        return _json(
            {
                "now": moment(world.now()),
                "seed": world.seed,
                "market": {"running": self._market.running},
                "switches": world.switches.shown(),
                "faults": [fault.shown() for fault in self._stage.faults.rules],
                "orders": [show_order(order) for order in world.orders.values()],
                "told": [show_told(told) for told in world.told],
                "requests": _counts(self._requests),
            }
        )

    async def _asked(self, request: web.Request) -> web.Response:
        try:
            last = int(request.query.get("last", "100"))
        except ValueError as problem:
            raise BadDeed("last: a whole number is needed") from problem
        shown = [_show_asked(asked) for asked in list(self._requests.last)[-last:]]
        return _json({"counts": _counts(self._requests), "last": shown})

    async def _faults(self, _: web.Request) -> web.Response:
        return _json({"faults": [fault.shown() for fault in self._stage.faults.rules]})

    async def _switches(self, _: web.Request) -> web.Response:
        return _json(self._stage.world.switches.shown())

    async def _clock(self, request: web.Request) -> web.Response:
        details = await _details(request)
        if "advance_s" in details:
            details["seconds"] = details.pop("advance_s")
        return _json(do(self._stage, "advance", details))

    async def _run_market(self, request: web.Request) -> web.Response:
        wanted = (await _details(request)).get("do")
        if wanted == "pause":
            await self._market.pause()
        elif wanted == "resume":
            self._market.resume()
        else:
            raise BadDeed(f"do: {wanted!r} is neither pause nor resume")
        return _json({"running": self._market.running})


def _guarded(handler: Handler) -> Handler:
    """Serves this machine only, and tells what was wrong with a request as JSON."""

    async def guarded(request: web.Request) -> web.Response:
        if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104 - no address is bound
            return _json({"error": "the control API answers to this machine only"}, status=403)
        try:
            return await handler(request)
        except LookupError as problem:
            return _json({"error": str(problem)}, status=404)
        except ValueError as problem:
            return _json({"error": str(problem)}, status=400)

    return guarded


async def _details(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    if not body:
        return {}
    try:
        told = json.loads(body)
    except ValueError as problem:
        raise BadDeed(f"the body is no JSON: {problem}") from problem
    if not isinstance(told, dict):
        raise BadDeed("the body must be an object")
    return told


def _counts(requests: RequestLog) -> list[dict[str, Any]]:
    return [{"route": route, "status": status, "count": count} for (route, status), count in requests.counts.items()]


def _show_asked(asked: Asked) -> dict[str, Any]:
    return {
        "at": moment(asked.at),
        "route": asked.route,
        "workspace": asked.workspace,
        "query": asked.query,
        "body": asked.body,
        "status": asked.status,
        "fault": asked.fault,
    }


def _json(shown: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=encode(shown), content_type="application/json")
