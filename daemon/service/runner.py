"""The long life: open, serve, drain, close."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version

import structlog

from daemon.app.house import open_house
from daemon.errors import OperatorError
from daemon.service.chores import doing
from daemon.service.crew import Crew
from daemon.service.endpoint import Endpoint
from daemon.service.progress import Progress
from daemon.service.reload import Config, Reload
from daemon.service.signals import Stop
from daemon.service.watchdog import Watchdog
from daemon.service.whereabouts import leaving

#: How often, in seconds: whether the config was edited, another daemon left a workspace, and work goes on.
_LOOK_AT_CONFIG_S = 1.0
_LOOK_FOR_LEAD_S = 2.0
_LOOK_AT_PROGRESS_S = 5.0

_log = structlog.get_logger()


async def run(config: Config) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Raises what only a person can mend: config, database, another daemon.

    With Consentio or the ERP away or refusing it stays up, not ready. A second signal ends the process at once.
    """
    settings, fatal = config.loaded.settings, asyncio.get_running_loop().create_future()
    with Stop() as stop:
        async with AsyncExitStack() as stack:
            endpoint = Endpoint()
            if settings.http.enabled:  # first, so that a taken port is told before anything else is touched
                await stack.enter_async_context(endpoint.serving(settings.http.host, settings.http.port))
                stack.enter_context(leaving(config.loaded.source.file, settings.http.host, endpoint.port))
                _log.info("http.opened", host=settings.http.host, port=endpoint.port)
            house = await stack.enter_async_context(open_house(settings))
            crew = Crew(house, is_stopping=stop.is_asked, fail=partial(_fail, fatal))
            await crew.open()
            reload = Reload(config, house, crew.change)
            endpoint.pulses, endpoint.config_trouble = (lambda: crew.pulses), (lambda: reload.trouble)
            _log.info("daemon.started", version=version("consentio-sync"), workspaces=list(crew.posts))
            await _serve(crew, reload, stop, fatal)
        _log.info("daemon.stopped")


async def _serve(crew: Crew, reload: Reload, stop: Stop, fatal: "asyncio.Future[None]") -> None:
    async def look_at_config() -> None:
        is_asked = stop.hung_up.is_set()
        stop.hung_up.clear()
        if await (reload.read() if is_asked else reload.look()):
            await crew.note_config(reload.trouble)

    chores = (
        (_LOOK_AT_CONFIG_S, look_at_config),
        (_LOOK_FOR_LEAD_S, crew.take_what_is_free),
        (_LOOK_AT_PROGRESS_S, Progress(crew).look),
    )
    crew.start()
    try:
        with Watchdog():
            async with doing(*chores):
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait([fatal, stopping], return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
    finally:
        stop.ask()  # whatever ends the service, the other workspaces stop between two groups, too
        _log.info("daemon.draining", grace_s=crew.house.settings.service.drain_grace.total_seconds())
        if cancelled := await crew.drain():
            _log.warning("drain.cut", cycles=cancelled, reason="what they had begun is settled at the next start")
    if fatal.done():
        fatal.result()


def _fail(fatal: "asyncio.Future[None]", error: OperatorError) -> None:
    if not fatal.done():
        _log.error("daemon.failed", reason=str(error), remedy=error.remedy, exit_code=error.exit_code)
        fatal.set_exception(error)
