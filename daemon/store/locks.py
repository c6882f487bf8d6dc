"""One daemon for each workspace. A killed daemon's lock is free at once; a frozen one keeps it.

The lock keeps a second daemon from starting; what keeps a leader that lost it from recording is the epoch.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from daemon.errors import DatabaseError, WorkspaceLocked

REMEDY = "Stop that daemon first; a workspace has one at a time"


class Locks(Protocol):
    """The locks of one process."""

    async def take(self, workspace: str) -> None:
        """Raises `WorkspaceLocked`, naming who holds it, and `StoreUnavailable`."""

    async def holds(self, workspace: str) -> bool:
        """Whether it is held; cheap enough to be asked before every commit."""
        ...

    def seems_held(self, workspace: str) -> bool:
        """The same, asking nobody."""
        ...

    async def free_among(self, workspaces: Sequence[str]) -> list[str]:
        """Those that nobody holds at this moment."""
        ...

    async def release(self, workspace: str) -> None:
        """Lets another process take it."""

    async def close(self) -> None:
        """Releases all."""


class FileLocks:
    """Beside SQLite's file, one file for each workspace, locked as long as its process lives."""

    def __init__(self, database: Path, *, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._held: dict[str, int] = {}

    async def take(self, workspace: str) -> None:
        """Raises `WorkspaceLocked`, naming who holds it."""
        if await self.holds(workspace):
            raise WorkspaceLocked(f"Workspace {workspace} is already open in this process", remedy=REMEDY)
        await self.release(workspace)
        self._held[workspace] = _lock(self._path(workspace), workspace=workspace, owner=self._owner)

    async def holds(self, workspace: str) -> bool:
        """Whether it is held, and in the very file that another daemon would look at."""
        file = self._held.get(workspace)
        return file is not None and _is_same(file, self._path(workspace))

    def seems_held(self, workspace: str) -> bool:
        """The same, asking nobody."""
        return workspace in self._held

    async def free_among(self, workspaces: Sequence[str]) -> list[str]:  # noqa: ARG002  # as beside it
        """None: nobody waits for a lock beside SQLite's file."""
        return []

    async def release(self, workspace: str) -> None:
        file = self._held.pop(workspace, None)
        if file is not None:
            os.close(file)  # the file stays: removing it would race with the next daemon's lock

    async def close(self) -> None:
        for workspace in list(self._held):
            await self.release(workspace)

    def _path(self, workspace: str) -> Path:
        return self._database.with_name(f"{self._database.name}.{quote(workspace, safe='')}.lock")


def _lock(path: Path, *, workspace: str, owner: str) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise DatabaseError(
            f"The lock {path} cannot be written: {error.strerror}", remedy="Let the daemon's user write in the database's folder"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "another daemon"
        os.close(file)
        raise WorkspaceLocked(f"Workspace {workspace} is held by {holder}", remedy=REMEDY) from None
    os.ftruncate(file, 0)
    os.pwrite(file, f"{owner}\n".encode(), 0)
    return file


def _is_same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False
