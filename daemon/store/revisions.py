"""Revisions: every distinct content of an order, as the bytes that were received."""

from collections.abc import Iterable

from sqlalchemy import insert, select, tuple_

from daemon.domain.ledger import Revision
from daemon.store.records import as_record, as_values, columns_of
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import revisions

_OURS = select(*columns_of(revisions, Revision)).where(revisions.c.workspace == THIS)
_BY_NUMBER = _OURS.where(tuple_(revisions.c.order_id, revisions.c.number).in_(WANTED))
_ADD = insert(revisions)


async def load(scope: Scope, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Revision]:
    found = (as_record(Revision, row) for row in await scope.rows_among(_BY_NUMBER, wanted))
    return {(revision.order_id, revision.number): revision for revision in found}


async def add(scope: Scope, found: Iterable[Revision]) -> None:
    await scope.insert(_ADD, map(as_values, found))
