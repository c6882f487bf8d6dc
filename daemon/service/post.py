"""One workspace in this process: led by it, or waited for while another daemon leads it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from daemon.app.house import House, Lane
from daemon.config.ends import Workspace
from daemon.errors import DaemonError, Deposed, OperatorError, StoreUnavailable, WorkspaceLocked
from daemon.service.outages import Outage
from daemon.service.pulse import Pulse
from daemon.service.turns import Turns

_log = structlog.get_logger()


class Post:
    """Its cycles, and what comes between two of them: taking the lead, losing it, other settings, the end.

    `fail` is told what ends the process. On a database that many daemons may share, a workspace that another one leads is no
    reason to end: this process stands by.
    """

    def __init__(
        self, house: House, workspace: Workspace, *, is_stopping: Callable[[], bool], fail: Callable[[OperatorError], None]
    ) -> None:
        self.pulse = Pulse(workspace.name, house.settings.sync.poll_interval)
        self.lane: Lane | None = None
        self._house = house
        self._workspace = workspace
        self._is_stopping = is_stopping
        self._is_leaving = False
        self._has_new_settings = False
        self._fail = fail
        self._turns = Turns(self.pulse, self._ended)
        self._opening = Outage("workspace")
        #: Held by whatever must not meet a cycle.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nothing else happens at this post meanwhile, and each line of the log names it."""
        with structlog.contextvars.bound_contextvars(workspace=self.pulse.workspace):
            async with self._turn:
                yield

    async def open(self) -> None:
        """Takes the lead, or stands by. Raises what is wrong with the workspace's key, ERP or orders."""
        async with self._alone():
            if self.lane is None and not self._must_end():
                await self._open()

    async def take_over(self) -> bool:
        """Takes the lead after standing by, if nobody was faster; what keeps it from that is told once."""
        with structlog.contextvars.bound_contextvars(workspace=self.pulse.workspace):
            try:
                await self.open()
            except DaemonError as error:
                self._opening.lost(str(error), error.remedy)
                return False
            self._opening.found()
            return not self.pulse.stands_by

    async def _open(self) -> None:
        try:
            self.lane = await self._house.open_lane(self._workspace, stopping=self._must_end)
        except WorkspaceLocked as held:
            if not self._house.database.is_shared:
                raise
            self._stand_by(str(held))
        else:
            self.pulse.lead()
            _log.info("lead.taken", epoch=self.lane.store.leadership.epoch)

    def _must_end(self) -> bool:
        return self._is_leaving or self._is_stopping()

    def _stand_by(self, reason: str) -> None:
        if not self.pulse.stands_by:
            self.pulse.stand_by()
            _log.info("lead.awaited", reason=reason)

    async def turn(self) -> None:
        """One cycle, unless another daemon leads. Never raises."""
        if self.pulse.stands_by:
            return
        async with self._alone():
            if not self._must_end():
                await self._cycle()

    async def _cycle(self) -> None:
        try:
            lane = await self._fitted()
        except DaemonError as error:  # a workspace that was added while running, and cannot be opened yet
            self.pulse.broke_off(error)
            self._opening.lost(str(error), error.remedy)
            return
        except Exception as error:  # noqa: BLE001  # an adapter's constructor may raise anything
            self._turns.broke_off(error)
            return
        self._opening.found()
        if lane is not None:
            await self._turns.turn(lane)
        if self.pulse.stands_by:
            await self._let_go()

    @property
    def running(self) -> Lane | None:
        """The lane, while a cycle runs."""
        return self.lane if self._turns.limit is not None else None

    def cut(self) -> None:
        """Cuts the running cycle off: nothing moves in it any more."""
        if self._turns.limit is not None:
            self._turns.limit.reschedule(0)

    async def _fitted(self) -> Lane | None:
        """The lane as the settings in force want it; None while another daemon leads."""
        if self.lane is None:
            await self._open()
        elif self._has_new_settings:
            self.lane = await self._house.refit(self.lane, self._workspace)
        self._has_new_settings = False
        return self.lane

    def _ended(self, error: OperatorError) -> None:
        """What waiting does not mend. Another leader is no end where one may stand by."""
        if isinstance(error, WorkspaceLocked) and self._house.database.is_shared:
            _log.warning("lead.lost", reason=str(error))
            self._stand_by(str(error))
        else:
            self._fail(error)

    def change(self, workspace: Workspace) -> None:
        """Other settings are in force: they are taken up between two cycles."""
        self._workspace = workspace
        self._has_new_settings = True
        self.pulse.interval = self._house.settings.sync.poll_interval

    async def note_config(self, trouble: str) -> None:
        """Written down for `status`; where the database is away, the log and the endpoint must do."""
        if self.lane is not None:
            with suppress(StoreUnavailable, Deposed):
                await self.lane.store.note_config(trouble)

    async def leave(self) -> None:
        """The workspace is no longer ours: the running cycle stops between two groups, and another daemon may lead."""
        self._is_leaving = True
        async with self._alone():
            await self._let_go()

    async def _let_go(self) -> None:
        lane, self.lane = self.lane, None
        if lane is not None:
            await self._house.close_lane(lane)
            _log.info("lead.given")
