"""What people ask, and what they wish. Needs no leadership, and disturbs none."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from daemon.domain.ledger import Wish
from daemon.domain.state import Situation
from daemon.errors import OrderUnknown, PoisonRow
from daemon.store import gaps, listing, overview, story, wishes
from daemon.store.address import parse_address
from daemon.store.engine import Engine
from daemon.store.gaps import Waiting
from daemon.store.listing import Page, Which
from daemon.store.overview import WorkspaceOverview
from daemon.store.schema import require_current
from daemon.store.scope import Scope
from daemon.store.story import Found, Story


@asynccontextmanager
async def open_reader(url: str) -> AsyncIterator["SqlReader"]:
    """The database for people's questions. Raises `DatabaseError` if it is not there or has another schema."""
    await require_current(url, auto_migrate=False)
    engine = Engine(parse_address(url))
    try:
        yield SqlReader(engine)
    finally:
        await engine.close()


class SqlReader:
    """A database, asked by people; every method may raise `StoreUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def overview(self) -> list[WorkspaceOverview]:
        """Every workspace, by id."""
        async with self._engine.reading() as connection:
            return await overview.overview(connection)

    async def list_orders(
        self, *, workspace: str | None = None, situation: Situation | None = None, limit: int = 100
    ) -> list[Found]:
        """The oldest orders, by workspace."""
        async with self._engine.reading() as connection:
            return await story.list_orders(connection, workspace=workspace, situation=situation, limit=limit)

    async def orders(self, which: Which, *, sort: str, limit: int) -> Page:
        """The first `limit` orders of those that are looked for; see `listing.page`."""
        async with self._engine.reading() as connection:
            return await listing.page(connection, which, sort=sort, limit=limit)

    async def gaps(self) -> tuple[list[Waiting], Mapping[tuple[str, str], datetime]]:
        """Every order that waits for keys, and since when each key, by workspace and key, is known to be missing."""
        async with self._engine.reading() as connection:
            return await gaps.waiting(connection), await gaps.since(connection)

    async def find_orders(self, name: str, *, workspace: str | None = None) -> list[Found]:
        """The orders with this id, hash, ERP record or reference."""
        async with self._engine.reading() as connection:
            return await story.find(connection, name, workspace=workspace)

    async def one_order(self, name: str, *, workspace: str | None = None) -> Found:
        """Raises `OrderUnknown` unless exactly one order goes by this name."""
        async with self._engine.reading() as connection:
            return await story.one(connection, name, workspace=workspace)

    async def story(self, name: str, *, workspace: str | None = None) -> Story:
        """Raises `OrderUnknown` unless exactly one order goes by this name."""
        async with self._engine.reading() as connection:
            return await story.story(connection, name, workspace=workspace)

    async def leave_wish(
        self, workspace: str, what: str, *, order_id: str | None, who: str, reason: str, argument: str = ""
    ) -> int:
        """Leaves a command for the daemon that leads the workspace. Returns its number."""
        made_at = datetime.now(UTC)
        wish = Wish(number=0, what=what, order_id=order_id, who=who, reason=reason, made_at=made_at, argument=argument)
        try:
            async with self._engine.writing() as connection:
                return await wishes.make(Scope(connection, workspace), wish)
        except PoisonRow:
            unknown = f"Workspace {workspace} is not in this database"
            raise OrderUnknown(unknown, remedy="Check its id; a new one is added by the first start") from None

    async def wish(self, number: int) -> Wish:
        """As it was left, and how far it has come."""
        async with self._engine.reading() as connection:
            return await wishes.one(connection, number)

    async def undone_wishes(self) -> Mapping[str, Sequence[Wish]]:
        """Those that no daemon answered yet, by workspace, oldest first."""
        async with self._engine.reading() as connection:
            return await wishes.undone_of_all(connection)

    async def wish_outcome(self, number: int) -> str | None:
        """What the daemon answered; None until it does."""
        async with self._engine.reading() as connection:
            return await wishes.outcome(connection, number)
