"""The world with a real marketplace side: the sandbox and the real client, over HTTP, and still the test's own time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from daemon.marketplace.client import ConsentioClient, MarketSettings
from daemon.marketplace.clock import ApiClock
from daemon.sandbox import Sandbox, Switches
from daemon.sync.way import Rules
from tests.support.world import World

KEY = "sk_test_sandbox"


@asynccontextmanager
async def sandboxed(url: str, *, erp: Any = None, **switches: Any) -> AsyncIterator[tuple[World, Sandbox]]:
    """A world that has not started yet, and the sandbox that it talks to; everything that is placed there is to be delivered."""
    w = World(url)
    w.rules = Rules(start_from=w.clock.now() - timedelta(days=60))
    w.erp = erp or w.erp
    async with Sandbox(clock=w.clock.now, switches=Switches(**switches)) as box, _client(box, w) as client:
        w.market = client
        try:
            yield w, box
        finally:
            await w.stop()


def _client(box: Sandbox, w: World) -> ConsentioClient:
    settings = MarketSettings(base_url=box.url, requests_per_second=0, timeout_s=5.0)
    client = ConsentioClient(settings, "123", api_key=lambda: KEY, say=lambda *_, **__: None)
    client._transport.clock = ApiClock(monotonic=w.clock.monotonic, local=w.clock.now)
    client._transport.login._monotonic = w.clock.monotonic
    return client
