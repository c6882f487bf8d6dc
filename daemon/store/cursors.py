"""Cursors: how far each stream was read."""

from collections.abc import Mapping
from datetime import datetime

from daemon.domain.ledger import Stream
from daemon.store.records import upsert
from daemon.store.scope import Scope
from daemon.store.tables import cursors

_MOVE = upsert(cursors)


async def move(scope: Scope, positions: Mapping[Stream, datetime]) -> None:
    await scope.insert(_MOVE, {"stream": list(positions), "position": list(positions.values())})
