"""One daemon for each workspace, on PostgreSQL. Imported only where that is the database: psycopg alone is ten megabytes."""

import asyncio
import hashlib
import select
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from psycopg import AsyncConnection, Error, OperationalError

from daemon.errors import WorkspaceLocked
from daemon.store.address import Address
from daemon.store.border import translated
from daemon.store.locks import REMEDY

#: The first half of our advisory locks: "cons" in ASCII.
_NAMESPACE = 0x636F6E73
_TRY = "SELECT pg_try_advisory_lock(%s, %s)"
_FREE = "SELECT pg_advisory_unlock(%s, %s)"
_FREE_ALL = "SELECT pg_advisory_unlock_all()"
_HOLDER = """
    SELECT concat(a.application_name, ' from ', coalesce(host(a.client_addr), 'its own host'),
                  ' since ', date_trunc('second', a.backend_start))
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND l.classid = %s::int8::oid AND l.objid = (%s::int8 & 4294967295)::oid
"""


_HELD = """
    SELECT DISTINCT objid::int8 FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND classid = %s::int8::oid
"""

#: The server ends the session of a process that says nothing for so long: it is frozen, or cut off, and another one may lead.
_SILENCE = "SET idle_session_timeout = '12s'"
_SILENCE_FROM = 140000  # the version of the server that knows it
_SPEAK_EVERY_S = 3.0
#: How long after its last word a process may be sure of its locks: less than the server's patience.
_SURE_FOR_S = 10.0
#: How long one question may take; a server that is slower is as good as away.
_ANSWER_WITHIN_S = 6.0


class AdvisoryLocks:
    """PostgreSQL's session locks, all of a process on one connection of their own. They are gone when that connection is.

    The process speaks on it every few seconds. One that cannot (frozen, cut off, its event loop blocked) is told apart by the
    server, and loses its locks.
    """

    def __init__(self, address: Address, *, owner: str) -> None:
        self._address = address
        self._owner = owner
        self._connection: AsyncConnection | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._held: set[str] = set()
        #: When the server was last asked something that it answered.
        self._spoken_at = 0.0
        # One at a time: the same session would be given the same lock twice.
        self._taking = asyncio.Lock()

    async def take(self, workspace: str) -> None:
        """Raises `WorkspaceLocked`, naming who holds it, and `StoreUnavailable`."""
        with translated(self._address):
            async with self._taking:
                connection = await self._connected()
                if workspace in self._held:
                    raise WorkspaceLocked(f"Workspace {workspace} is already open in this process", remedy=REMEDY)
                name = (_NAMESPACE, _hash(workspace))
                if not await _ask(connection, _TRY, name):
                    holder = await _ask(connection, _HOLDER, name) or "another daemon"
                    raise WorkspaceLocked(f"Workspace {workspace} is held by {holder}", remedy=REMEDY)
                self._held.add(workspace)

    async def holds(self, workspace: str) -> bool:
        """Whether it is held. Asks the server only when there is a sign of trouble, so it may be asked before every commit."""
        await self._look()
        return workspace in self._held

    def seems_held(self, workspace: str) -> bool:
        """Whether it is held for sure, asking nobody: the server said nothing, and was not left alone for too long."""
        connection = self._connection
        if workspace not in self._held or connection is None or _now() - self._spoken_at > _SURE_FOR_S:
            return False
        return connection.lock.locked() or not _spoke(connection)  # what is asked just now may be answered

    async def free_among(self, workspaces: Sequence[str]) -> list[str]:
        """Those that nobody holds at this moment, by one question."""
        with translated(self._address):
            async with self._taking:
                held = {row[0] for row in await _ask_all(await self._connected(), _HELD, (_NAMESPACE,))}
        return [workspace for workspace in workspaces if _hash(workspace) & 0xFFFFFFFF not in held]

    async def release(self, workspace: str) -> None:
        if workspace in self._held and self._connection:
            self._held.discard(workspace)
            with translated(self._address):
                await _ask(self._connection, _FREE, (_NAMESPACE, _hash(workspace)))

    async def close(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)
        if self._connection is not None:
            with suppress(Error):  # a server takes its time to notice that a session is over
                await _ask(self._connection, _FREE_ALL, ())
        await self._lose()

    async def _connected(self) -> AsyncConnection:
        await self._look()
        if self._connection is None:
            arguments = self._address.url.get_dialect()().create_connect_args(self._address.url)[1]
            arguments["application_name"] = f"consentio-sync {self._owner}"
            self._spoken_at = _now()
            self._connection = await AsyncConnection.connect(**arguments, autocommit=True)
            if self._connection.info.server_version >= _SILENCE_FROM:
                await self._connection.execute(_SILENCE)
            self._speaking = self._speaking or asyncio.create_task(self._speak())
        return self._connection

    async def _speak(self) -> None:
        while True:
            await asyncio.sleep(_SPEAK_EVERY_S)
            await self._prove()

    async def _look(self) -> None:
        if self._connection is not None and (_spoke(self._connection) or _now() - self._spoken_at > _SURE_FOR_S):
            await self._prove()

    async def _prove(self) -> None:
        """The connection answers, or it is given up, and with it every lock."""
        if self._connection is None:
            return
        asked = _now()
        try:
            await _ask(self._connection, "SELECT 1", ())
            self._spoken_at = asked
        except Error:
            await self._lose()

    async def _lose(self) -> None:
        self._held.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Error):
                await connection.close()


def _hash(workspace: str) -> int:
    """Signed 32 bits. Two workspaces that share them cannot be led by two processes at once; nothing worse."""
    return int.from_bytes(hashlib.sha256(workspace.encode()).digest()[:4], signed=True)


def _now() -> float:
    """Counts on while the machine is suspended, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _spoke(connection: AsyncConnection) -> bool:
    """Whether the server sent something unasked: a farewell, or the end of the line."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def _ask(connection: AsyncConnection, question: str, values: tuple[object, ...]) -> object:
    rows = await _ask_all(connection, question, values)
    return rows[0][0] if rows else None


async def _ask_all(connection: AsyncConnection, question: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            return await (await connection.execute(question, values)).fetchall()
    except TimeoutError:
        raise OperationalError(f"no answer within {_ANSWER_WITHIN_S:g} s") from None
