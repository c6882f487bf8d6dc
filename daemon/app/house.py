"""A process's workspaces: each with its two ends, its memory and its lead, on what they all share."""

import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from daemon.app.fitting import Fitting, ends_of, fitting_of, make_adapter, make_client, market_settings
from daemon.config.ends import Workspace
from daemon.config.keys import read_api_key
from daemon.config.settings import Settings
from daemon.domain.pause import Direction
from daemon.erp.door import AwayErp, ErpDoor
from daemon.errors import AdapterBroken, AdapterError, ErpUnavailable
from daemon.log import say
from daemon.marketplace.client import ConsentioClient, MarketSettings, Session
from daemon.ports import ErpAdapter
from daemon.store.database import SqlDatabase, open_database
from daemon.store.schema import require_current
from daemon.store.store import SqlStore
from daemon.sync.backfill import read_back
from daemon.sync.cycle import Report, run_cycle
from daemon.sync.way import Clocks, Way
from daemon.sync.wishes import fulfil


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One workspace under this process's lead."""

    way: Way
    store: SqlStore
    door: ErpDoor
    client: ConsentioClient
    fitting: Fitting

    async def fulfil(self, *, asks_the_erp: bool = False) -> None:
        """What people wished, apart from a cycle. An ERP that cannot be opened says so when a wish asks it something."""
        way = self.way
        if asks_the_erp:
            try:
                await self.door.open()
            except (AdapterError, ErpUnavailable) as error:
                way = replace(way, erp=AwayErp(self.door.adapter, str(error), remedy=error.remedy))
        await fulfil(way)

    async def read_back(self) -> None:
        """A turn of the backfill that is asked for, apart from a cycle."""
        await self.fulfil()
        await read_back(self.way, await self.store.glance(self.way.now()))

    async def cycle(self, erp_patience_s: float | None = None) -> Report:
        """One cycle. An ERP that cannot be opened yet, or not within `erp_patience_s`, cuts off its own direction only.

        The lead is taken anew where it, or the database's connection, was lost; `WorkspaceLocked` if another daemon has it.
        """
        if await self.store.renew():
            self.way.memory.forget()
        try:
            await self.door.open(erp_patience_s)
        except (AdapterError, ErpUnavailable) as error:
            report = await run_cycle(replace(self.way, erp=AwayErp(self.door.adapter, str(error), remedy=error.remedy)))
            if Direction.DELIVER not in report.paused:
                report.troubles[Direction.DELIVER] = ErpUnavailable(str(error), remedy=error.remedy)
            return report
        return await run_cycle(self.way)

    async def close(self) -> None:
        """Leaves both ends; the lead is given back by the house."""
        await self.door.close()
        await self.client.__aexit__(None, None, None)


