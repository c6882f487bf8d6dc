"""The Partner API on the network: aiohttp at the edge, faults in between, the market behind."""

import asyncio
import socket
import struct
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from aiohttp import web

from daemon.sandbox.asking import Call, Wrong
from daemon.sandbox.clock import Clock
from daemon.sandbox.faults import Fault, Faults
from daemon.sandbox.partner import Answer, PartnerApi, refusal
from daemon.sandbox.strike import struck

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_ROUTES = (
    ("POST", "login", "/login"),
    ("GET", "list", "/order"),
    ("GET", "edited", "/order/edited"),
    ("PUT", "external", "/order/external"),
    ("POST", "seen", "/order/seen"),
    ("POST", "prepare", "/order/{hash_id}/prepare"),
)
_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it was answered; `status` is None if no answer left the house."""

    at: datetime
    route: str
    workspace: int
    query: dict[str, str]
    body: Any
    status: int | None
    fault: str | None


class RequestLog:
    """How often each route was asked with which outcome, and the last requests; never a login's body."""

    def __init__(self, keep: int = 1000) -> None:
        self.last: deque[Asked] = deque(maxlen=keep)
        self.counts: Counter[tuple[str, int | None]] = Counter()

    def add(self, asked: Asked) -> None:
        self.last.append(asked)
        self.counts[asked.route, asked.status] += 1

    def count(self, route: str, status: int | str | None = "any") -> int:
        """How many requests this route has had (with this status, if one is given)."""
        return sum(n for (asked, outcome), n in self.counts.items() if asked == route and status in ("any", outcome))


class Server:
    """Serves one PartnerApi; holds the faults and the log of requests."""

    def __init__(self, api: PartnerApi, *, clock: Clock, faults: Faults) -> None:
        self.api = api
        self.clock = clock
        self.faults = faults
        self.requests = RequestLog()
        self.closing = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_errors_in_json], client_max_size=8 * 2**20)
        for method, route, path in _ROUTES:
            app.router.add_route(method, r"/v2/partner/{workspace:\d{1,18}}" + path, partial(self._handle, route), name=route)
        return app

    async def _handle(self, route: str, request: web.Request) -> web.StreamResponse:
        call = await _read(request, route)
        fault = self.faults.take(route)
        if fault is not None and fault.kind in ("slow", "hang"):
            await self._wait(fault)
        answer = None if self.closing.is_set() else self._answer(call, fault)
        self._log(call, answer, fault)
        if fault is not None and fault.kind == "lost_answer" and fault.seconds:
            await self._wait(fault)
        if answer is None:
            return _reset(request)
        if fault is not None and fault.kind == "truncated":
            return await _truncated(request, answer)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    def _answer(self, call: Call, fault: Fault | None) -> Answer | None:
        """What is sent back, dated; None if nothing is. No other request comes in between."""
        if fault is not None and fault.kind == "expired_token":
            self.api.tokens.revoke_all()
        skew = (fault.seconds or _HOUR) if fault is not None and fault.kind == "skew" else 0.0
        with self.clock.skewed(skew):
            answer = self.api.answer(call) if fault is None else struck(fault, partial(self.api.answer, call))
            return None if answer is None else self._dated(answer)

    def _dated(self, answer: Answer) -> Answer:
        headers = {"Date": format_datetime(self.clock(), usegmt=True)}
        if answer.body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return Answer(answer.status, answer.body, headers | answer.headers)

    async def _wait(self, fault: Fault) -> None:
        seconds = fault.seconds or (_HOUR if fault.kind == "hang" else 1.0)
        try:
            await asyncio.wait_for(self.closing.wait(), seconds)
        except TimeoutError:
            return

    def _log(self, call: Call, answer: Answer | None, fault: Fault | None) -> None:
        self.requests.add(
            Asked(
                at=self.clock(),
                route=call.route,
                workspace=call.workspace,
                query=dict(call.query),
                body=_legible(call),
                status=answer.status if answer is not None else None,
                fault=fault.kind if fault is not None else None,
            )
        )


async def _read(request: web.Request, route: str) -> Call:
    return Call(
        route=route,
        workspace=int(request.match_info["workspace"]),
        query=list(request.query.items()),
        hash_id=request.match_info.get("hash_id", ""),
        authorization=request.headers.get("Authorization", ""),
        content_type=request.content_type if "Content-Type" in request.headers else "",
        body=await request.read(),
    )


def _legible(call: Call) -> Any:
    """The body for the log, as far as it is JSON; a login's holds a secret and is left out."""
    if call.route == "login" or not call.body:
        return None
    try:
        return call.json()
    except Wrong:
        return None


def _reset(request: web.Request) -> web.Response:
    """Drops the connection the hard way; the response is for aiohttp only, it cannot leave any more."""
    if request.transport is not None and not request.transport.is_closing():
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def _truncated(request: web.Request, answer: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    await response.write(answer.body[: len(answer.body) // 2])
    _reset(request)
    return response


@web.middleware
async def _errors_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever aiohttp itself refuses (no such path, wrong method) is told like every other error."""
    try:
        return await handler(request)
    except web.HTTPException as problem:
        answer = refusal(problem.status, f"{request.method} {request.path}: {problem.reason}")
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return web.Response(status=answer.status, body=answer.body, headers=headers)
