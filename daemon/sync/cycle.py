"""One turn of the wheel, always in this order: collect → deliver → hear the ERP's news → acknowledge.

Each step meets its own outage and ends its turn, so that what is away on one side stops nothing on the other.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from daemon.domain.brakes import Brakes
from daemon.domain.ledger import Stream
from daemon.domain.pause import Direction, Pause, paused
from daemon.domain.tally import Tally
from daemon.errors import (
    ErpUnavailable,
    MarketplaceRefused,
    MarketplaceUnavailable,
    RequestRefused,
    SliceUnreadable,
)
from daemon.ports import Glance
from daemon.sync.acknowledge import mark_seen, tell_references
from daemon.sync.backfill import read_back
from daemon.sync.brakes import ease
from daemon.sync.collect import collect_edited, collect_window
from daemon.sync.deliver import deliver
from daemon.sync.errands import run_errands
from daemon.sync.gaps import tell_gaps
from daemon.sync.prune import prune
from daemon.sync.relief import Relief
from daemon.sync.reports import read_reports
from daemon.sync.sweep import sweep
from daemon.sync.way import Way
from daemon.sync.wishes import fulfil

#: What ends a step's turn and no more; anything else is a bug, another leader, or the database, and ends the cycle.
Outage = ErpUnavailable | MarketplaceUnavailable | MarketplaceRefused | RequestRefused | SliceUnreadable
OUTAGES = (ErpUnavailable, MarketplaceUnavailable, MarketplaceRefused, RequestRefused, SliceUnreadable)


@dataclass(slots=True)
class Report:
    """What one cycle did, and which directions were cut off by what."""

    tally: Tally = field(default_factory=Tally)
    troubles: dict[Direction, Outage] = field(default_factory=dict)
    #: The directions that a person lets rest.
    paused: Mapping[Direction, Pause] = field(default_factory=dict)
    brakes: Brakes = field(default_factory=Brakes)

    def may(self, direction: Direction) -> bool:
        """Whether a direction works: nobody lets it rest, and nothing cut it off in this cycle."""
        return direction not in self.paused and direction not in self.troubles

    @property
    def reaches_consentio(self) -> bool:
        """Whether nobody found Consentio away; a slice that cannot be read stops its own stream only."""
        return not isinstance(self.troubles.get(Direction.COLLECT), MarketplaceUnavailable | MarketplaceRefused)

    async def step(self, direction: Direction, work: Awaitable[Tally]) -> None:
        """Do one step; an outage is noted and ends the step."""
        try:
            done = await work  # before the sum is looked at: one step may hold another
        except OUTAGES as outage:
            self.troubles.setdefault(direction, outage)
        else:
            self.tally += done


async def run_cycle(way: Way) -> Report:
    """One turn for one workspace. May raise `StoreUnavailable` and `Deposed`: renew the leadership, then turn again."""
    report = Report()
    glance = await way.store.glance(way.now())
    if glance.wishes and await fulfil(way):
        way.memory.gaps_told = False
        glance = await way.store.glance(way.now())
    report.paused = paused(glance.workspace.paused)
    await ease(way, glance)
    if report.may(Direction.COLLECT):
        glance = await _collect(way, glance, report)
    has_work = glance.erp_due or glance.open_rows or glance.workspace.restore_open or _brought_news(report.tally)
    if has_work and report.may(Direction.DELIVER):
        await report.step(Direction.DELIVER, deliver(way, glance))
    if way.erp.capabilities.reports and report.may(Direction.REPORTS) and Direction.DELIVER not in report.paused:
        await _hear(way, glance, report)
    await _acknowledge(way, glance, report)
    await _tell_gaps(way, report)
    if Direction.COLLECT not in report.paused and report.reaches_consentio:
        await report.step(Direction.COLLECT, read_back(way, glance))
    report.tally += await prune(way, glance)
    await _close(way, report)
    report.brakes = way.memory.brakes
    return report


async def _acknowledge(way: Way, glance: Glance, report: Report) -> None:
    """References first. `seen` needs the edited list, which a collect that rests does not read."""
    if (glance.tell_due or _changed_the_erp(report.tally)) and report.may(Direction.ACKNOWLEDGE):
        await report.step(Direction.ACKNOWLEDGE, tell_references(way))
    has_marks = (glance.edited_due or _brought_news(report.tally)) and Stream.EDITED in glance.cursors
    if has_marks and report.may(Direction.ACKNOWLEDGE) and Direction.COLLECT not in report.paused:
        await report.step(Direction.ACKNOWLEDGE, mark_seen(way, glance))
    if (glance.errands or report.tally.heard) and report.may(Direction.ACKNOWLEDGE):
        await report.step(Direction.ACKNOWLEDGE, run_errands(way))


async def _tell_gaps(way: Way, report: Report) -> None:
    """Only where something happened; and not while orders wait for a delivery that is cut off or rests."""
    way.memory.gaps_told = way.memory.gaps_told and not report.tally
    if not way.memory.gaps_told and report.may(Direction.DELIVER):
        await tell_gaps(way)
        way.memory.gaps_told = True


async def _collect(way: Way, glance: Glance, report: Report) -> Glance:
    """Window, edited list and sweep. A slice that cannot be read stops its own stream only; an API that is away, all three."""
    try:
        glance = await _started(way, glance)
    except OUTAGES as outage:
        report.troubles[Direction.COLLECT] = outage
        return glance
    relief = Relief(way, glance, partial(_relieve, way, report))
    for collect in (partial(collect_window, relief=relief), collect_edited, sweep):
        await report.step(Direction.COLLECT, collect(way, glance))
        if not report.reaches_consentio:
            break
    way.memory.said.clear()
    if report.tally.baseline:
        _tell_baseline(way, glance, report.tally.baseline)
    return await way.store.glance(way.now()) if relief.was_used else glance


async def _relieve(way: Way, report: Report, glance: Glance) -> bool:
    """A part of a backlog is delivered before the rest is collected; whether that may go on."""
    if report.may(Direction.DELIVER):
        await report.step(Direction.DELIVER, deliver(way, glance, more_comes=True))
    return report.may(Direction.DELIVER)


async def _hear(way: Way, glance: Glance, report: Report) -> None:
    """An ERP that was away a moment ago is not asked."""
    if isinstance(outage := report.troubles.get(Direction.DELIVER), ErpUnavailable):
        report.troubles[Direction.REPORTS] = outage
    else:
        await report.step(Direction.REPORTS, read_reports(way, glance, is_stirred=_stirred_the_erp(report.tally)))


def _tell_baseline(way: Way, glance: Glance, count: int) -> None:
    remedy = "they are older than going live and never created; before a first start, sync.start_from can say otherwise"
    way.say("orders.baseline", count=count, start_wall=glance.workspace.start_wall, remedy=remedy)


async def _started(way: Way, glance: Glance) -> Glance:
    """At the first start: the start wall and the first cursors are committed before the first listing."""
    if glance.workspace.start_wall is not None:
        return glance
    now = await way.market.now()
    wall = way.rules.start_from or now - way.rules.initial_lookback
    workspace = replace(glance.workspace, start_wall=wall)
    cursors = dict.fromkeys((Stream.ACCEPTED, Stream.EDITED), min(wall, now))
    async with way.store.transaction() as tx:
        await tx.save_workspace(workspace)
        await tx.move_cursors(cursors)
    way.say("workspace.started", start_wall=wall)
    return replace(glance, workspace=workspace, cursors={**glance.cursors, **cursors})


def _brought_news(tally: Tally) -> bool:
    return tally.new + tally.changed + tally.stale > 0


def _changed_the_erp(tally: Tally) -> bool:
    return tally.created + tally.updated + tally.canceled + tally.adopted + tally.changed + tally.heard > 0


def _stirred_the_erp(tally: Tally) -> bool:
    """Some order may have got a record, or settled its doubt: news that wait for it can be heard."""
    return _changed_the_erp(tally) or tally.parked + tally.baseline + tally.retrying + tally.in_doubt > 0


async def _close(way: Way, report: Report) -> None:
    """The last good moments and the cursor moves that nothing else carried: the one commit of an idle cycle."""
    now = way.now()
    async with way.store.transaction() as tx:
        await tx.move_cursors(way.memory.moves)
        await tx.stamp(
            collected_at=now if report.may(Direction.COLLECT) else None,
            delivered_at=now if report.may(Direction.DELIVER) else None,
            acknowledged_at=now if report.may(Direction.ACKNOWLEDGE) else None,
            reports_cursor=way.memory.reports_cursor,
        )
    way.memory.moves.clear()
    way.memory.contents.forget()
