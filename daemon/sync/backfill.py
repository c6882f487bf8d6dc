"""BACKFILL: a stretch of the past is read at a person's word, at the end of each cycle a little of it, until all of it was.

It is done by whoever leads, so its readings stand in one order with all others. What it finds, later cycles deliver.
"""

from dataclasses import replace
from datetime import datetime

from daemon.domain.backfill import BACKFILL, CANCEL_BACKFILL, Progress, Span, progress_of
from daemon.domain.ledger import REFUSED, Stream, Wish
from daemon.domain.pause import Direction, paused
from daemon.domain.tally import Tally
from daemon.errors import RequestRefused, SliceUnreadable
from daemon.ports import Glance
from daemon.sync.batch import Vouch
from daemon.sync.collect import Slices
from daemon.sync.refusals import NotYet, Refused
from daemon.sync.sweep import SWEEP_STATUSES
from daemon.sync.way import Way


async def accept(way: Way, wish: Wish) -> str:
    """A wish to read: it is answered when all of it was read."""
    try:
        span, _ = Span.read(wish.argument), progress_of(wish)
    except ValueError as problem:
        raise Refused(f"it cannot be understood: {problem}") from None
    if span.start >= span.end:
        raise Refused("it ends before it begins")
    async with way.store.transaction() as tx:
        workspace = await tx.workspace()
    if workspace.start_wall is None:
        raise Refused("the workspace was never collected: run `consentio-sync once` or `run` first")
    if not wish.progress and Direction.COLLECT in paused(workspace.paused):
        raise Refused("collect is paused: `consentio-sync resume collect` first")
    raise NotYet


async def cancel(way: Way, wish: Wish) -> str:
    """What was found so far stays."""
    async with way.store.transaction() as tx:
        under_way = [each for each in await tx.wishes() if each.what == BACKFILL and each.number < wish.number]
        if not under_way:
            raise Refused("no backfill is under way")
        for each in under_way:
            said = f"{REFUSED}cancelled by {wish.who} at {progress_of(each).position:%Y-%m-%d %H:%M}; {progress_of(each)}"
            await tx.answer_wish(each.number, said, way.now())
    return f"{len(under_way)} ended; what was found stays"


async def read_back(way: Way, glance: Glance) -> Tally:
    """Reads on, for no longer than its turn, in the oldest backfill that is asked for."""
    if not glance.wishes or glance.workspace.start_wall is None:
        return Tally()
    async with way.store.transaction() as tx:
        wish = next((wish for wish in await tx.wishes() if wish.what == BACKFILL), None)
    if wish is None:
        return Tally()
    way.memory.said.clear()  # what collecting heard before may have been left alone for its age
    began, tally = way.clocks.monotonic(), Tally()
    turn_s = way.rules.backfill_turn.total_seconds()
    while wish is not None and not way.stopping():
        wish, done = await _step(way, glance, wish)
        tally += done
        if way.clocks.monotonic() - began >= turn_s:
            break
    if wish is not None:
        progress = progress_of(wish)
        way.say("backfill.moved", position=progress.position, end=Span.read(wish.argument).end, found=str(progress))
    return tally


async def _step(way: Way, glance: Glance, wish: Wish) -> tuple[Wish | None, Tally]:
    """One piece; and the wish as it is then, None when it was answered."""
    span, progress, tally = Span.read(wish.argument), progress_of(wish), Tally()
    span = replace(span, end=min(span.end, await way.market.now()))
    if progress.position < span.end:
        piece = span.next_piece(progress.position, way.rules.max_window)
        reading = Slices(way, glance.workspace, Stream.BACKFILL, SWEEP_STATUSES, vouch=_vouch(wish, span))
        try:
            await reading.read(piece)
            tally = reading.end()
            progress = progress.after(piece, tally)
        except SliceUnreadable:
            progress = progress.without(piece)
        except RequestRefused as refusal:
            await _answer(way, wish, progress, f"{REFUSED}{refusal}; {progress}")
            return None, tally
        way.memory.said.clear()
    if progress.position >= span.end:
        await _answer(way, wish, progress, f"{_words(span.start)} to {_words(span.end)}: {progress}")
        return None, tally
    return await _note(way, wish, progress), tally


def _vouch(wish: Wish, span: Span) -> Vouch | None:
    return Vouch(wish.who, wish.reason) if span.create_older else None


async def _note(way: Way, wish: Wish, progress: Progress) -> Wish:
    moved = replace(wish, progress=progress.written())
    async with way.store.transaction() as tx:
        await tx.note_progress(moved.number, moved.progress)
    return moved


async def _answer(way: Way, wish: Wish, progress: Progress, outcome: str) -> None:
    async with way.store.transaction() as tx:
        await tx.note_progress(wish.number, progress.written())
        await tx.answer_wish(wish.number, outcome, way.now())
    way.say("wish.fulfilled", what=wish.what, order_id=None, who=wish.who, outcome=outcome)


def _words(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


WORKS = {BACKFILL: accept, CANCEL_BACKFILL: cancel}
