"""The door to an ERP: opened when the ERP answers, so that a daemon that starts while it is away still collects."""

import asyncio
import dataclasses
from typing import Any, ClassVar, Never, Self

import structlog

from daemon.errors import AdapterError, ErpUnavailable
from daemon.ports import Capabilities, ErpAdapter

_log = structlog.get_logger()


class ErpDoor:
    """One adapter and whether it is open. `open` is tried again before each cycle until it succeeds."""

    def __init__(self, adapter: ErpAdapter, *, timeout_s: float) -> None:
        self.adapter = adapter
        self._timeout_s = timeout_s
        self._opening: asyncio.Task[None] | None = None
        self._is_open = False

    async def open(self, patience_s: float | None = None) -> None:
        """Enters the adapter and lets it check itself; does nothing once that went well.

        Waits `patience_s` at most (without it, as long as one call may take): an ERP that hangs goes on being opened in the
        background, and the next `open` meets it. Raises `AdapterError` or `ErpUnavailable`, whatever the adapter raised.
        """
        if self._is_open:
            return
        self._opening = self._opening or asyncio.create_task(self._enter())
        done, _ = await asyncio.wait({self._opening}, timeout=patience_s)
        if not done:
            raise ErpUnavailable("the ERP has not answered yet")
        opening, self._opening = self._opening, None
        opening.result()

    async def _enter(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._enter_and_check()
            self._is_open = True
        except (AdapterError, ErpUnavailable):
            raise
        except TimeoutError:
            raise ErpUnavailable(f"the ERP did not answer within {self._timeout_s:g} s") from None
        except Exception as error:
            raise ErpUnavailable(f"the adapter could not be opened: {type(error).__name__}: {error}") from error

    async def _enter_and_check(self) -> None:
        await self.adapter.__aenter__()
        try:
            await self.adapter.check()
        except BaseException as error:
            await self.adapter.__aexit__(type(error), error, error.__traceback__)
            raise

    async def close(self) -> None:
        """Leaves the adapter, if it was entered. Never raises: one that cannot be left, or not in time, is told and forgotten."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
            self._opening = None
        if self._is_open:
            self._is_open = False
            await self._leave()

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self.adapter.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001  # whatever an adapter raises, the rest is closed, too
            _log.warning("adapter.abandoned", erp=self.adapter.identity, reason=f"{type(error).__name__}: {error}")


class AwayErp:
    """Stands in for an ERP whose door did not open: every call says that nothing was sent."""

    contract: ClassVar[int] = 1
    Settings: ClassVar[Any] = None

    def __init__(self, adapter: ErpAdapter, reason: str, *, remedy: str = "") -> None:
        self.capabilities: Capabilities = dataclasses.replace(adapter.capabilities, group_size=1)
        self.identity = adapter.identity
        self._reason, self._remedy = reason, remedy

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def check(self, *_args: object, **_named: object) -> Never:
        raise ErpUnavailable(self._reason, remedy=self._remedy)

    find = read = create = update = cancel = preview = reports = check
