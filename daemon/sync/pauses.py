"""PAUSES: a person lets a direction of the workspace rest, and lets it go on. The next step of a cycle obeys."""

from dataclasses import replace

from daemon.domain.ledger import Wish
from daemon.domain.pause import Direction, Pause, paused, with_pauses, without_pauses
from daemon.sync.refusals import Refused
from daemon.sync.way import Way


async def pause(way: Way, wish: Wish) -> str:
    """What is under way is finished; nothing more begins."""
    wanted = _directions(wish)
    async with way.store.transaction() as tx:
        workspace = await tx.workspace()
        new = [each for each in wanted if each not in paused(workspace.paused)]
        if not new:
            raise Refused(f"{_words(wanted)} rests already: {_who(workspace.paused, wanted)}")
        since = way.now()
        pauses = [Pause(direction=each, who=wish.who, since=since, reason=wish.reason) for each in new]
        await tx.save_workspace(replace(workspace, paused=with_pauses(workspace.paused, pauses)))
        await tx.add_notes([way.note("paused", who=wish.who, reason=f"{_words(new)}: {wish.reason}")])
    way.say("workspace.paused", directions=[each.value for each in new], who=wish.who, reason=wish.reason)
    return f"{_words(new)} paused until `consentio-sync resume`"


async def resume(way: Way, wish: Wish) -> str:
    """From where it stopped: cursors and orders waited."""
    wanted = _directions(wish)
    async with way.store.transaction() as tx:
        workspace = await tx.workspace()
        ended = [each for each in wanted if each in paused(workspace.paused)]
        if not ended:
            raise Refused(f"{_words(wanted)} is not paused" if wish.argument else "nothing is paused")
        await tx.save_workspace(replace(workspace, paused=without_pauses(workspace.paused, ended)))
        await tx.add_notes([way.note("resumed", who=wish.who, reason=f"{_words(ended)}: {wish.reason}".rstrip(": "))])
    way.say("workspace.resumed", directions=[each.value for each in ended], who=wish.who, reason=wish.reason)
    return f"{_words(ended)} goes on"


def _directions(wish: Wish) -> list[Direction]:
    """Those that the wish names; none means all."""
    return [Direction(name) for name in wish.argument.split(",") if name] or list(Direction)


def _words(directions: list[Direction]) -> str:
    return ", ".join(directions)


def _who(pauses: tuple[Pause, ...], wanted: list[Direction]) -> str:
    return "; ".join(str(pause) for pause in pauses if pause.direction in wanted)
