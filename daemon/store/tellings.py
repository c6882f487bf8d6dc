"""What is to be told of orders, and what was: parts of their rows, read and written past all the rest of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select, update

from daemon.domain.state import Tellable, Told
from daemon.store.orders import AHEAD
from daemon.store.recall import Seen
from daemon.store.records import as_columns, as_record, columns_of
from daemon.store.scope import THIS, Scope
from daemon.store.tables import orders

_OURS = select(*columns_of(orders, Tellable)).where(orders.c.workspace == THIS)


def _first(is_due: ColumnElement[bool]) -> Select[Any]:
    return _OURS.where(is_due).order_by(orders.c.tell_due_at).limit(bindparam("limit"))


_COME, _TOO_FAR = _first(orders.c.tell_due_at <= bindparam("now")), _first(orders.c.tell_due_at > bindparam("far"))
_NAMES = tuple(column.name for column in columns_of(orders, Told) if column.name != "id")
_SAVE = (
    update(orders)
    .where(orders.c.workspace == THIS, orders.c.id == bindparam("this_id"))
    .values({name: bindparam(f"new_{name}", type_=orders.c[name].type) for name in _NAMES})
)


async def tellable(scope: Scope, now: datetime, limit: int) -> list[Tellable]:
    rows = [*await scope.rows(_COME, now=now, limit=limit)]
    if len(rows) < limit:
        rows += await scope.rows(_TOO_FAR, far=now + AHEAD, limit=limit - len(rows))
    return [as_record(Tellable, row) for row in rows]


async def save(scope: Scope, seen: Seen, told: Sequence[Told]) -> None:
    columns = as_columns(told)
    if columns:
        ids = columns.pop("id")
        await scope.change_each(_SAVE, {"this_id": ids, **{f"new_{name}": values for name, values in columns.items()}})
        seen.lose(ids)
