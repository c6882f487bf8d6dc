"""A sandbox in one piece: the market, the server in front of it, and the handles that tests hold."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from daemon.sandbox.clock import Clock, utc_now
from daemon.sandbox.control import Control
from daemon.sandbox.deeds import Stage
from daemon.sandbox.faults import Faults
from daemon.sandbox.market import Market, Pace
from daemon.sandbox.partner import PartnerApi
from daemon.sandbox.records import Workspace
from daemon.sandbox.server import RequestLog, Server
from daemon.sandbox.switches import Switches
from daemon.sandbox.tokens import Tokens
from daemon.sandbox.world import World

QUIET = Pace(orders_per_minute=0)


class Sandbox:
    """The Partner API on a port of this machine, from `async with Sandbox() as box` to its end.

    `world` is the market's state, `faults` what goes wrong, `clock` its now, `requests` what was asked,
    `tokens` who is logged in. Nothing happens on the market by itself unless a `pace` is given. `stop` and
    `start` take the server away and bring it back on the same port, with the market as it was.
    """

    def __init__(
        self,
        workspaces: Sequence[Workspace] = (Workspace(123),),
        *,
        switches: Switches | None = None,
        seed: int = 1,
        clock: Callable[[], datetime] = utc_now,
        host: str = "127.0.0.1",
        port: int = 0,
        control: bool = False,
        pace: Pace = QUIET,
    ) -> None:
        self.clock = Clock(clock)
        self.world = World(workspaces, seed=seed, clock=self.clock, switches=switches)
        self.faults = Faults(seed)
        self.tokens = Tokens(self.clock.steady)
        self.market = Market(self.world, pace)
        self.stage = Stage(self.world, self.faults, self.clock)
        self._server = Server(PartnerApi(self.world, self.tokens), clock=self.clock, faults=self.faults)
        self._control = Control(self.stage, self.market, self.requests) if control else None
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    @property
    def url(self) -> str:
        """The base address, without a slash at the end."""
        return f"http://{self._host}:{self._port}"

    def switch(self, **positions: Any) -> None:
        """Puts some switches elsewhere: `box.switch(date_filter="accepted")`."""
        self.world.switches = self.world.switches.changed(**positions)

    async def start(self) -> None:
        """Listens, and lets the market run; OSError if the port is taken."""
        self._server.closing.clear()
        app = self._server.app()
        if self._control is not None:
            self._control.add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner, self._port = runner, runner.addresses[0][1]
        self.market.resume()

    async def stop(self) -> None:
        """Ends every connection; the market stands still until the next `start`."""
        await self.market.pause()
        self._server.closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
