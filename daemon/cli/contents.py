"""Contents as they were received, read again; and records as JSON says them."""

import dataclasses
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from daemon.domain.order import Order
from daemon.marketplace.wire import read_order

#: The hash works as a password; the raw bytes hold it.
_WITHHELD = frozenset({"hash_id", "raw"})


def content_of(raw: bytes | None) -> Order | None:
    """The order in bytes once received; None once they are pruned, or if no present rule can read them."""
    try:
        return None if raw is None else read_order(raw)
    except ValueError:
        return None


def plain(value: Any) -> Any:
    """What JSON can say of a record."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if field.name not in _WITHHELD]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else _key(value)


def _key(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
