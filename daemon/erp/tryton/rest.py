"""One exchange with Tryton's REST interface: what was sent, what came back, and what a failure means for us."""

import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
from yarl import URL

from daemon.domain.secrecy import hide
from daemon.erp.tryton.settings import TrytonSettings
from daemon.erp.tryton.wire import context, decoded, encoded
from daemon.errors import AdapterError, ErpUnavailable

_CONNECT_TIMEOUT_S = 10.0
#: A refused key is not sent again for so long, unless its file or variable holds another one: Tryton slows down who guesses.
_REFUSAL_S = 300.0
_MOST_WORDS = 300
_OVERLOADED = 429
#: Answers of proxies and of a server that ends: to a question they mean "later", to anything else that nobody knows.
_AWAY = (502, 503, 504)
_KEY_REMEDY = (
    "In Tryton, open the preferences of the import user (or Administration > Users > User Applications), add an application of "
    "the kind REST, validate it, and put its key where `key_file`, `key_env` or `key` says."
)


class Refused(Exception):
    """Tryton understood the request and said no; nothing was written."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class KeyRefused(ErpUnavailable):
    """Tryton takes no key, or not this one; nothing was done."""

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy=_KEY_REMEDY)


class Lost(Exception):
    """Nobody knows whether it was done: the connection broke, the answer came too late, or the server failed."""


class Failed(Exception):
    """Tryton met an error of its own. It rolls back then, but that is its word only."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    is_json: bool
    body: bytes


class Rest:
    """An async context manager: the connections to one Tryton, each used for one request."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._root = URL(settings.base_url)
        self._http: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._refused: tuple[str, float] | None = None

    async def __aenter__(self) -> Self:
        seconds = self._settings.timeout_s
        # No connection is used twice: on one that the server has meanwhile closed, nobody could tell what had arrived.
        connector = aiohttp.TCPConnector(ssl=self._tls(), force_close=True)
        self._http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, _CONNECT_TIMEOUT_S)),
        )
        self._http._retry_connection = False  # noqa: SLF001  aiohttp would repeat a PUT by itself
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    def use_company(self, company: int) -> None:
        """From now on in the name of this company."""
        self._headers["X-Tryton-Context"] = context({"company": company})

    async def ask(self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: object = None) -> Any:
        """A request that changes nothing. ErpUnavailable however it is lost; `Refused`, or None where there is no such record."""
        try:
            return self._judged(await self._exchange(method, self._url(path), query, body))
        except Lost as lost:
            raise ErpUnavailable(str(lost)) from None

    async def send(self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), body: object = None) -> Any:
        """A request that changes something. ErpUnavailable only if nothing was done; `Lost` if nobody knows; `Refused`."""
        return self._judged(await self._exchange(method, self._url(path), query, body))

    async def version(self) -> str | None:
        """Tryton's series, such as 8.0; None where it cannot be learnt."""
        for path in ("rpc/", ""):
            call = {"id": 0, "method": "common.server.version", "params": []}
            try:
                reply = await self._exchange("POST", self._root / path, (), call, key="")
                if reply.status == 200 and reply.is_json:
                    return str(decoded(reply.body)["result"])
            except (Lost, ValueError, KeyError, TypeError):
                continue
        return None

    def _url(self, path: str) -> URL:
        return self._root / self._settings.database / "rest" / "model" / path

    async def _exchange(
        self, method: str, url: URL, query: Sequence[tuple[str, str]], body: object, *, key: str | None = None
    ) -> Reply:
        if self._http is None:
            raise RuntimeError("the connections are not open")
        key = self._key() if key is None else key
        headers = {**self._headers, "Accept": "application/json", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        data = None if body is None else encoded(body)
        try:
            async with self._http.request(
                method, url.with_query(query), data=data, headers=headers, allow_redirects=False
            ) as answer:
                reply = Reply(answer.status, answer.content_type == "application/json", await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise self._lost(problem) from None
        if reply.status == 401 and key:
            self._refused = (key, time.monotonic() + _REFUSAL_S)
            raise KeyRefused("Tryton refuses the key (HTTP 401)")
        return reply

    def _key(self) -> str:
        try:
            key = self._settings.read_key()
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or "it is no text"
            raise KeyRefused(f"Tryton's key cannot be read: {why}") from None
        if not key:
            raise KeyRefused("Tryton's key is empty")
        hide(key)
        if self._refused and self._refused[0] == key and time.monotonic() < self._refused[1]:
            raise KeyRefused("Tryton refuses the key (HTTP 401)")
        return key

    def _judged(self, reply: Reply) -> Any:
        status = reply.status
        if status == 404:
            return None
        if 200 <= status < 300:
            return self._read(reply)
        if status == _OVERLOADED:
            raise ErpUnavailable("Tryton asks for patience (HTTP 429)")
        if 300 <= status < 400:
            raise ErpUnavailable(
                f"{self._root.host} redirects (HTTP {status}); nothing was sent there",
                remedy="Set base_url to the address where Tryton itself answers.",
            )
        if 400 <= status < 500:
            raise Refused(_words(reply), status=status)
        if status in _AWAY:
            raise Lost(f"Tryton, or what stands before it, answered with HTTP {status}")
        raise Failed(f"Tryton failed (HTTP {status}); its log says why")

    def _read(self, reply: Reply) -> Any:
        if reply.status == 204 or not reply.body:
            return {}
        try:
            return decoded(reply.body)
        except ValueError:
            raise Lost(f"the answer of {self._root.host} is no JSON: something other than Tryton answers") from None

    def _tls(self) -> ssl.SSLContext:
        tls = ssl.create_default_context()
        if self._settings.ca_file is not None:
            try:
                tls.load_verify_locations(self._settings.ca_file)
            except OSError as problem:  # ssl.SSLError too
                why = problem.strerror or "it holds no certificates"
                raise AdapterError(
                    f"ca_file {self._settings.ca_file} cannot be used: {why}", remedy="Name a readable file in PEM format."
                ) from None
        return tls

    def _lost(self, problem: Exception) -> Exception:
        host = f"{self._root.host}:{self._root.port}"
        if isinstance(problem, aiohttp.ClientConnectorCertificateError):
            return ErpUnavailable(
                f"the certificate of {host} is not trusted",
                remedy="Check base_url; name the authority that signed it in ca_file.",
            )
        if isinstance(problem, aiohttp.ClientConnectorError):
            return ErpUnavailable(f"{host} cannot be reached: {problem.os_error.strerror or type(problem).__name__}")
        if isinstance(problem, aiohttp.ConnectionTimeoutError):
            return ErpUnavailable(f"{host} cannot be reached: the connection took too long")
        if isinstance(problem, TimeoutError):
            return Lost(f"{host} did not answer within {self._settings.timeout_s:g} s")
        return Lost(f"the connection to {host} broke before the answer was whole")


def _words(reply: Reply) -> str:
    """Tryton's message and description; never its page of HTML, nor the domain that it may add."""
    try:
        said: Mapping[str, Any] = decoded(reply.body) if reply.is_json else {}
        words = ". ".join(str(said[part]).strip(". \n") for part in ("message", "description") if said.get(part))
    except (ValueError, AttributeError, TypeError):
        words = ""
    words = " ".join(words.split())
    if not words:
        return f"HTTP {reply.status}"
    return words if len(words) <= _MOST_WORDS else words[: _MOST_WORDS - 1] + "…"
