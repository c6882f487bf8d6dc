"""`backfill`: a stretch of the past is read again, by the running daemon, or by this command where none runs."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from daemon.cli.failures import AT_ONCE
from daemon.cli.options import AsJson, ConfigFile, InWorkspace, Reason
from daemon.domain.backfill import BACKFILL, CANCEL_BACKFILL, Span, progress_of, share_of

if TYPE_CHECKING:
    from daemon.config.settings import Settings
    from daemon.domain.ledger import Wish
    from daemon.store.questions import SqlReader

_LOOK_AGAIN_S = 0.2
#: Without a terminal a line is printed each time that so much more was read.
_LINE_EVERY = 0.1
_BAR = 1000
_VOUCH = (
    "→ If nobody typed them into the ERP: the same command with --create-older, or `consentio-sync retry ORDER` one by one.\n"
)
_LEFT_OFF = "\nLeft off. A running daemon, or the same command, goes on where it is; `consentio-sync backfill --cancel` ends it."


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day, 2026-03-01, or a moment, 2026-03-01T12:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def backfill(
    *,
    start: Annotated[str | None, typer.Option("--from", help="From this day or moment on (UTC).", callback=_moment)] = None,
    end: Annotated[str | None, typer.Option("--to", help="To this moment; now by default.", callback=_moment)] = None,
    create_older: Annotated[
        bool, typer.Option("--create-older", help="Create orders older than the start wall, too: nobody typed them in by hand.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="End the backfills that are under way.")] = False,
    config: ConfigFile = None,
    workspace: InWorkspace = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Read a stretch of the past again, however long ago.

    For what lies before the sweeps' horizon: after a long silence, or before going live. The running daemon reads a little of it
    at the end of each cycle, within its request budget; where none runs, this command reads, and the next `run` delivers. Killed
    or interrupted, it goes on where it was: by itself in the daemon, here when the same command is given again.

    Orders that are found and were created before the start wall park as `older than the start wall`, unless --create-older
    vouches for them. Exit code 8: refused, cancelled, or some of it could not be read.
    """
    from daemon.cli.starting import load_all
    from daemon.cli.wishing import Wished, wish_for, workspaces_of

    if cancel == (start is not None):
        raise typer.BadParameter("say from where, or --cancel", param_hint="--from")
    settings = load_all(config, log_level="error").settings  # a bar and a sum are told, not each order
    names = workspaces_of(settings, workspace)
    if cancel:
        wanted = [Wished(workspace=name, what=CANCEL_BACKFILL) for name in names]
        raise typer.Exit(asyncio.run(wish_for(settings, wanted, reason)))
    span = _span(start, end, create_older=create_older)
    try:
        code = asyncio.run(_backfill(settings, names, span, reason=reason, to_now=end is None, as_json=as_json))
    except KeyboardInterrupt:
        print(_LEFT_OFF, file=sys.stderr)
        code = AT_ONCE
    raise typer.Exit(code)


def _span(start: Any, end: Any, *, create_older: bool) -> Span:
    span = Span(start=start, end=end or datetime.now(UTC).replace(microsecond=0), create_older=create_older)
    if span.start >= span.end:
        raise typer.BadParameter("it ends before it begins", param_hint="--to")
    return span


async def _backfill(settings: "Settings", names: list[str], span: Span, *, reason: str, to_now: bool, as_json: bool) -> int:
    from daemon.cli.wishing import reading

    async with reading(settings) as reader:
        runs = [_Run(settings, reader, name, span=span) for name in names]
        codes = [await run.follow(reason, to_now=to_now, as_json=as_json) for run in runs]
    return max(codes)


class _Run:
    """The backfill of one workspace, from its wish to its answer."""

    def __init__(self, settings: "Settings", reader: "SqlReader", workspace: str, *, span: Span) -> None:
        self._settings = settings
        self._reader = reader
        self._workspace = workspace
        self._span = span

    async def follow(self, reason: str, *, to_now: bool, as_json: bool) -> int:
        """Leaves the wish, or finds it; tells how far it is; prints its answer. Returns the exit code."""
        number = await self._under_way(to_now=to_now) or await self._leave(reason)
        leading = asyncio.create_task(self._lead_if_free(number))
        try:
            with _telling(f"workspace {self._workspace}", quiet=as_json) as tell:
                outcome = await self._answer(number, leading, tell)
        finally:
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
        return self._print(await self._reader.wish(number), outcome, as_json=as_json)

    async def _under_way(self, *, to_now: bool) -> int | None:
        """The same backfill, if somebody asked for it already."""
        for wish in (await self._reader.undone_wishes()).get(self._workspace, ()):
            if wish.what == BACKFILL:
                other = Span.read(wish.argument)
                same_end = to_now or other.end == self._span.end
                if same_end and (other.start, other.create_older) == (self._span.start, self._span.create_older):
                    return wish.number
        return None

    async def _leave(self, reason: str) -> int:
        from daemon.cli.wishing import who

        argument = self._span.written()
        return await self._reader.leave_wish(
            self._workspace, BACKFILL, order_id=None, argument=argument, who=who(), reason=reason
        )

    async def _lead_if_free(self, number: int) -> None:
        from daemon.app.house import open_app
        from daemon.errors import WorkspaceLocked

        with suppress(WorkspaceLocked):  # a daemon runs: it reads
            async with open_app(self._settings, only={self._workspace}) as app:
                while await self._reader.wish_outcome(number) is None:
                    for lane in app.lanes:
                        await lane.read_back()

    async def _answer(self, number: int, leading: "asyncio.Task[None]", tell: Callable[[float, str], None]) -> str:
        while (outcome := await self._reader.wish_outcome(number)) is None:
            wish = await self._reader.wish(number)
            tell(share_of(wish), str(progress_of(wish)))
            if leading.done():
                leading.result()
            await asyncio.sleep(_LOOK_AGAIN_S)
        tell(1.0, "")
        return outcome

    def _print(self, wish: "Wish", outcome: str, *, as_json: bool) -> int:
        from daemon.cli.failures import NEEDS_A_PERSON
        from daemon.domain.ledger import REFUSED
        from daemon.log import visible

        progress = progress_of(wish)
        if as_json:
            found = {name: value for name, value in asdict(progress).items() if name != "position"}
            print(
                json.dumps({"workspace": self._workspace, "outcome": outcome, "position": f"{progress.position:%FT%TZ}", **found})
            )
        else:
            print(f"workspace {self._workspace}: {visible(outcome)}")
            print(_VOUCH if progress.older else "", end="")
        return NEEDS_A_PERSON if outcome.startswith(REFUSED) or progress.unread else 0


@contextmanager
def _telling(label: str, *, quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """How much was read, and what was found: a bar on a terminal, else lines now and then."""
    if quiet:
        yield lambda _share, _found: None
    elif not sys.stderr.isatty():
        yield _Lines(label).tell
    else:
        with typer.progressbar(length=_BAR, label=label, file=sys.stderr) as bar:

            def tell(share: float, found: str) -> None:
                bar.label = f"{label}: {found}" if found else bar.label
                bar.update(round(share * _BAR) - bar.pos)

            yield tell


class _Lines:
    """A line at the beginning, and whenever a good part more was read."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._next = 0.0

    def tell(self, share: float, found: str) -> None:
        if share >= self._next and share < 1:
            self._next = share + _LINE_EVERY
            print(f"{self._label}: {share:.0%}, {found}", file=sys.stderr, flush=True)