class House:
    """What all workspaces of a process share: the database, and the connections to Consentio."""

    def __init__(self, settings: Settings, database: SqlDatabase) -> None:
        #: In force for lanes that are opened from now on.
        self.settings = settings
        self.database = database
        self._sessions: dict[MarketSettings, Session] = {}
        self._lanes: dict[str, Lane] = {}

    async def open_lane(self, workspace: Workspace, *, stopping: Callable[[], bool]) -> Lane:
        """Takes the lead of a workspace. Once `stopping` says so, or the lead is lost, its cycles begin nothing more.

        Calls neither Consentio nor the ERP. Raises `WorkspaceLocked`, and whatever is wrong with its key, ERP or orders.
        """
        settings = self.settings
        read_api_key(workspace)  # a key that is not there is told at once, not at the first login
        adapter, fitting = make_adapter(settings, workspace), fitting_of(settings, workspace)
        client, door = await self._client(fitting), _door(adapter, fitting)
        # Last, so that nothing can fail behind it and keep the lead.
        store = await self.database.lead(workspace.name, **ends_of(settings, workspace, adapter), now=datetime.now(UTC))

        def must_stop() -> bool:
            return stopping() or not store.is_leading()

        way = Way(market=client, store=store, erp=adapter, rules=fitting.rules, clocks=_CLOCKS, say=say, stopping=must_stop)
        lane = Lane(way=way, store=store, door=door, client=client, fitting=fitting)
        self._lanes[workspace.name] = lane
        return lane

    async def refit(self, lane: Lane, workspace: Workspace) -> Lane:
        """The same workspace under the settings in force, between two cycles: what they do not touch stays open."""
        old, new = lane.fitting, fitting_of(self.settings, workspace)
        client, door = lane.client, lane.door
        if (old.erp, old.rules.call_timeout) != (new.erp, new.rules.call_timeout):
            door = _door(make_adapter(self.settings, workspace), new)
            await lane.door.close()
        if (old.market, old.workspace) != (new.market, new.workspace):
            await lane.client.__aexit__(None, None, None)
            client = await self._client(new)
        way = replace(lane.way, market=client, erp=door.adapter, rules=new.rules)
        refitted = Lane(way=way, store=lane.store, door=door, client=client, fitting=new)
        self._lanes[workspace.name] = refitted
        await self._close_unused()
        return refitted

    async def close_lane(self, lane: Lane) -> None:
        """Closes its two ends, and lets another daemon lead."""
        name = lane.way.workspace
        if self._lanes.pop(name, None) is not None:
            await lane.close()
            await self.database.release(name)

    async def close(self) -> None:
        """Closes all but the database."""
        for lane in list(self._lanes.values()):
            await lane.close()
        for session in self._sessions.values():
            await session.__aexit__(None, None, None)

    async def connect(self) -> None:
        """Opens the connections to Consentio; ConfigError where address, certificates or proxy are wrong."""
        await self._session(market_settings(self.settings))

    async def _client(self, fitting: Fitting) -> ConsentioClient:
        client = make_client(self.settings, fitting.workspace, await self._session(fitting.market))
        return await client.__aenter__()

    async def _session(self, market: MarketSettings) -> Session:
        if market not in self._sessions:
            self._sessions[market] = await Session(market).__aenter__()
        return self._sessions[market]

    async def _close_unused(self) -> None:
        used = {lane.fitting.market for lane in self._lanes.values()} | {market_settings(self.settings)}
        for market in self._sessions.keys() - used:
            await self._sessions.pop(market).__aexit__(None, None, None)


@dataclass(frozen=True, slots=True)
class App:
    """All that is open."""

    settings: Settings
    lanes: tuple[Lane, ...]
    #: Why other workspaces could not be opened: their ERP's adapter is broken.
    broken: tuple[AdapterBroken, ...] = ()


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Opens the database, whose schema is brought up to date where the settings allow it, and the connections to Consentio."""
    url = settings.database.url.get_secret_value()
    await require_current(url, auto_migrate=settings.database.migrates_itself)
    async with open_database(url) as database:
        house = House(settings, database)
        try:
            await house.connect()
            yield house
        finally:
            await house.close()


@asynccontextmanager
async def open_app(settings: Settings, only: Collection[str] | None = None) -> AsyncIterator[App]:
    """Opens database, clients and adapters, and takes the lead of every workspace (or of those in `only`).

    Calls neither Consentio nor an ERP. Closes all in reverse order. A workspace whose adapter is broken is left out, if there are
    others.
    """
    async with open_house(settings) as house:
        wanted = [workspace for workspace in settings.workspaces if only is None or workspace.name in only]
        lanes: list[Lane] = []
        broken: list[AdapterBroken] = []
        for workspace in wanted:
            try:
                lanes.append(await house.open_lane(workspace, stopping=lambda: False))
            except AdapterBroken as error:
                broken.append(error)
        if broken and not lanes:
            raise broken[0]
        yield App(settings, tuple(lanes), tuple(broken))


def _door(adapter: ErpAdapter, fitting: Fitting) -> ErpDoor:
    return ErpDoor(adapter, timeout_s=fitting.rules.call_timeout.total_seconds())


def _boot_clock() -> Callable[[], float]:
    """Counts on while the machine is suspended, where the system has such a clock (Linux)."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boottime is None else partial(time.clock_gettime, boottime)


_CLOCKS = Clocks(wall=partial(datetime.now, UTC), monotonic=time.monotonic, boot=_boot_clock())
