"""The staircase: the one place where the parts of a daemon meet."""

import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from daemon.config.keys import read_api_key
from daemon.config.settings import Settings, Workspace
from daemon.domain.secrecy import hide
from daemon.erp.door import AwayErp, ErpDoor
from daemon.erp.loader import adapter_class, settings_of
from daemon.errors import AdapterError, ConfigError, ErpUnavailable, MarketplaceRefused
from daemon.log import say
from daemon.marketplace.client import ConsentioClient, MarketSettings, Session
from daemon.marketplace.wire import Wire
from daemon.ports import ErpAdapter
from daemon.store.database import SqlDatabase, open_database
from daemon.store.schema import require_current
from daemon.store.store import SqlStore
from daemon.sync.cycle import Direction, Report, run_cycle
from daemon.sync.way import Clocks, Rules, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One workspace under this process's lead."""

    way: Way
    store: SqlStore
    door: ErpDoor

    async def cycle(self, erp_patience_s: float | None = None) -> Report:
        """One cycle. An ERP that cannot be opened yet, or not within `erp_patience_s`, cuts off its own direction only.

        The lead is taken anew where it, or the database's connection, was lost; `WorkspaceLocked` if another daemon has it.
        """
        if await self.store.renew():
            self.way.memory.forget()
        try:
            await self.door.open(erp_patience_s)
        except (AdapterError, ErpUnavailable) as error:
            report = await run_cycle(replace(self.way, erp=AwayErp(self.door.adapter, str(error))))
            report.troubles[Direction.DELIVER] = ErpUnavailable(str(error), remedy=error.remedy)
            return report
        return await run_cycle(self.way)


@dataclass(frozen=True, slots=True)
class App:
    """All that is open."""

    settings: Settings
    lanes: tuple[Lane, ...]


@asynccontextmanager
async def open_app(
    settings: Settings, only: Collection[str] | None = None, *, stopping: Callable[[], bool] = lambda: False
) -> AsyncIterator[App]:
    """Opens database, clients and adapters, and takes the lead of every workspace (or of those in `only`).

    Once `stopping` says so, cycles begin nothing more. Calls neither Consentio nor an ERP. Closes all in reverse order.
    """
    async with AsyncExitStack() as stack:
        url = settings.database.url.get_secret_value()
        await require_current(url, auto_migrate=settings.database.migrates_itself)
        database = await stack.enter_async_context(open_database(url))
        session = await stack.enter_async_context(Session(_market_settings(settings)))
        wanted = [workspace for workspace in settings.workspaces if only is None or workspace.name in only]
        lanes = [await _open_lane(settings, workspace, database, session, stack=stack, stopping=stopping) for workspace in wanted]
        yield App(settings, tuple(lanes))


async def _open_lane(
    settings: Settings,
    workspace: Workspace,
    database: SqlDatabase,
    session: Session,
    *,
    stack: AsyncExitStack,
    stopping: Callable[[], bool],
) -> Lane:
    read_api_key(workspace)  # a key that is not there is told at once, not at the first login
    adapter = make_adapter(settings, workspace)
    store = await database.lead(
        workspace.name,
        api_url=settings.consentio.base_url,
        adapter=settings.erp[workspace.erp].adapter,
        adapter_identity=adapter.identity,
        now=datetime.now(UTC),
    )
    market = await stack.enter_async_context(make_client(settings, workspace, session))
    door = ErpDoor(adapter, timeout_s=settings.delivery.call_timeout.total_seconds())
    stack.push_async_callback(door.close)
    rules = rules_of(settings)
    way = Way(market=market, store=store, erp=adapter, rules=rules, clocks=_CLOCKS, say=say, stopping=stopping)
    return Lane(way=way, store=store, door=door)


def make_adapter(settings: Settings, workspace: Workspace) -> ErpAdapter:
    """The workspace's adapter, not yet entered."""
    erp = settings.erp[workspace.erp]
    return adapter_class(erp.adapter)(settings_of(erp.adapter, erp.table), workspace=workspace.name)


def make_client(settings: Settings, workspace: Workspace, session: Session | None = None) -> ConsentioClient:
    """The workspace's client, not yet logged in; on its own connections unless a session is given."""
    return ConsentioClient(
        _market_settings(settings), workspace.name, api_key=partial(_api_key, workspace), say=say, session=session
    )


def _market_settings(settings: Settings) -> MarketSettings:
    api = settings.consentio
    return MarketSettings(
        base_url=api.base_url,
        timeout_s=api.timeout.total_seconds(),
        requests_per_second=api.requests_per_second,
        ca_file=api.ca_file,
        max_answer_bytes=int(api.max_answer),
        wire=Wire(**api.wire.model_dump()),
    )


def _api_key(workspace: Workspace) -> str:
    """The key for a login. Its loss while running cuts off Consentio, and ends nothing else."""
    try:
        key = read_api_key(workspace)
    except ConfigError as error:
        raise MarketplaceRefused(str(error), remedy=error.remedy) from None
    hide(key)
    return key


def rules_of(settings: Settings) -> Rules:
    """What the operator tuned, in the core's words."""
    sync, delivery = settings.sync, settings.delivery
    return Rules(
        overlap=sync.overlap,
        max_window=sync.max_window,
        near_interval=sync.near_sweep_interval,
        near_horizon=sync.near_sweep_horizon,
        wide_interval=sync.wide_sweep_interval,
        wide_horizon=sync.wide_sweep_horizon,
        initial_lookback=sync.initial_lookback,
        start_from=sync.start_from,
        keep_payloads=settings.retention.payloads,
        keep_history=settings.retention.history,
        **{name: getattr(delivery, name) for name in type(delivery).model_fields},
    )


def _boot_clock() -> Callable[[], float]:
    """Counts on while the machine is suspended, where the system has such a clock (Linux)."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boottime is None else partial(time.clock_gettime, boottime)


_CLOCKS = Clocks(wall=partial(datetime.now, UTC), monotonic=time.monotonic, boot=_boot_clock())
