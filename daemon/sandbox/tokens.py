"""Access tokens: handed out at login, good for one workspace and for a while."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

_KEY = b"the sandbox guards nothing"


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _signed(head: str) -> str:
    return f"{head}.{_part(hmac.digest(_KEY, head.encode(), hashlib.sha256))}"


class Tokens:
    """The tokens in circulation. They know nothing of orders, and are forgotten when the process ends."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._live: dict[str, tuple[int, datetime]] = {}
        self._issued = 0

    def issue(self, workspace: int, *, lifetime: float, shape: Literal["jwt", "opaque"]) -> str:
        """A fresh token for this workspace, good for `lifetime` seconds; only a JWT shows its `exp`."""
        self._issued += 1
        expires = self._now() + timedelta(seconds=lifetime)
        head = {"alg": "HS256", "typ": "JWT"}
        claims = {"sub": str(workspace), "jti": str(self._issued), "exp": int(expires.timestamp())}
        token = _signed(".".join(_part(json.dumps(part).encode()) for part in (head, claims)))
        if shape == "opaque":
            token = hashlib.sha256(token.encode()).hexdigest()
        self._live[token] = (workspace, expires)
        return token

    def refusal(self, token: str, workspace: int) -> str | None:
        """Why this token does not open this workspace, or None if it does."""
        owner, expires = self._live.get(token, (None, None))
        if expires is None:
            return "the token is unknown or was revoked: log in again"
        if expires <= self._now():
            return "the token has expired: log in again"
        if owner != workspace:
            return f"the token does not belong to workspace {workspace}"
        return None

    def revoke_all(self) -> None:
        self._live.clear()
