"""How a command becomes a wish: left for the running daemon, or fulfilled at once where none runs."""

import asyncio
import getpass
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.store.questions import SqlReader

_LOOK_AGAIN_S = 0.2
#: So many cycles may pass until an answer is given up.
_PATIENCE = 3
#: However short a cycle is: a busy machine needs its time.
_AT_LEAST_S = 10.0
_UNANSWERED = "left for the running daemon, which did not answer yet; `consentio-sync status` counts open wishes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wished:
    """One command for whoever leads the workspace; `argument` is what it was given besides an order."""

    workspace: str
    what: str
    order: str | None = None
    argument: str = ""
    #: The ERP may be asked for it.
    asks_the_erp: bool = False

    def __str__(self) -> str:
        return self.order or f"workspace {self.workspace}"


def workspaces_of(settings: "Settings", only: str | None) -> list[str]:
    """The config's workspaces, or the one that is named."""
    names = [known.name for known in settings.workspaces if only in (None, known.name)]
    if not names:
        known = ", ".join(each.name for each in settings.workspaces)
        raise typer.BadParameter(f"the config has no workspace {only}, only {known}", param_hint="--workspace")
    return names


@asynccontextmanager
async def reading(settings: "Settings") -> AsyncIterator["SqlReader"]:
    """The database of the config, to be asked."""
    from daemon.store.questions import open_reader

    async with open_reader(settings.database.url.get_secret_value()) as reader:
        yield reader


async def wish_for(settings: "Settings", wanted: Sequence[Wished], reason: str, *, patience_s: float = 0.0) -> int:
    """Leaves the wishes, waits for the answers and prints them; returns the exit code.

    Waits for some cycles and `patience_s`. The code is 8 if one of them was refused or is not answered yet.
    """
    from daemon.cli.failures import NEEDS_A_PERSON
    from daemon.domain.ledger import REFUSED
    from daemon.log import visible

    async with reading(settings) as reader:
        numbers = await _leave(reader, wanted, reason)
        cycles_s = max(_PATIENCE * settings.sync.poll_interval.total_seconds(), _AT_LEAST_S)
        deadline = time.monotonic() + cycles_s + patience_s
        for workspace in sorted({each.workspace for each in wanted}):
            ours = [number for number, each in zip(numbers, wanted, strict=True) if each.workspace == workspace]
            asks_the_erp = any(each.asks_the_erp for each in wanted)
            await _lead_if_free(settings, workspace, Answers(reader, ours, deadline), asks_the_erp=asks_the_erp)
        said = await Answers(reader, numbers, deadline).wait()
    for each, outcome in zip(wanted, said, strict=True):
        print(f"{each}: {visible(outcome or _UNANSWERED)}")
    return 0 if all(outcome and not outcome.startswith(REFUSED) for outcome in said) else NEEDS_A_PERSON


async def _leave(reader: "SqlReader", wanted: Sequence[Wished], reason: str) -> list[int]:
    name = who()
    return [
        await reader.leave_wish(each.workspace, each.what, order_id=each.order, argument=each.argument, who=name, reason=reason)
        for each in wanted
    ]


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to some wishes, waited for until a deadline of the monotonic clock."""

    reader: "SqlReader"
    numbers: Sequence[int]
    deadline: float

    async def so_far(self) -> list[str | None]:
        """None for those that nobody answered."""
        return [await self.reader.wish_outcome(number) for number in self.numbers]

    async def wait(self) -> list[str | None]:
        """As soon as all are there, or late."""
        while None in (said := await self.so_far()) and time.monotonic() < self.deadline:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_S)
        return said


async def _lead_if_free(settings: "Settings", workspace: str, answers: Answers, *, asks_the_erp: bool) -> None:
    """Where no daemon holds the workspace, this process is the daemon for a moment: for as long as a wish must wait."""
    from daemon.app.house import open_app
    from daemon.errors import WorkspaceLocked

    try:
        async with open_app(settings, only={workspace}) as app:
            for lane in app.lanes:
                await lane.fulfil(asks_the_erp=asks_the_erp)
                while None in await answers.so_far() and time.monotonic() < answers.deadline:
                    await asyncio.sleep(_LOOK_AGAIN_S)
                    await lane.fulfil(asks_the_erp=asks_the_erp)
    except WorkspaceLocked:
        return


def who() -> str:
    """Who types this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return f"uid {os.getuid()}"
