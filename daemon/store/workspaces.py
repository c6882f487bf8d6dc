"""Workspaces: the epoch that every commit compares, the two ends of the ledger, and what the start of a cycle must know."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, exists, func, insert, select, update

from daemon.domain.state import WorkspaceState
from daemon.errors import DatabaseError, Deposed
from daemon.ports import Glance
from daemon.store.orders import AHEAD, is_due
from daemon.store.records import as_record, as_values, columns_of
from daemon.store.scope import THIS, Scope
from daemon.store.tables import ACKABLE, IN_DOUBT, UNDONE, UNHEEDED, cursors, errands, ledger, news, orders, wishes, workspaces

_COLUMNS = columns_of(workspaces, WorkspaceState)
_THIS_ONE = workspaces.c.id == THIS
_STATE = select(*_COLUMNS).where(_THIS_ONE)
_SAVE = (
    update(workspaces)
    .where(_THIS_ONE)
    .values({column.name: bindparam(f"new_{column.name}") for column in _COLUMNS if column.name != "id"})
)
_STAMP = (
    update(workspaces)
    .where(_THIS_ONE)
    .values(
        {
            name: func.coalesce(bindparam(f"new_{name}", type_=workspaces.c[name].type), workspaces.c[name])
            for name in ("collected_at", "delivered_at", "acknowledged_at", "reports_cursor")
        }
    )
)

#: Holds the row to the commit, on PostgreSQL; a person's wish, which refers to the row, may still be left meanwhile.
_EPOCH = select(workspaces.c.epoch).where(_THIS_ONE).with_for_update(key_share=True)
_RAISE_EPOCH = (
    update(workspaces)
    .where(_THIS_ONE)
    .values(
        epoch=workspaces.c.epoch + 1,
        owner=bindparam("leader"),
        led_at=bindparam("now"),
        config_trouble=bindparam("new_config_trouble", type_=workspaces.c.config_trouble.type),
    )
    .returning(workspaces.c.epoch)
)
_ADD = insert(workspaces)
_NOTE_CONFIG = update(workspaces).where(_THIS_ONE).values(config_trouble=bindparam("new_config_trouble"))

_GLANCE = (
    select(
        *_COLUMNS,
        cursors.c.stream,
        cursors.c.position,
        is_due(orders.c.due_at).label("erp_due"),
        is_due(orders.c.tell_due_at).label("tell_due"),
        # Without the id, SQLite would not see which index is meant, and read every order of the workspace.
        exists().where(orders.c.workspace == THIS, orders.c.id > "", ACKABLE).label("edited_due"),
        exists().where(wishes.c.workspace == THIS, UNDONE).label("wishes"),
        exists().where(ledger.c.workspace == THIS, IN_DOUBT).label("open_rows"),
        exists().where(news.c.workspace == THIS, UNHEEDED).label("news"),
        is_due(errands.c.due_at).label("errands"),
    )
    .select_from(workspaces.outerjoin(cursors))
    .where(_THIS_ONE)
)
_FLAGS = ("erp_due", "tell_due", "edited_due", "wishes", "open_rows", "news", "errands")


async def glance(scope: Scope, now: datetime) -> Glance:
    rows = await scope.rows(_GLANCE, now=now, far=now + AHEAD)
    if not rows:
        raise Deposed(f"Workspace {scope.workspace} is no longer in this database")
    first = rows[0]
    return Glance(
        workspace=as_record(WorkspaceState, first),
        cursors={row.stream: row.position for row in rows if row.stream},
        **{flag: bool(getattr(first, flag)) for flag in _FLAGS},
    )


async def load(scope: Scope) -> WorkspaceState:
    return as_record(WorkspaceState, (await scope.rows(_STATE))[0])


async def save(scope: Scope, state: WorkspaceState) -> None:
    values = {f"new_{name}": value for name, value in as_values(state).items() if name != "id"}
    await scope.change(_SAVE, **values)


async def stamp(scope: Scope, values: Mapping[str, datetime | str | None]) -> None:
    await scope.change(_STAMP, **{f"new_{name}": value for name, value in values.items()})


async def require_epoch(scope: Scope, epoch: int) -> None:
    """Holds the epoch to the commit; raises `Deposed` if it is another one."""
    rows = await scope.rows(_EPOCH)
    if not rows or rows[0].epoch != epoch:
        raise Deposed(f"Another daemon took workspace {scope.workspace}")


async def claim(scope: Scope, ends: WorkspaceState, *, owner: str, now: datetime, config_trouble: str = "") -> int:
    """Raises the epoch of a workspace, which is added if it is new. Raises `DatabaseError` if the ledger has other ends."""
    if not await require_ends(scope, ends):
        await scope.connection.execute(_ADD, {**as_values(ends), "epoch": 0, "owner": owner, "led_at": now})
    raised = await scope.rows(_RAISE_EPOCH, leader=owner, now=now, new_config_trouble=config_trouble)
    return int(raised[0].epoch)


async def note_config(scope: Scope, trouble: str) -> None:
    await scope.change(_NOTE_CONFIG, new_config_trouble=trouble)


async def require_ends(scope: Scope, ends: WorkspaceState) -> bool:
    """Whether the workspace is known. Raises `DatabaseError` if its ledger has other ends."""
    rows = await scope.rows(_STATE)
    if rows:
        _compare_ends(as_record(WorkspaceState, rows[0]), ends)
    return bool(rows)


def _compare_ends(stored: WorkspaceState, ends: WorkspaceState) -> None:
    differences = [
        f"{words}: this database says {old}, the configuration says {new}"
        for words, old, new in (
            ("Consentio's address", stored.api_url, ends.api_url),
            ("the ERP adapter", stored.adapter, ends.adapter),
            ("the ERP", stored.adapter_identity, ends.adapter_identity),
        )
        if old != new
    ]
    if differences:
        raise DatabaseError(
            f"The orders that this database holds for workspace {stored.id} belong to another place",
            remedy="Set the configuration back, or name another database in database.url for the new place",
            problems=differences,
        )
