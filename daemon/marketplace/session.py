"""The connections to the API, shared by all workspaces of a process; one exchange at a time, judged by nobody yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self

import aiohttp
import stamina
from yarl import URL

from daemon.errors import MarketplaceUnavailable, SliceUnreadable
from daemon.marketplace.address import checked_address, proxy_for, tls_context
from daemon.marketplace.settings import MarketSettings
from daemon.marketplace.trouble import Trouble, lost

_CONNECT_TIMEOUT_S = 10.0
#: More than this of an error's text helps nobody.
_ERROR_BYTES = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request, in the words of its sender."""

    #: What it is for, to follow "refused to": its address may hold a secret and is never shown.
    what: str
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    #: Needs no login.
    public: bool = False
    #: May be sent again though the API could have done it already.
    repeatable: bool = True
    #: An answer that is cut off or too large is a matter of its slice.
    listing: bool = False
    #: What must not be quoted from the answer.
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, whatever its status; of an error, the beginning of its text."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Session:
    """An async context manager. ConfigError where the address, the certificates or the proxy cannot be used."""

    def __init__(self, settings: MarketSettings) -> None:
        self.address = checked_address(settings.base_url)
        self.host = self.address.host or ""
        self._settings = settings
        self._proxy = proxy_for(self.address)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        stamina.instrumentation.set_on_retry_hooks([])  # the transport tells its retries itself, as `api.retried`
        seconds = self._settings.timeout_s
        connector = aiohttp.TCPConnector(ssl=tls_context(self._settings.ca_file))
        self._http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"consentio-sync/{_version()}", "Accept": "application/json"},
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT_TIMEOUT_S)),
        )
        self._http._retry_connection = False  # noqa: SLF001  aiohttp would repeat a PUT by itself, a cancel too
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def url(self, path: str, query: Mapping[str, str]) -> URL:
        return URL(str(self.address).rstrip("/") + path, encoded=True).with_query(query)

    async def exchange(self, ask: Ask, url: URL, token: str | None) -> Reply:
        """Sends the request and returns the answer, redirects included; Trouble if no whole answer came."""
        if self._http is None:
            raise RuntimeError("the session is not open")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._http.request(
                ask.method,
                url,
                data=ask.body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy.url,
                proxy_headers=self._proxy.headers,
            ) as response:
                return Reply(response.status, response.headers, await self._body(ask, response))
        except (aiohttp.ClientError, OSError) as problem:
            trouble = lost(problem, host=self.host, timeout_s=self._settings.timeout_s)
        raise trouble  # out here, so that no traceback shows what aiohttp says of the address

    async def _body(self, ask: Ask, response: aiohttp.ClientResponse) -> bytes:
        """The decompressed body, counted as it comes."""
        failed = response.status >= 400
        limit = _ERROR_BYTES if failed else self._settings.max_answer_bytes
        body = bytearray()
        try:
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > limit:
                    break
            else:
                return bytes(body)
        except (aiohttp.ClientError, OSError):  # a TimeoutError too
            if not failed:
                raise _spoilt(ask, "was cut off") from None
        if failed:
            return bytes(body[:limit])
        raise _spoilt(ask, f"is larger than {limit / 2**20:g} MiB")


def _spoilt(ask: Ask, how: str) -> Trouble:
    message = f"The answer to the request to {ask.what} {how}."
    return Trouble(SliceUnreadable(message), again=False) if ask.listing else Trouble(MarketplaceUnavailable(message))


def _version() -> str:
    try:
        return version("consentio-sync")
    except PackageNotFoundError:
        return "0"
