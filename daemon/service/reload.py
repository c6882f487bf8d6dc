"""The config file while the daemon runs: an edit is noticed, checked as a whole, and taken up between two cycles, or refused."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from daemon.app.fitting import ends_of, make_adapter, market_settings
from daemon.app.house import House
from daemon.config.changes import changes, in_force_after, needs_restart
from daemon.config.ends import Workspace
from daemon.config.keys import read_api_key
from daemon.config.load import Loaded, key_text
from daemon.config.settings import Settings
from daemon.config.sources import Key
from daemon.errors import DaemonError, OperatorError, StoreUnavailable
from daemon.log import masked
from daemon.marketplace.client import Session

_RESTART = "Restart the daemon to use them."

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Config:
    """The config of this process: as it was read, how it is read again, and how the log follows it."""

    loaded: Loaded
    read: Callable[[], Loaded]
    tune_log: Callable[[Settings], None]


class Reload:
    """Compares the file with what is in force. `trouble` says how they differ; empty when they do not."""

    def __init__(self, config: Config, house: House, take_up: Callable[[Settings], None]) -> None:
        self.trouble = ""
        self._config = config
        self._file = config.loaded.source.file
        self._house = house
        self._take_up = take_up
        self._seen: object = None
        self._settled: object = None
        self._digest = _digest_of(config.loaded.source.text.encode())

    async def look(self) -> bool:
        """Reads the file again if it was edited, once it has come to rest. Returns whether `trouble` is another one now."""
        mark = await asyncio.to_thread(_mark, self._file)
        if mark == self._settled:
            return False
        if mark != self._seen:  # an editor may still be writing
            self._seen = mark
            return False
        self._settled = mark
        digest = await asyncio.to_thread(_digest, self._file)
        if digest == self._digest:
            return False
        self._digest = digest
        return await self.read()

    async def read(self) -> bool:
        """Reads the file again, and takes it up or refuses it. Returns whether `trouble` is another one now."""
        before = self.trouble
        try:
            fresh = await asyncio.to_thread(self._config.read)
            if problems := await _problems(fresh, self._house):
                raise OperatorError(f"{self._file} cannot be taken up by the running daemon", problems=problems)
        except StoreUnavailable as error:  # it could not be compared with what the database holds: look again soon
            _log.info("config.not_compared", reason=str(error))
            self._settled, self._digest = None, ""
        except DaemonError as error:
            self._refuse(error)
        else:
            self._accept(fresh.settings)
        return self.trouble != before

    def _refuse(self, error: DaemonError) -> None:
        self.trouble = f"refused: {'; '.join([str(error), *error.problems])}"
        remedy = error.remedy or "Correct them; the daemon reads the file again by itself."
        _log.error("config.refused", file=str(self._file), reason=str(error), problems=list(error.problems), remedy=remedy)

    def _accept(self, new: Settings) -> None:
        old = self._house.settings
        differences = changes(old, new, masked)
        waiting = [key for key in differences if needs_restart(key)]
        taken = [f"{key}: {change}" for key, change in differences.items() if key not in waiting]
        if taken:
            self._config.tune_log(new)
            self._take_up(in_force_after(old, new))
        _log.info("config.reloaded", file=str(self._file), changes=taken)
        self.trouble = f"a restart is needed for {', '.join(waiting)}" if waiting else ""
        if waiting:
            told = [f"{key}: {differences[key]}" for key in waiting]
            _log.warning("config.postponed", changes=told, remedy=_RESTART)


async def _problems(fresh: Loaded, house: House) -> list[str]:
    """What is well written, yet no running daemon can take up; each with its place."""
    old, new, problems = house.settings, fresh.settings, list[str]()
    for number, workspace in enumerate(new.workspaces):
        if _is_touched(workspace, old, new):
            problems += [_placed(fresh, ("workspaces", number), each) for each in await _of_workspace(workspace, new, house)]
    if market_settings(old) != market_settings(new):
        problems += [_placed(fresh, ("consentio",), each) for each in await _of_connections(new)]
    return problems


def _is_touched(workspace: Workspace, old: Settings, new: Settings) -> bool:
    is_same = workspace in old.workspaces and old.erp.get(workspace.erp) == new.erp[workspace.erp]
    return not is_same or old.consentio.base_url != new.consentio.base_url


async def _of_workspace(workspace: Workspace, settings: Settings, house: House) -> Sequence[str]:
    """Its key, its adapter, and whether its orders belong to these two ends (A12)."""
    try:
        read_api_key(workspace)
        adapter = make_adapter(settings, workspace)
        await house.database.require_ends(workspace.name, **ends_of(settings, workspace, adapter))
    except OperatorError as error:
        return [str(error), *error.problems]
    except StoreUnavailable:
        raise
    except Exception as error:  # noqa: BLE001  # an adapter's constructor may raise anything
        return [f"its ERP adapter cannot be made: {type(error).__name__}: {error}"]
    return []


async def _of_connections(settings: Settings) -> Sequence[str]:
    try:
        async with Session(market_settings(settings)):
            return []
    except OperatorError as error:
        return [str(error), *error.problems]


def _placed(fresh: Loaded, key: Key, problem: str) -> str:
    return f"{fresh.source.where(key)}: {key_text(key)}: {problem}"


def _mark(file: Path) -> object:
    """What changes with every edit, be it in place, by renaming, or by turning a link; None without a file."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _digest(file: Path) -> str:
    try:
        return _digest_of(file.read_bytes())
    except OSError:
        return ""


def _digest_of(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
