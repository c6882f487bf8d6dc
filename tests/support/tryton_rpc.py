"""The other way into Tryton, with a clerk's session: JSON-RPC, by the standard library alone."""

import base64
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

#: This machine asks itself, whatever proxy it has.
_OPENER = build_opener(ProxyHandler({}))


class Fault(Exception):
    """Tryton said no."""


class Rpc:
    """One session; `call` names a method of a model."""

    def __init__(self, url: str, database: str) -> None:
        self.context: dict[str, Any] = {}
        self._url, self._database = url, database
        self._session = ""

    def version(self) -> str:
        return self._post("/rpc/", "common.server.version", [])

    def log_in(self, login: str, password: str) -> None:
        user, token, *_ = self._post(self._path, "common.db.login", [login, {"password": password}])
        self._session = "Session " + base64.b64encode(f"{login}:{user}:{token}".encode()).decode()
        told = self.call("res.user", "get_preferences", True)
        self.context = {name: told[name] for name in ("company", "language") if told.get(name)}

    def call(self, model: str, method: str, *params: Any, kind: str = "model") -> Any:
        """The context is always the last of the parameters."""
        return self._post(self._path, f"{kind}.{model}.{method}", [*params, self.context])

    def create(self, model: str, **values: Any) -> int:
        return self.call(model, "create", [values])[0]

    def search(self, model: str, *domain: Sequence[Any], limit: int | None = None) -> list[int]:
        return self.call(model, "search", list(domain), 0, limit, [["id", "ASC"]])

    def read(self, model: str, fields: Sequence[str], *domain: Sequence[Any]) -> list[dict[str, Any]]:
        return self.call(model, "search_read", list(domain), 0, None, [["id", "ASC"]], list(fields))

    @property
    def _path(self) -> str:
        return f"/{self._database}/rpc/"

    def _post(self, path: str, method: str, params: list[Any]) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_encode).encode()
        headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        request = Request(self._url + path, body, headers | ({"Authorization": self._session} if self._session else {}))
        with _OPENER.open(request, timeout=30) as answer:
            zipped = answer.headers.get("Content-Encoding") == "gzip"  # Tryton says so of all that is long, asked for or not
            said = json.loads(gzip.decompress(answer.read()) if zipped else answer.read(), object_hook=_decode)
        if said.get("error"):
            kind, detail, *_ = said["error"]
            raise Fault(f"{kind}: {detail[:2] if isinstance(detail, list) else detail}")
        return said["result"]


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(type(value))


def _decode(shown: dict[str, Any]) -> Any:
    parts = {name: value for name, value in shown.items() if name != "__class__"}
    match shown.get("__class__"):
        case "Decimal":
            return Decimal(shown["decimal"])
        case "date":
            return date(**parts)
        case "datetime":
            return datetime(**parts, tzinfo=UTC)
        case _:
            return shown
