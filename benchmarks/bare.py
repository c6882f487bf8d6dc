"""The loop that one would write in an afternoon: the same requests and the same files, and no promise of any kind.

Nothing is remembered, flushed, retried, asked or doubted. It is what the daemon's guarantees are measured against.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.meter import Meter

_BATCH = 100

#: What a document says of an order, of a place and of a line.
_HEAD = (
    *("id", "status", "created_at", "updated_at", "closed_at", "buyer_id", "seller_id"),
    *("counterpart_id", "counterpart_id_buyer", "counterpart_id_seller"),
    *("external_id", "external_id_buyer", "external_id_seller"),
    *("external_status", "external_status_buyer", "external_status_seller"),
    *("delivery_method", "delivery_estimated_at", "pickup_estimated_at"),
)
_PLACE = ("id", "external_id", "name", "street", "postal_code", "city", "region", "country")
_LINE = (
    *("id", "product_id", "product_hash_id", "sku", "ean_code", "display_name", "origin", "amount", "unit", "price"),
    *("price_unit", "total_price", "currency", "served_amount", "served_price", "prepared"),
)
_FOOT = ("price", "currency", "weight", "weight_unit", "more_info", "is_read")


async def run(url: str, inbox: Path, listings: list[dict[str, Any]]) -> dict[str, float]:
    """Fetches every listing, writes a document for each new order, and pushes the references in batches."""
    meter = Meter.started()
    async with aiohttp.ClientSession(f"{url}/v2/partner/1/") as session:
        token = await _log_in(session)
        session.headers["Authorization"] = f"Bearer {token}"
        written: dict[str, str] = {}
        for listing in listings:
            for order in await _fetch(session, listing):
                if order["id"] not in written:
                    written[order["id"]] = _write(inbox, order)
        await _push(session, written)
    return meter.read()


async def _log_in(session: aiohttp.ClientSession) -> str:
    async with session.post("login", json={"api_key": "sk_test_sandbox"}) as answer:
        return str((await answer.json())["access_token"])


async def _fetch(session: aiohttp.ClientSession, listing: dict[str, Any]) -> Any:
    path = {"list": "order", "edited": "order/edited"}[listing["route"]]
    async with session.get(path, params=listing["query"]) as answer:
        answer.raise_for_status()
        return json.loads(await answer.read(), parse_int=str, parse_float=str)


def _write(inbox: Path, order: dict[str, Any]) -> str:
    key, now = f"c1-{order['id']}", datetime.now(UTC)
    document = {
        "schema": "consentio-sync/files/1",
        "kind": "create",
        "key": key,
        "record": key,
        "workspace": "1",
        "written_at": now.isoformat().replace("+00:00", "Z"),
        "order": _said(order),
    }
    name = f"{now:%Y%m%dT%H%M%S%fZ}-create-{order['id']}-{key}.json"
    (inbox / name).write_bytes(json.dumps(document).encode())
    return key


def _said(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer": order["counterpart_id_seller"] or order["counterpart_id"],
        **_fields(order, _HEAD),
        "deliver_to": _fields(order["deliver_to"], _PLACE) if order.get("deliver_to") else None,
        "pickup_from": _fields(order["pickup_from"], _PLACE) if order.get("pickup_from") else None,
        "lines": [_fields(line, _LINE) for line in order["items"]],
        **_fields(order, _FOOT),
    }


def _fields(record: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: None if (value := record.get(name)) == "" else value for name in names}


async def _push(session: aiohttp.ClientSession, written: dict[str, str]) -> None:
    records = [{"id": int(order), "external_id": key} for order, key in written.items()]
    for start in range(0, len(records), _BATCH):
        async with session.put("order/external", json={"orders": records[start : start + _BATCH]}) as answer:
            answer.raise_for_status()


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    (folder / "inbox").mkdir()
    listings = json.loads((folder / "listings.json").read_bytes())
    print(json.dumps(asyncio.run(run(sys.argv[1], folder / "inbox", listings))))
