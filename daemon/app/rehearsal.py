"""The same parts for a dry run: over a copy of the database, with both ends read and not written to."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from daemon.app.house import App, Lane, open_app
from daemon.config.ends import Database
from daemon.config.settings import Settings
from daemon.store.copy import copy_for_rehearsal
from daemon.sync.rehearsal import RehearsedErp, RehearsedMarket, Script


@asynccontextmanager
async def open_rehearsal(settings: Settings) -> AsyncIterator[tuple[App, Mapping[str, Script]]]:
    """The same over a copy of the database that is thrown away, with both ends read and not written to.

    Each workspace's cycle writes into its script what it would do. No lock is taken; a running daemon is not disturbed.
    """
    with TemporaryDirectory(prefix="consentio-sync-") as folder:
        url = f"sqlite:///{folder}/rehearsal.db"
        names = [workspace.name for workspace in settings.workspaces]
        await copy_for_rehearsal(settings.database.url.get_secret_value(), url, names)
        copied = settings.model_copy(update={"database": Database(url=SecretStr(url))})
        async with open_app(copied) as app:
            scripts = {name: Script() for name in names}
            lanes = tuple(_rehearsed(lane, scripts[lane.way.workspace]) for lane in app.lanes)
            yield App(copied, lanes, app.broken), scripts


def _rehearsed(lane: Lane, script: Script) -> Lane:
    adapter = lane.door.adapter
    if hasattr(adapter, "rehearse"):
        adapter.rehearse()
    way = replace(lane.way, market=RehearsedMarket(lane.client, script), erp=RehearsedErp(adapter, script), say=script.hear)
    return replace(lane, way=way)
