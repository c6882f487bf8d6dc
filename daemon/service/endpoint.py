"""/healthz: the loop turns. /readyz: orders flow, else 503 and a body that names who is not ready and why."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from daemon.errors import ConfigError
from daemon.log import masked
from daemon.service.pulse import Pulse

#: A container's engine asks again soon; nobody waits longer for an answer at the end.
_SHUTDOWN_S = 1.0


class Endpoint:
    """Answers from the pulses alone: it calls neither Consentio, nor the ERP, nor the database."""

    def __init__(self) -> None:
        #: None until the daemon is open.
        self.pulses: Callable[[], Sequence[Pulse]] | None = None
        #: How the config file differs from what is in force.
        self.config_trouble: Callable[[], str] = str
        self.port = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        return app

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self.pulses is None:
            return web.json_response({"status": "starting"}, status=503)
        pulses, trouble = self.pulses(), self.config_trouble()
        body: dict[str, Any] = {"config": masked({"": trouble})[""]} if trouble else {}
        standing_by = [pulse.workspace for pulse in pulses if pulse.stands_by]
        reasons = {pulse.workspace: dict(why) for pulse in pulses if (why := pulse.not_ready())}
        if reasons:
            return web.json_response({"status": "not ready", "workspaces": masked(reasons), **body}, status=503)
        # A daemon that stands by does what it is there for: whoever looks after it need not mend it.
        if len(standing_by) == len(pulses):
            return web.json_response({"status": "standby", **body})
        return web.json_response({"status": "ready", **({"standby": standing_by} if standing_by else {}), **body})

    @asynccontextmanager
    async def serving(self, host: str, port: int) -> AsyncIterator["Endpoint"]:
        """Listens until the end of the block; ConfigError if the port is taken."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            self.port = await _listen(runner, host, port)
            yield self
        finally:
            await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        # asyncio's own words for a taken port say the address once more
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise ConfigError(
            f"http.host and http.port: {host}:{port} cannot be listened to: {why}",
            remedy="Does another consentio-sync run here? Else set another http.port, or http.enabled = false.",
        ) from None
    bound: int = runner.addresses[0][1]
    return bound
