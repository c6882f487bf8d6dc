"""A caller of the Partner API that says exactly what a test tells it to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import loads
from typing import Any, Self

from aiohttp import ClientSession, ClientTimeout, TCPConnector

WIDE = {"from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return loads(self.text)


class Caller:
    """Calls one workspace's routes, each over a connection of its own."""

    def __init__(self, url: str, *, workspace: int = 123, timeout: float = 10.0) -> None:
        self.token: str | None = None
        self._base = f"{url}/v2/partner/{workspace}"
        self._session = ClientSession(connector=TCPConnector(force_close=True), timeout=ClientTimeout(total=timeout))
        # aiohttp repeats a GET or PUT by itself once when the connection breaks, which would hide a fault;
        # this is how its own test client forbids it.
        self._session._retry_connection = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= options.pop("headers", {})
        url = f"{self._base}/{path}"
        async with self._session.request(method, url, headers=headers, allow_redirects=False, **options) as response:
            return Answer(response.status, response.headers, await response.text())

    async def login(self, api_key: str = "sk_test_sandbox") -> Answer:
        answer = await self.call("POST", "login", json={"api_key": api_key})
        self.token = answer.json.get("access_token")
        return answer

    async def orders(self, **params: str) -> Answer:
        return await self.call("GET", "order", params={"kind": "sale", **params})

    async def edited(self, since: str = "2020-01-01T00:00:00Z", *, name: str = "from") -> Answer:
        return await self.call("GET", "order/edited", params={name: since})

    async def external(self, records: Sequence[dict[str, Any]]) -> Answer:
        return await self.call("PUT", "order/external", json={"orders": records})

    async def seen(self, ids: Sequence[int]) -> Answer:
        return await self.call("POST", "order/seen", json={"order_ids": ids})
