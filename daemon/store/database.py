"""The process's database: its connections, its locks, and the workspaces that it leads."""

import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from daemon.domain.state import WorkspaceState
from daemon.store import workspaces
from daemon.store.address import Address, parse_address
from daemon.store.engine import Engine
from daemon.store.locks import FileLocks, Locks
from daemon.store.scope import Scope
from daemon.store.store import SqlStore


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator["SqlDatabase"]:
    """The database of `database.url`, whose schema must be current (`schema.require_current`); closed with the block."""
    database = SqlDatabase(parse_address(url))
    try:
        yield database
    finally:
        await database.close()


class SqlDatabase:
    """One process's use of a database. It may lead many workspaces."""

    def __init__(self, address: Address, *, owner: str = "") -> None:
        #: Names this process in ledger rows and to a daemon that is refused.
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        #: Whether many daemons may use it side by side, so that one may stand by for another.
        self.is_shared = address.file is None
        self._engine = Engine(address)
        self._locks = _locks(address, self.owner)

    async def lead(self, workspace_id: str, *, api_url: str, adapter: str, adapter_identity: str, now: datetime) -> SqlStore:
        """Takes a workspace with a new epoch; one that is new to the database is added.

        Raises `WorkspaceLocked` if another daemon holds it, `DatabaseError` if its orders belong to another API or ERP.
        """
        ends = WorkspaceState(id=workspace_id, api_url=api_url, adapter=adapter, adapter_identity=adapter_identity)
        store = SqlStore(self._engine, self._locks, ends=ends, owner=self.owner)
        await self._locks.take(workspace_id)
        try:
            await store.renew(now)
        except BaseException:
            await self._locks.release(workspace_id)
            raise
        return store

    async def require_free(self, workspace_id: str) -> None:
        """Raises `WorkspaceLocked` if another daemon holds the workspace; takes nothing and changes nothing."""
        await self._locks.take(workspace_id)
        await self._locks.release(workspace_id)

    async def free_among(self, workspace_ids: Sequence[str]) -> list[str]:
        """Those that no daemon holds at this moment; takes nothing."""
        return await self._locks.free_among(workspace_ids)

    async def require_ends(self, workspace_id: str, *, api_url: str, adapter: str, adapter_identity: str) -> bool:
        """Whether the workspace is known here. Raises `DatabaseError` if its orders belong to another API or ERP."""
        ends = WorkspaceState(id=workspace_id, api_url=api_url, adapter=adapter, adapter_identity=adapter_identity)
        async with self._engine.reading() as connection:
            return await workspaces.require_ends(Scope(connection, workspace_id), ends)

    async def release(self, workspace_id: str) -> None:
        """Lets another daemon take a workspace. Its store is not used after this."""
        await self._locks.release(workspace_id)

    async def close(self) -> None:
        """Releases all."""
        await self._locks.close()
        await self._engine.close()


def _locks(address: Address, owner: str) -> Locks:
    if address.file:
        return FileLocks(address.file, owner=owner)
    from daemon.store.advisory import AdvisoryLocks  # noqa: PLC0415  # psycopg is large, and only needed here

    return AdvisoryLocks(address, owner=owner)
