"""Revisions: every distinct content of an order, as the bytes that were received."""

from collections.abc import Iterable

from sqlalchemy import bindparam, insert, select, tuple_

from daemon.domain.ledger import Revision
from daemon.store.records import as_columns, as_record, columns_of
from daemon.store.scope import THIS, WANTED, Scope, chunks
from daemon.store.tables import revisions

_OURS = select(*columns_of(revisions, Revision)).where(revisions.c.workspace == THIS)
#: The ids say again what the pairs say: by pairs alone, SQLite would read the table from end to end.
_BY_NUMBER = _OURS.where(
    revisions.c.order_id.in_(bindparam("ids", expanding=True)), tuple_(revisions.c.order_id, revisions.c.number).in_(WANTED)
)
_ADD = insert(revisions)


async def load(scope: Scope, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Revision]:
    rows = [
        row
        for pairs in chunks(wanted)
        for row in await scope.rows(_BY_NUMBER, wanted=pairs, ids=[order_id for order_id, _ in pairs])
    ]
    return {(row.order_id, row.number): as_record(Revision, row) for row in rows}


async def add(scope: Scope, found: Iterable[Revision]) -> None:
    await scope.insert(_ADD, as_columns(found))
