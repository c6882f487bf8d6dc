"""What of the settings one workspace is made of, in the words of the rooms below."""

from dataclasses import dataclass
from functools import partial
from typing import TypedDict

from daemon.config.ends import Erp, Workspace
from daemon.config.keys import read_api_key
from daemon.config.settings import Settings
from daemon.domain.amounts import Tolerance
from daemon.domain.brakes import Limit, Limits
from daemon.domain.secrecy import hide
from daemon.domain.statuses import Spelling
from daemon.erp.loader import adapter_class, settings_of
from daemon.errors import AdapterBroken, ConfigError, MarketplaceRefused, OperatorError
from daemon.log import say
from daemon.marketplace.client import ConsentioClient, MarketSettings, Session
from daemon.marketplace.wire import Wire
from daemon.ports import ErpAdapter
from daemon.sync.way import Amounts, Rules


class Ends(TypedDict):
    """What a ledger's workspace must go on meeting."""

    api_url: str
    adapter: str
    adapter_identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What of the settings one lane is made of."""

    workspace: Workspace
    market: MarketSettings
    erp: Erp
    rules: Rules


def fitting_of(settings: Settings, workspace: Workspace) -> Fitting:
    market, erp = market_settings(settings), settings.erp[workspace.erp]
    return Fitting(workspace=workspace, market=market, erp=erp, rules=rules_of(settings))


def ends_of(settings: Settings, workspace: Workspace, adapter: ErpAdapter) -> Ends:
    """The two ends that a workspace's orders lie between."""
    name = settings.erp[workspace.erp].adapter
    return {"api_url": settings.consentio.base_url, "adapter": name, "adapter_identity": adapter.identity}


def make_adapter(settings: Settings, workspace: Workspace) -> ErpAdapter:
    """The workspace's adapter, not yet entered. Raises `AdapterError`, `AdapterBroken` among them, and `ConfigError`."""
    erp = settings.erp[workspace.erp]
    kind, own = adapter_class(erp.adapter), settings_of(erp.adapter, erp.table)
    try:
        adapter = kind(own, workspace=workspace.name)
        assert adapter.identity, "it has no identity"  # noqa: S101  # the port's promise
    except OperatorError:
        raise
    except Exception as error:  # whatever an adapter of somebody else's raises, it is that workspace's trouble alone
        raise AdapterBroken(
            f"ERP adapter '{erp.adapter}' could not be made: {type(error).__name__}: {error}", remedy="Tell the adapter's author."
        ) from error
    return adapter


def make_client(settings: Settings, workspace: Workspace, session: Session | None = None) -> ConsentioClient:
    """The workspace's client, not yet logged in; on its own connections unless a session is given."""
    return ConsentioClient(
        market_settings(settings), workspace.name, api_key=partial(_api_key, workspace), say=say, session=session
    )


def market_settings(settings: Settings) -> MarketSettings:
    """How to reach Consentio, in the client's words."""
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
        backfill_turn=sync.poll_interval / 2,
        keep_payloads=settings.retention.payloads,
        keep_history=settings.retention.history,
        brakes=_limits(settings),
        amounts=_amounts(settings),
        spelling=Spelling(settings.news.statuses, holds_others=settings.news.other_statuses == "hold"),
        cancel_on_consentio=settings.news.cancel_on_consentio,
        prepare_on_consentio=settings.news.prepare_on_consentio,
        **{name: getattr(delivery, name) for name in type(delivery).model_fields},
    )


def _amounts(settings: Settings) -> Amounts:
    amounts = settings.amounts
    tolerance = Tolerance(absolute=amounts.tolerance, share=amounts.tolerance_share, tax=amounts.max_tax)
    return Amounts(check=amounts.check, park=amounts.park, tolerance=tolerance)


def _limits(settings: Settings) -> Limits:
    brakes = settings.brakes
    return Limits(
        cancels=Limit(orders=brakes.max_cancels, share=brakes.max_cancels_share, floor=brakes.floor),
        updates=Limit(orders=brakes.max_updates, share=brakes.max_updates_share, floor=brakes.floor),
        floor=brakes.floor,
    )
