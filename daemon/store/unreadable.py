"""Elements that are no readable order and bear no usable id, known by the digest of their bytes (A20)."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from daemon.domain.ledger import Unreadable
from daemon.store.records import upsert
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import unreadable

_KNOWN = select(unreadable.c.digest).where(unreadable.c.workspace == THIS, unreadable.c.digest.in_(WANTED))
_SEE = upsert(unreadable, change=("error", "last_seen_at"))


async def add(scope: Scope, elements: Iterable[Unreadable]) -> int:
    by_digest = {element.digest: element for element in elements}
    known = await scope.rows_among(_KNOWN, by_digest)
    await scope.insert(_SEE, _columns(by_digest))
    return len(by_digest) - len(known)


def _columns(elements: Mapping[str, Unreadable]) -> dict[str, list[object]]:
    seen: list[object] = [element.seen_at for element in elements.values()]
    return {
        "digest": list(elements),
        "raw": [element.raw for element in elements.values()],
        "error": [element.error for element in elements.values()],
        "first_seen_at": seen,
        "last_seen_at": seen,
    }
