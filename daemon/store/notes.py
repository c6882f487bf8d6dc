"""Notes: what happened to an order or a workspace, and what people did."""

from collections.abc import Iterable

from sqlalchemy import insert

from daemon.domain.ledger import Note
from daemon.store.records import as_columns
from daemon.store.scope import Scope
from daemon.store.tables import notes

_ADD = insert(notes)


async def add(scope: Scope, happened: Iterable[Note]) -> None:
    await scope.insert(_ADD, as_columns(happened))
