"""The calls of one effect, and whether anything was written yet: after that, no failure may say that nothing was sent."""

from collections.abc import Iterable
from typing import Any

from daemon.erp.tryton.rest import Lost, Refused, Rest
from daemon.erp.tryton.wire import Shown, query
from daemon.errors import Conflict, ErpUnavailable

#: More than this many of anything is asked for in pages.
PAGE = 500


class Desk:
    """One effect, or one question. `ErpUnavailable` becomes `Lost` once something was written."""

    def __init__(self, rest: Rest) -> None:
        self.has_written = False
        self._rest = rest

    async def search(
        self, model: str, domain: object, fields: Iterable[str], *, limit: int = PAGE, offset: int = 0, order: object = None
    ) -> list[Shown]:
        """The records of a model that match."""
        asked = query(fields, domain, limit=limit, offset=offset, order=order)
        found: list[Shown] | None = await self._ask("GET", model, asked)
        if found is None:
            raise ErpUnavailable("Tryton has no such database", remedy="Check base_url and database.")
        return found

    async def get(self, model: str, record: int, fields: Iterable[str]) -> Shown | None:
        """One record; None when it is gone."""
        shown: Shown | None = await self._ask("GET", f"{model}/{record}", query(fields))
        return shown

    async def ask(self, path: str, body: object) -> Any:
        """A method that changes nothing."""
        return await self._ask("POST", path, (), body)

    async def create(self, model: str, values: Shown, fields: Iterable[str]) -> Shown:
        """A new record, as Tryton made it."""
        made: Shown | None = await self._send("POST", model, query(fields), values)
        if made is None:
            raise ErpUnavailable("Tryton has no such database", remedy="Check base_url and database.")
        return made

    async def write(self, model: str, record: int, values: Shown, fields: Iterable[str]) -> Shown:
        """Change a record; returned as Tryton has it now."""
        return _there(await self._send("PUT", f"{model}/{record}", query(fields), values), model, record)

    async def press(self, model: str, record: int, button: str, fields: Iterable[str]) -> Shown:
        """Press one of a record's buttons. Conflict if its state does not allow that."""
        try:
            return _there(await self._send("POST", f"{model}/{record}/{button}", query(fields), {}), model, record)
        except Refused as refused:
            raise Conflict(f"Tryton refuses to {button} it: {refused}") from None

    async def delete(self, model: str, record: int) -> None:
        """Delete a record. One that is gone is a success."""
        await self._send("DELETE", f"{model}/{record}", (), None)

    async def _ask(self, method: str, path: str, asked: Any, body: object = None) -> Any:
        try:
            return await self._rest.ask(method, path, query=asked, body=body)
        except ErpUnavailable as away:
            raise self._as_it_stands(away) from None

    async def _send(self, method: str, path: str, asked: Any, body: object) -> Any:
        try:
            answer = await self._rest.send(method, path, query=asked, body=body)
        except ErpUnavailable as away:
            raise self._as_it_stands(away) from None
        self.has_written = self.has_written or answer is not None
        return answer

    def _as_it_stands(self, away: ErpUnavailable) -> Exception:
        return Lost(f"{away}, after a part of it was done") if self.has_written else away


def _there(shown: Shown | None, model: str, record: int) -> Shown:
    if shown is None:
        raise Conflict(f"{model} {record} is gone from Tryton")
    return shown
