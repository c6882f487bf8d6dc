"""The stage of the `tryton` adapter: a real server, a clerk's session, and a proxy that spoils what a question wants spoilt."""

from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar
from urllib.parse import urlsplit

from daemon.domain.order import Address
from daemon.erp.tryton import TrytonAdapter
from daemon.testing.exam import Held, Stage
from tests.support.proxy import Proxy
from tests.support.tryton import Tryton
from tests.support.tryton_orders import MANGOS, settings, some_order
from tests.support.tryton_rpc import Rpc

_WRITES = {"create": "POST .*sale.sale[?]", "update": "PUT .*sale.sale/", "cancel": "POST .*/cancel[?]"}
_SALE = ("state", "comment", "shipping_date", "party", "shipment_address")
_LINE = ("product.code", "quantity", "unit.symbol", "unit_price", "note")


class TrytonStage(Stage):
    waives: ClassVar = {}

    def __init__(self, server: Tryton, clerk: Rpc, **fields: object) -> None:
        self.secrets = (server.key,)
        self._server, self._fields = server, fields
        self._clerk = clerk
        self._proxy = Proxy(urlsplit(server.url).port)
        self._order = some_order(price=Decimal("270.80"))

    def __enter__(self):
        self._proxy.open()
        return self

    def __exit__(self, *exc):
        self._proxy.close()

    def adapter(self, workspace="123"):
        return TrytonAdapter(settings(self._server, base_url=self._proxy.url, **self._fields), workspace=workspace)

    def order(self, order_id):
        return replace(self._order, id=order_id)

    def held(self, record):
        found = self._clerk.read("sale.sale", _SALE, ["id", "=", int(record)])
        if not found:
            return None
        (sale,) = found
        lines = [line for line in self._clerk.read("sale.line", _LINE, ["sale", "=", int(record)]) if line["quantity"]]
        says = [
            (line["note"], line["product."]["code"], line["quantity"], line["unit."]["symbol"], line["unit_price"])
            for line in lines
        ]
        return Held(
            live=sale["state"] != "cancelled" and bool(lines),
            lines=sorted(says),
            note=(sale["comment"] or "").partition("\n")[2],
            header=(sale["shipping_date"], sale["party"], sale["shipment_address"]),
        )

    def everything(self):
        rpc = self._clerk
        sales = rpc.read("sale.sale", ["state", "write_date"])
        return sales, rpc.search("sale.line"), rpc.search("party.party"), rpc.search("sale.amendment")

    def other_line(self):
        return MANGOS

    def other_address(self):
        return Address(street="Oficina, Carrer de la Marina 101", postal_code="08018", city="Barcelona")

    def unknown(self, order):
        first, *others = order.lines
        strange = replace(order, counterpart_id_seller="C-9999", lines=(replace(first, sku="NOPE"), *others))
        return strange, ["customer:C-9999", "product:NOPE"]

    def double(self, order, key):
        company = {"company": self._server.facts["company"], "currency": self._server.facts["currency"]}
        self._clerk.create("sale.sale", party=2, reference=key, **company)

    def clerk_cancels(self, record):
        self._press("cancel", record)

    def clerk_deletes(self, record):
        self._press("cancel", record)
        self._press("delete", record)

    def clerk_confirms(self, record):
        if self._clerk.read("sale.sale", ["state"], ["id", "=", int(record)])[0]["state"] == "draft":
            self._press("quote", record)
        self._press("confirm", record)

    def clerk_ships(self, record):
        self.clerk_confirms(record)
        shipments = self._clerk.read("sale.sale", ["shipments"], ["id", "=", int(record)])[0]["shipments"]
        for button in ("assign_force", "pick"):
            self._clerk.call("stock.shipment.out", button, shipments)

    def clerk_numbers(self, record):
        self._press("quote", record)
        return self._clerk.read("sale.sale", ["number"], ["id", "=", int(record)])[0]["number"]

    @contextmanager
    def away(self):
        self._proxy.close()
        yield
        self._proxy.open()

    @contextmanager
    def lose_answer(self, effect):
        self._proxy.fault("lost", _WRITES[effect])
        yield
        self._proxy.clear()

    def _press(self, button, record):
        self._clerk.call("sale.sale", button, [int(record)])
