"""The long life: open, serve, drain, close."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version

import structlog

from daemon.app import Lane, open_app
from daemon.config.settings import Settings
from daemon.errors import OperatorError
from daemon.service.endpoint import Endpoint
from daemon.service.pulse import Pulse
from daemon.service.schedule import Schedule
from daemon.service.signals import Stop
from daemon.service.turns import Turns

_log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises what only a person can mend: config, database, another daemon.

    With Consentio or the ERP away or refusing it stays up, not ready. A second signal ends the process at once.
    """
    with Stop() as stop:
        async with AsyncExitStack() as stack:
            endpoint = Endpoint()
            if settings.http.enabled:  # first, so that a taken port is told before anything else is touched
                await stack.enter_async_context(endpoint.serving(settings.http.host, settings.http.port))
                _log.info("http.opened", host=settings.http.host, port=endpoint.port)
            app = await stack.enter_async_context(open_app(settings, stopping=stop.is_asked))
            pulses = [Pulse(lane.way.workspace, settings.sync.poll_interval) for lane in app.lanes]
            endpoint.pulses = pulses
            _log.info("daemon.started", version=version("consentio-sync"), workspaces=[pulse.workspace for pulse in pulses])
            await _serve(settings, list(zip(app.lanes, pulses, strict=True)), stop)
        _log.info("daemon.stopped")


async def _serve(settings: Settings, lanes: list[tuple[Lane, Pulse]], stop: Stop) -> None:
    schedule, fatal = Schedule(settings.sync.poll_interval), asyncio.get_running_loop().create_future()
    for lane, pulse in lanes:
        schedule.add(pulse.workspace, Turns(lane, pulse, partial(_fail, fatal)).turn)
    schedule.start()
    try:
        await asyncio.wait([fatal, stopping := asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    finally:
        stop.ask()  # whatever ends the service, the other workspaces stop between two groups, too
        _log.info("daemon.draining", grace_s=settings.service.drain_grace.total_seconds())
        cancelled = await schedule.drain(settings.service.drain_grace)
        if cancelled:
            _log.warning("drain.cut", cycles=cancelled, reason="what they had begun is settled at the next start")
    if fatal.done():
        fatal.result()


def _fail(fatal: "asyncio.Future[None]", error: OperatorError) -> None:
    if not fatal.done():
        fatal.set_exception(error)
