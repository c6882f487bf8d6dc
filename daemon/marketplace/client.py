"""The seller's order endpoints of one workspace: `ports.Marketplace` over HTTP."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from daemon.domain.order import Order
from daemon.errors import MarketplaceUnavailable, RequestRefused
from daemon.marketplace import wire
from daemon.marketplace.clock import http_date
from daemon.marketplace.session import Ask, Session
from daemon.marketplace.settings import MarketSettings
from daemon.marketplace.transport import Transport
from daemon.marketplace.words import clean
from daemon.ports import Answer, Element, Reference, Say

__all__ = ["ConsentioClient", "MarketSettings", "Session"]

_MAX_NOTICES = 100


class ConsentioClient:
    """One workspace at the API; an async context manager. It has no task and, given a `session`, no connection of its own.

    `api_key` is asked at each login. `say` is told `api.login_done`, `api.retried` and `api.drift_noticed`, once for each thing
    that the vendor's pages do not mention.
    """

    def __init__(
        self,
        settings: MarketSettings,
        workspace: str,
        *,
        api_key: Callable[[], str],
        say: Say,
        session: Session | None = None,
    ) -> None:
        used = session or Session(settings)
        self._own_session = used if session is None else None
        self._transport = Transport(used, workspace, settings=settings, api_key=api_key, say=say)
        self._wire = settings.wire
        self._say = say
        self._noticed: set[str] = set()

    async def __aenter__(self) -> Self:
        if self._own_session is not None:
            await self._own_session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.login.close()
        if self._own_session is not None:
            await self._own_session.__aexit__(kind, problem, trace)

    @property
    def request_count(self) -> int:
        """How many requests have left, retries and logins included."""
        return self._transport.request_count

    @property
    def skew(self) -> timedelta | None:
        """The API's clock less this machine's, at the last answer."""
        return self._transport.clock.skew

    async def now(self) -> datetime:
        """The API's clock; logs in when it has told no time yet."""
        if self.last_now() is None:
            await self._transport.login.token()
        return self._known_now()

    def last_now(self) -> datetime | None:
        """The API's clock without asking anyone."""
        return self._transport.clock.now()

    def _known_now(self) -> datetime:
        now = self.last_now()
        if now is None:
            raise MarketplaceUnavailable("Consentio's answers bear no Date that can be read, and windows need its clock.")
        return now

    async def list_orders(self, start: datetime, end: datetime, status: str) -> Answer:
        """One slice of one status."""
        return await self._list("list orders", wire.ORDERS, wire.listing_query(start, end, status))

    async def list_edited(self, since: datetime) -> Answer:
        """The edited list."""
        return await self._list("list edited orders", wire.EDITED, wire.edited_query(self._wire, since))

    async def _list(self, what: str, path: str, query: Mapping[str, str]) -> Answer:
        reply = await self._transport.request(Ask(what=what, method="GET", path=path, query=query, listing=True))
        date = http_date(reply.headers.get("Date")) or self._known_now()
        elements: Sequence[Element] = () if reply.status == 204 else wire.read_elements(reply.body, self._notice)
        return Answer(elements, date, hashlib.sha256(reply.body).digest())

    def _notice(self, what: str) -> None:
        if what not in self._noticed and len(self._noticed) < _MAX_NOTICES:
            self._noticed.add(what)
            self._say("api.drift_noticed", what=what)

    async def tell_references(self, references: Sequence[Reference]) -> Mapping[str, str]:
        """One PUT for all of them; those that cannot be named are refused without asking."""
        refused: dict[str, str] = {}
        sent = [reference for reference in references if self._can_name(reference, refused)]
        if not sent:
            return refused
        body = wire.external_body(self._wire, sent)
        orders = [(reference.order_id, reference.hash_id) for reference in sent]
        return refused | await self._tell("tell references", "PUT", wire.EXTERNAL, body=body, orders=orders)

    def _can_name(self, reference: Reference, refused: dict[str, str]) -> bool:
        try:
            wire.key(self._wire, reference.order_id, reference.hash_id)
        except ValueError as problem:
            refused[reference.order_id] = str(problem)
        return reference.order_id not in refused

    async def cancel_remote(self, order_id: str, hash_id: str | None, reference: Reference | None) -> None:
        """Never repeated once it may have arrived."""
        body = _named(lambda: wire.cancel_body(self._wire, order_id, hash_id=hash_id, reference=reference))
        orders = [(order_id, hash_id)]
        _raise_first(
            await self._tell("cancel an order", "PUT", wire.EXTERNAL, body=body, orders=orders, repeatable=False),
        )

    async def mark_seen(self, orders: Sequence[tuple[str, str | None]]) -> None:
        """One POST for all of them."""
        if orders:
            body = _named(lambda: wire.seen_body(self._wire, orders))
            _raise_first(await self._tell("mark edits as seen", "POST", wire.SEEN, body=body, orders=orders))

    async def _tell(
        self,
        what: str,
        method: str,
        path: str,
        *,
        body: bytes,
        orders: Sequence[tuple[str, str | None]],
        repeatable: bool = True,
    ) -> dict[str, str]:
        hashes = tuple(hash_id for _, hash_id in orders if hash_id)
        ask = Ask(what=what, method=method, path=path, body=body, repeatable=repeatable, secrets=hashes)
        reply = await self._transport.request(ask)
        try:
            refusals = wire.read_refusals(reply.body, self._wire, orders)
        except ValueError:
            raise MarketplaceUnavailable(f"The answer to the request to {what} is broken or not Consentio's.") from None
        return {order_id: clean(reason, secrets=hashes) for order_id, reason in refusals.items()}

    async def prepare(self, hash_id: str) -> None:
        """Never repeated once it may have arrived; needs no login."""
        path = wire.prepare_path(hash_id)
        ask = Ask(what="mark an order as prepared", method="POST", path=path, public=True, repeatable=False, secrets=(hash_id,))
        await self._transport.request(ask)

    def read(self, raw: bytes) -> Order:
        """The order in bytes once received."""
        return wire.read_order(raw)


def _named(body: Callable[[], bytes]) -> bytes:
    try:
        return body()
    except ValueError as problem:
        raise RequestRefused(str(problem)) from None


def _raise_first(refusals: Mapping[str, str]) -> None:
    for order_id, reason in refusals.items():
        raise RequestRefused(f"Consentio refused order {order_id}: {reason}", status=422)
