"""One login of a workspace, shared by all who call in its name."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

#: A token is renewed that long before its end, or a tenth of its life if that is shorter.
MARGIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, the how-manieth it is, and when it is to be renewed, by the monotonic clock."""

    text: str
    generation: int
    renew_at: float | None


def lifetime_s(token: str, now: datetime | None) -> float | None:
    """How long a token is good, by its `exp` and the API's clock; None if it does not say, or says it is over already."""
    expires = _exp(token)
    if expires is None or now is None:
        return None
    left = expires - now.timestamp()
    return left if left > 0 else None


def _exp(token: str) -> float | None:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        expires = claims["exp"]
        return float(expires) if isinstance(expires, int | float) and not isinstance(expires, bool) else None
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


class Login:
    """Holds the token. However many ask for a new one at once, one login is made, and they share its failure too."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[tuple[str, float | None]]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._token: Token | None = None
        self._made = 0
        self._pending: asyncio.Task[Token] | None = None

    async def token(self, *, refused: int | None = None) -> Token:
        """A token that is worth trying, newer than the generation that the API has just refused."""
        if self._token is not None and self._is_good(self._token, refused):
            return self._token
        if self._pending is None:
            self._pending = asyncio.create_task(self._renew())
            self._pending.add_done_callback(self._done)
        return await asyncio.shield(self._pending)  # one caller's cancellation is not the others'

    def _is_good(self, token: Token, refused: int | None) -> bool:
        if refused is not None:
            return token.generation > refused
        return token.renew_at is None or self._monotonic() < token.renew_at

    async def _renew(self) -> Token:
        text, lifetime = await self._fetch()
        self._made += 1
        renew_at = None if lifetime is None else self._monotonic() + lifetime - min(MARGIN_S, lifetime / 10)
        self._token = Token(text, self._made, renew_at)
        return self._token

    def _done(self, task: asyncio.Task[Token]) -> None:
        self._pending = None
        if not task.cancelled():
            task.exception()  # looked at, even if every caller has gone

    async def close(self) -> None:
        """Ends a login that nobody waits for any more."""
        if self._pending is not None:
            self._pending.cancel()
            await asyncio.wait([self._pending])
