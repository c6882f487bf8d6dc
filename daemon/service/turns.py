"""The turns of one workspace: each cycle ends in one line of the log, whatever happened."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from daemon.app.house import Lane
from daemon.errors import (
    ConfigError,
    CycleStuck,
    DaemonError,
    DatabaseError,
    Deposed,
    ErpUnavailable,
    OperatorError,
    StoreUnavailable,
    WorkspaceLocked,
)
from daemon.service.outages import Outage
from daemon.service.pulse import Pulse
from daemon.sync.cycle import Report

#: What waiting does not mend: the process ends with it.
_FATAL = (ConfigError, DatabaseError, WorkspaceLocked)

#: An ERP that hangs while it is opened holds up no collecting.
_ERP_PATIENCE_S = 1.0

_log = structlog.get_logger()


class Turns:
    """One workspace's cycles, its outages, and its pulse."""

    def __init__(self, pulse: Pulse, fail: Callable[[OperatorError], None]) -> None:
        self._pulse = pulse
        self._fail = fail
        self._number = 0
        #: Of the running cycle: `reschedule` cuts it off. None between two cycles.
        self.limit: asyncio.Timeout | None = None
        self._api, self._erp, self._store = Outage("api"), Outage("erp"), Outage("store")

    async def turn(self, lane: Lane) -> None:
        """One cycle. Never raises: what ends the process is handed to `fail`."""
        self._number += 1
        cycle = f"{lane.way.store.leadership.epoch}.{self._number}"
        with structlog.contextvars.bound_contextvars(workspace=self._pulse.workspace, cycle=cycle):
            began = time.monotonic()
            try:
                async with asyncio.timeout(None) as self.limit:
                    report = await lane.cycle(_ERP_PATIENCE_S)
            except TimeoutError as error:
                self._cut_off(error, time.monotonic() - began)
            except Exception as error:  # noqa: BLE001  # the next cycle runs whatever this one met
                self.broke_off(error)
            else:
                self._pulse.turned(report)
                self._tell(report, time.monotonic() - began, erp_is_away=lane.way.memory.erp_is_away)

            finally:
                self.limit = None

    def _cut_off(self, error: TimeoutError, seconds: float) -> None:
        if self.limit is None or not self.limit.expired():
            self.broke_off(error)
            return
        reason = "nothing moved in it any more; what it had begun is settled by a later one"
        self._pulse.broke_off(CycleStuck(f"the last cycle was cut off after {seconds:.0f} s: {reason}"))
        _log.error("cycle.cut", seconds=round(seconds, 1), reason=reason)

    def broke_off(self, error: Exception) -> None:
        """A cycle could not be done."""
        self._pulse.broke_off(error)
        self._tell_broken(error)

    def _tell_broken(self, error: Exception) -> None:
        if isinstance(error, WorkspaceLocked):
            self._store.found()  # it answered
        if isinstance(error, _FATAL):
            self._fail(error)
        elif isinstance(error, StoreUnavailable | Deposed):
            self._store.lost(str(error), error.remedy)
        else:
            _log.exception("cycle.failed", exc_info=error)

    def _tell(self, report: Report, seconds: float, *, erp_is_away: bool) -> None:
        self._store.found()
        self._tell_outages(list(report.troubles.values()), erp_is_away=erp_is_away)
        log = _log.info if report.tally else _log.debug
        cut_off, paused = ([direction.value for direction in each] for each in (report.troubles, report.paused))
        log("cycle.done", seconds=round(seconds, 3), **report.tally.counts(), **_if_any(cut_off=cut_off, paused=paused))

    def _tell_outages(self, troubles: Sequence[DaemonError], *, erp_is_away: bool) -> None:
        erp = [trouble for trouble in troubles if isinstance(trouble, ErpUnavailable)]
        api = [trouble for trouble in troubles if not isinstance(trouble, ErpUnavailable)]
        _edge(self._api, api)
        # With nothing due nobody asked the ERP: it is back when a call went well.
        if erp or not erp_is_away:
            _edge(self._erp, erp)


def _edge(outage: Outage, troubles: Sequence[DaemonError]) -> None:
    if not troubles:
        outage.found()
        return
    trouble = troubles[0]
    outage.lost(str(trouble), trouble.remedy)


def _if_any(**fields: list[str]) -> Mapping[str, list[str]]:
    return {name: value for name, value in fields.items() if value}
