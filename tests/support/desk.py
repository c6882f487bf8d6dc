"""What a person at the operator's desk does to a world: leaves a wish, lets a cycle pass, reads the answer."""

from daemon.store.questions import open_reader
from tests.support.world import World


async def wish(w: World, what: str, order: str | None = None, *, argument: str = "", reason: str = "because") -> str | None:
    """The daemon's answer, None if the wish must wait."""
    async with open_reader(w.url) as reader:
        number = await reader.leave_wish("123", what, order_id=order, argument=argument, who="ana", reason=reason)
        await w.cycle()
        return await reader.wish_outcome(number)


async def notes_of(w: World, order: str) -> list[tuple[str, str, str]]:
    """Who did what to an order, and why."""
    async with open_reader(w.url) as reader:
        return [(note.who, note.what, note.reason) for note in (await reader.story(order)).notes]
