"""The ledger: a row is committed before its effect and finished after it. Attempts tell how it went."""

from collections.abc import Iterable

from sqlalchemy import bindparam, insert, select, update

from daemon.domain.ledger import Attempt, LedgerRow
from daemon.store.records import as_columns, as_record, columns_of, upsert
from daemon.store.scope import THIS, WANTED, Scope
from daemon.store.tables import IN_DOUBT, attempts, ledger

_OURS = select(*columns_of(ledger, LedgerRow)).where(ledger.c.workspace == THIS)
_OPEN = _OURS.where(IN_DOUBT).order_by(ledger.c.started_at, ledger.c.key)
_BY_KEY = _OURS.where(ledger.c.key.in_(WANTED))
_SAVE = upsert(ledger)
#: What the end of an effect changes in its row.
_ENDS = ("record", "finished_at", "outcome")
_CLOSE = (
    update(ledger)
    .where(ledger.c.workspace == THIS, ledger.c.key == bindparam("this_key"))
    .values({name: bindparam(f"new_{name}", type_=ledger.c[name].type) for name in _ENDS})
)
_ADD_ATTEMPT = insert(attempts)


async def open_rows(scope: Scope) -> list[LedgerRow]:
    return [as_record(LedgerRow, row) for row in await scope.rows(_OPEN)]


async def load(scope: Scope, keys: Iterable[str]) -> dict[str, LedgerRow]:
    found = (as_record(LedgerRow, row) for row in await scope.rows_among(_BY_KEY, keys))
    return {row.key: row for row in found}


async def save(scope: Scope, rows: Iterable[LedgerRow]) -> None:
    # Finished rows first: an order's only open row makes way for its next one.
    await scope.insert(_SAVE, as_columns(sorted(rows, key=lambda row: row.is_open)))


async def close(scope: Scope, rows: Iterable[LedgerRow]) -> None:
    closed = list(rows)
    if closed:
        columns = {f"new_{name}": [getattr(row, name) for row in closed] for name in _ENDS}
        await scope.change_each(_CLOSE, {"this_key": [row.key for row in closed], **columns})


async def add_attempts(scope: Scope, tried: Iterable[Attempt]) -> None:
    await scope.insert(_ADD_ATTEMPT, as_columns(tried))
