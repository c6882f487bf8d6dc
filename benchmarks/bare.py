"""The loop that one would write in an afternoon: the same requests and the same files, and no promise of any kind.

Nothing is remembered, flushed, retried or asked. It is what the daemon's guarantees are measured against.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.meter import Meter

_BATCH = 100


async def run(url: str, inbox: Path, listings: list[dict[str, Any]]) -> dict[str, float]:
    """Fetches every listing, writes a document for each new order, and pushes the references in batches."""
    meter = Meter.started()
    async with aiohttp.ClientSession(f"{url}/v2/partner/1/") as session:
        token = await _log_in(session)
        session.headers["Authorization"] = f"Bearer {token}"
        written: dict[int, str] = {}
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
        return json.loads(await answer.read())


def _write(inbox: Path, order: dict[str, Any]) -> str:
    key = f"c1-{order['id']}"
    document = {"schema": "consentio-sync/files/1", "kind": "create", "key": key, "record": key, "workspace": "1", "order": order}
    (inbox / f"{order['created_at'].replace(':', '')}-create-{order['id']}-{key}.json").write_bytes(json.dumps(document).encode())
    return key


async def _push(session: aiohttp.ClientSession, written: dict[int, str]) -> None:
    records = [{"id": order, "external_id": key} for order, key in written.items()]
    for start in range(0, len(records), _BATCH):
        async with session.put("order/external", json={"orders": records[start : start + _BATCH]}) as answer:
            answer.raise_for_status()


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    (folder / "inbox").mkdir()
    listings = json.loads((folder / "listings.json").read_bytes())
    print(json.dumps(asyncio.run(run(sys.argv[1], folder / "inbox", listings))))
