"""`check`: one line for each thing that must work, and what to do where it does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING

import typer

from daemon.cli.options import ConfigFile, LogLevel

if TYPE_CHECKING:
    from daemon.config.ends import Workspace
    from daemon.config.load import Loaded
    from daemon.config.settings import Settings

Probe = tuple[str, Awaitable[str]]


def check(config: ConfigFile = None, log_level: LogLevel = None) -> None:
    """Try everything that `run` needs. Nothing is changed.

    That is config, database, Consentio, ERP, and that no other daemon runs.

    Exit codes: 0 all well, else the first failure's: 3 config, 4 database, 5 Consentio, 6 ERP, 7 another daemon runs.
    """
    from daemon.cli.starting import load_all

    loaded = load_all(config, log_level=log_level)
    print(f"OK    config: {loaded.source.file}")
    for warning in loaded.warnings():
        print(f"WARN  config: {warning}")
    raise typer.Exit(asyncio.run(_check(loaded)))


async def _check(loaded: "Loaded") -> int:
    codes = [code async for name, probe in _probes(loaded.settings) if (code := await _tried(name, probe))]
    return codes[0] if codes else 0


async def _tried(name: str, probe: Awaitable[str]) -> int:
    from daemon.cli.failures import code_of
    from daemon.domain.secrecy import masked_text
    from daemon.errors import DaemonError
    from daemon.log import visible

    try:
        print(f"OK    {name}: {await probe}")
    except DaemonError as error:
        print(f"FAIL  {name}: {visible(masked_text(str(error)))}")
        print(*(f"      {visible(masked_text(line))}" for line in (*error.problems, f"→ {error.remedy}")), sep="\n")
        return code_of(error)
    return 0


async def _probes(settings: "Settings") -> AsyncIterator[Probe]:
    yield "installation", _installation()
    yield f"database {settings.database.shown_url}", _database(settings)
    for workspace in settings.workspaces:
        yield f"workspace {workspace.id}, Consentio", _consentio(settings, workspace)
        yield f"workspace {workspace.id}, ERP {workspace.erp}", _erp(settings, workspace)
        yield f"workspace {workspace.id}, its orders", _ends(settings, workspace)
    yield "no other daemon", _locks(settings)


async def _installation() -> str:
    from importlib.metadata import packages_distributions, version

    from daemon.errors import ConfigError

    others = sorted(set(packages_distributions().get("daemon", [])) - {"consentio-sync"})
    if others:
        raise ConfigError(
            f"{', '.join(others)} installs a package `daemon`, too, over ours",
            remedy="Uninstall it, install consentio-sync again, and keep the two in separate environments.",
        )
    return f"consentio-sync {version('consentio-sync')}"


async def _database(settings: "Settings") -> str:
    from daemon.store.schema import current_revision, require_creatable, require_current, require_room
    from daemon.store.tables import REVISION

    url = settings.database.url.get_secret_value()
    require_creatable(url)
    require_room(url)
    current = await current_revision(url)
    if (current is not None and current > REVISION) or not settings.database.migrates_itself:
        await require_current(url, auto_migrate=False)
    if current is None:
        return "there is none yet; `run` makes it"
    return f"schema {current}" if current == REVISION else f"schema {current}; `run` brings it to {REVISION}"


async def _consentio(settings: "Settings", workspace: "Workspace") -> str:
    from datetime import timedelta

    from daemon.app.fitting import make_client
    from daemon.config.keys import read_api_key

    read_api_key(workspace)
    async with make_client(settings, workspace) as client:
        now = await client.now()
        answer = await client.list_orders(now - timedelta(hours=1), now, "accepted")
        skew = client.skew.total_seconds() if client.skew else 0.0
    clock = f"; this machine's clock is {abs(skew):.0f} s {'slow' if skew > 0 else 'fast'}" if abs(skew) > 2 else ""
    return f"logged in; {len(answer.elements)} accepted in the last hour{clock}"


async def _erp(settings: "Settings", workspace: "Workspace") -> str:
    from daemon.app.fitting import make_adapter
    from daemon.erp.door import ErpDoor

    adapter = make_adapter(settings, workspace)
    door = ErpDoor(adapter, timeout_s=settings.delivery.call_timeout.total_seconds())
    try:
        await door.open()
    finally:
        await door.close()
    return f"adapter {settings.erp[workspace.erp].adapter} is content with {adapter.identity}"


async def _ends(settings: "Settings", workspace: "Workspace") -> str:
    from daemon.app.fitting import make_adapter
    from daemon.errors import AdapterError
    from daemon.store.database import open_database
    from daemon.store.schema import current_revision

    url, erp = settings.database.url.get_secret_value(), settings.erp[workspace.erp]
    if await current_revision(url) is None:
        return "there are none yet"
    try:
        identity = make_adapter(settings, workspace).identity
    except AdapterError:
        return "not looked at, without an adapter"
    async with open_database(url) as database:
        is_known = await database.require_ends(
            workspace.name, api_url=settings.consentio.base_url, adapter=erp.adapter, adapter_identity=identity
        )
    return "they belong to this Consentio and this ERP" if is_known else "there are none yet"


async def _locks(settings: "Settings") -> str:
    from daemon.store.database import open_database
    from daemon.store.schema import current_revision

    url = settings.database.url.get_secret_value()
    if await current_revision(url) is None:
        return "there is no database that one could hold"
    async with open_database(url) as database:
        for workspace in settings.workspaces:
            await database.require_free(workspace.name)
    return "every workspace is free"
