"""A store to begin a test with, and what is put into it."""

from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import UTC, datetime, timedelta

from daemon.domain.ledger import Kind, LedgerRow, Revision
from daemon.domain.state import OrderState, Situation
from daemon.store.database import open_database
from daemon.store.schema import migrate

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ENDS = {"api_url": "https://api.example", "adapter": "files", "adapter_identity": "/srv/inbox"}


async def lead(database, workspace="7", **ends):
    return await database.lead(workspace, **{**ENDS, **ends}, now=NOW)


@asynccontextmanager
async def led_store(url, workspace="7"):
    """Yields the store of a workspace in a new database."""
    await migrate(url)
    async with open_database(url) as database:
        yield await lead(database, workspace)


def an_order(order_id="1", **changes) -> OrderState:
    return OrderState(id=order_id, hash_id=None, created_at=NOW, **changes)


def a_full_order() -> OrderState:
    """An order in which no field has its default, and no two fields are equal, as far as their types allow."""
    values = {field.name: _unusual(field, number) for number, field in enumerate(fields(OrderState), start=1)}
    return OrderState(**{**values, "situation": Situation.PARKED, "missing": ("product:TOM", "customer:Ñ")})


def _unusual(field, number):
    if "datetime" in str(field.type):
        return NOW + timedelta(days=number, microseconds=number)
    if "bool" in str(field.type):
        return True
    return number if "int" in str(field.type) else f"{field.name} ñ {number}"


def a_revision(order_id="1", number=1, **changes) -> Revision:
    values = {"digest": "d", "digest_version": 1, "status": "accepted", "source_updated_at": NOW, "found_in": "accepted"}
    return Revision(order_id=order_id, number=number, **{**values, "recorded_at": NOW, "raw": b"\x00\xff{}", **changes})


def a_row(key="k1", order_id="1", *, kind=Kind.CREATE, **changes) -> LedgerRow:
    values = {"revision": 1, "incarnation": 1, "record": None, "owner": "me", "started_at": NOW}
    return LedgerRow(key=key, order_id=order_id, kind=kind, **{**values, **changes})
