"""The Partner API itself, without the network: one call in, one answer out."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.sandbox import asking
from daemon.sandbox.asking import STATUSES, Call, Wrong, listing
from daemon.sandbox.order import Order
from daemon.sandbox.records import External, UnknownOrder
from daemon.sandbox.tokens import Tokens
from daemon.sandbox.view import encode
from daemon.sandbox.world import World

_PUBLIC = ("login", "prepare")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, message: str) -> Answer:
    """An error as the API tells it."""
    return Answer(status, encode({"error": {"status": status, "message": message}}))


class PartnerApi:
    """The seller's five order endpoints and the login, over one market."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self.world = world
        self.tokens = tokens
        self._routes = {
            "login": self._login,
            "list": self._list,
            "edited": self._edited,
            "external": self._external,
            "seen": self._seen,
            "prepare": self._prepare,
        }

    def answer(self, call: Call) -> Answer:
        """Does what is asked, whole or not at all; whatever is wrong becomes an error in JSON."""
        try:
            if call.route not in _PUBLIC:
                self._authorize(call)
            return self._routes[call.route](call)
        except Wrong as wrong:
            return refusal(wrong.status, str(wrong))
        except UnknownOrder as unknown:
            return refusal(404, str(unknown))

    def _authorize(self, call: Call) -> None:
        if refused := self.tokens.refusal(call.bearer(), call.workspace):
            raise Wrong(refused, status=401)

    def _login(self, call: Call) -> Answer:
        call.parameters([])
        api_key = asking.keyed(call.json(), "the body", ["api_key"])["api_key"]
        workspace = self.world.workspaces.get(call.workspace)
        known = workspace is not None and isinstance(api_key, str)
        if workspace is None or not known or not _same(api_key, workspace.api_key):
            raise Wrong("the API key does not open this workspace", status=401)
        switches = self.world.switches
        token = self.tokens.issue(workspace.id, lifetime=switches.token_lifetime, shape=switches.token_shape)
        shown = {
            "id": workspace.id,
            "name": workspace.name,
            "status": "active",
            "default_currency": workspace.currency,
        }
        return Answer(
            200,
            encode({"access_token": token, "refresh_token": f"refresh-{token[-16:]}", "workspace": shown}),
        )

    def _list(self, call: Call) -> Answer:
        optional = () if self.world.switches.status_required else ("status",)
        required = ("from", "to", "kind", *(() if optional else ("status",)))
        told = call.parameters(required, optional)
        if told["kind"] != "sale":
            raise Wrong(f"kind: {told['kind']!r} is not sale, the only kind that a seller has")
        status = told.get("status")
        if status is not None and status not in STATUSES:
            raise Wrong(f"status: {status!r} is not one of {', '.join(STATUSES)}")
        since, to = asking.moment("from", told["from"]), asking.moment("to", told["to"])
        self._check_range(since, to)
        return self._listing(self._bounded(self.world.listed(call.workspace, since, to, status)))

    def _check_range(self, since: datetime, to: datetime) -> None:
        switches = self.world.switches
        if to < since:
            raise Wrong("to is before from")
        if switches.refuses_future and to > self.world.now() + timedelta(seconds=1):
            raise Wrong("to is in the future")
        if switches.max_range_days is not None and to - since > timedelta(days=switches.max_range_days):
            status = 413 if switches.too_large == "413" else 400
            raise Wrong(f"the range is longer than {switches.max_range_days:g} days", status=status)

    def _bounded(self, orders: Sequence[Order]) -> Sequence[Order]:
        switches = self.world.switches
        if switches.max_orders is None or len(orders) <= switches.max_orders:
            return orders
        if switches.too_large == "cut":
            return orders[: switches.max_orders]
        raise Wrong(f"the range holds more than {switches.max_orders} orders", status=int(switches.too_large))

    def _edited(self, call: Call) -> Answer:
        name = self.world.switches.edited_since
        since = asking.moment(name, call.parameters([name])[name])
        return self._listing(self.world.edited(call.workspace, since))

    def _listing(self, orders: Sequence[Order]) -> Answer:
        for order in orders:
            order.shown = order.version
        return Answer(200, listing(map(self.world.encoded, orders)))

    def _external(self, call: Call) -> Answer:
        call.parameters([])
        records = asking.records(call.json(), self.world.switches)
        objections = {
            place: objection
            for place, record in enumerate(records)
            if (objection := self.world.objection(call.workspace, record))
        }
        if objections and self.world.switches.external_all_or_nothing:
            raise Wrong("; ".join(objections.values()), status=422)
        good = [record for place, record in enumerate(records) if place not in objections]
        orders = self.world.external(call.workspace, good)
        errors = [self._error(records[place], objection) for place, objection in objections.items()]
        return Answer(200, encode({"orders": [_told(order) for order in orders], "errors": errors}))

    def _error(self, record: External, message: str) -> dict[str, int | str]:
        return {self.world.switches.push_key: record.key, "message": message}

    def _seen(self, call: Call) -> Answer:
        call.parameters([])
        keys = asking.keys(call.json(), self.world.switches)
        self.world.seen(call.workspace, keys)
        return Answer(200, encode({"order_ids": keys}))

    def _prepare(self, call: Call) -> Answer:
        call.parameters([])
        if call.body:
            raise Wrong("prepare takes no body")
        self.world.prepare(call.workspace, call.hash_id)
        return Answer(204)


def _told(order: Order) -> dict[str, int | str]:
    return {
        "id": order.id,
        "hash_id": order.hash_id,
        "status": order.status,
        "external_id": order.external_id,
        "external_status": order.external_status,
    }


def _same(told: str, held: str) -> bool:
    return hmac.compare_digest(told.encode(errors="replace"), held.encode())
