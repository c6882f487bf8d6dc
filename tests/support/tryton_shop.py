"""A shop for Tryton that sells what the imitated market trades in: company, taxes, produce, customers, and the import user."""

import secrets
from decimal import Decimal
from typing import Any

from daemon.sandbox.catalogue import BUYERS, PRODUCTS
from daemon.sandbox.order import Buyer, Product
from tests.support.tryton_rpc import Rpc


def password() -> str:
    return secrets.token_urlsafe(16)


def mapping() -> dict[str, Any]:
    """What the daemon's config must say of this shop: produce priced per kilo is sold by the kilo, all else by the piece."""
    return {
        "time_zone": "Europe/Madrid",
        "units": {"unit": "u"},
        "contents": {sku: {"box": _content(product)} for sku, product in PRODUCTS.items() if product.unit == "box"},
    }


def set_up(rpc: Rpc, admin_password: str) -> dict[str, Any]:
    """Fills an empty database, and returns the ids and secrets that tests need."""
    rpc.log_in("admin", admin_password)
    company, currency = _company(rpc)
    accounts = _chart(rpc, company)
    tax, export = _taxes(rpc, company)
    goods = _category(rpc, accounts, tax)
    term = _payment_term(rpc)
    for product in PRODUCTS.values():
        _product(rpc, product, goods)
    for buyer in BUYERS.values():
        _customer(rpc, buyer, term, rule=export if buyer.counterpart_id == "C-0148" else None)
    key = _import_user(rpc, company)
    return {
        "admin_password": admin_password,
        "key": key,
        "company": company,
        "currency": currency,
        "tax": tax,
        "term": term,
    }


def _content(product: Product) -> str:
    return {"kg": f"{product.weight} kg", "unit": f"{product.pieces} u"}.get(product.price_unit, "1 u")


def _company(rpc: Rpc) -> tuple[int, int]:
    euro = rpc.create(
        "currency.currency", name="Euro", code="EUR", numeric_code="978", symbol="€", rounding=Decimal("0.01"), digits=2
    )
    owner = rpc.create("party.party", name="Huerta Ejido SL", addresses=[["create", [{"city": "El Ejido"}]]])
    company = rpc.create("company.company", party=owner, currency=euro, timezone="Europe/Madrid")
    rpc.call("res.user", "write", [1], {"companies": [["add", [company]]], "company": company})
    rpc.context["company"] = company
    return company, euro


def _chart(rpc: Rpc, company: int) -> dict[str, int]:
    """The chart of accounts that Tryton brings, through its wizard."""
    template = rpc.search("account.account.template", ["parent", "=", None], limit=1)[0]
    wizard, *_ = rpc.call("account.create_chart", "create", kind="wizard")

    def step(name: str, **values: Any) -> None:
        states = {"account": {"company": company, "account_template": template}, **values}
        rpc.call("account.create_chart", "execute", wizard, states, name, kind="wizard")

    step("create_account")
    kinds = ("receivable", "payable", "revenue", "expense")
    accounts = {kind: _account(rpc, company, kind) for kind in kinds}
    properties = {f"account_{kind}": accounts[kind] for kind in kinds[:2]}
    step("create_properties", properties={"company": company, **properties})
    rpc.call("account.create_chart", "delete", wizard, kind="wizard")
    return accounts


def _account(rpc: Rpc, company: int, kind: str) -> int:
    needs_party = kind in {"receivable", "payable"}
    domain = [
        [f"type.{kind}", "=", True],
        ["company", "=", company],
        ["closed", "!=", True],
        ["party_required", "=", needs_party],
    ]
    return rpc.search("account.account", *domain, limit=1)[0]


def _taxes(rpc: Rpc, company: int) -> tuple[int, int]:
    """The usual tax, and a rule by which customers abroad pay another one."""
    domain = [
        ["company", "=", company],
        ["type.statement", "=", "balance"],
        ["closed", "!=", True],
        ["party_required", "=", False],
    ]
    account = rpc.search("account.account", *domain, limit=1)[0]

    def tax(name: str, rate: str) -> int:
        accounts = {"invoice_account": account, "credit_note_account": account}
        return rpc.create(
            "account.tax", name=name, description=name, type="percentage", rate=Decimal(rate), company=company, **accounts
        )

    usual, none = tax("IVA 4%", "0.04"), tax("Intra-EU 0%", "0")
    rule = rpc.create(
        "account.tax.rule",
        name="Intra-EU",
        kind="sale",
        company=company,
        lines=[["create", [{"origin_tax": usual, "tax": none}]]],
    )
    return usual, rule


def _category(rpc: Rpc, accounts: dict[str, int], tax: int) -> int:
    booked = {"account_revenue": accounts["revenue"], "account_expense": accounts["expense"]}
    return rpc.create("product.category", name="Produce", accounting=True, customer_taxes=[["add", [tax]]], **booked)


def _payment_term(rpc: Rpc) -> int:
    line = {"type": "remainder", "relativedeltas": [["create", [{"days": 30}]]]}
    return rpc.create("account.invoice.payment_term", name="30 days", lines=[["create", [line]]])


def _product(rpc: Rpc, product: Product, category: int) -> None:
    unit = rpc.search("product.uom", ["symbol", "=", "kg" if product.price_unit == "kg" else "u"], limit=1)[0]
    ean = {"identifiers": [["create", [{"type": "ean", "code": product.ean_code}]]]}
    rpc.create(
        "product.template",
        name=product.display_name,
        code=product.sku,
        type="goods",
        default_uom=unit,
        salable=True,
        sale_uom=unit,
        list_price=product.price,
        account_category=category,
        products=[["create", [ean]]],
    )


def _customer(rpc: Rpc, buyer: Buyer, term: int, *, rule: int | None) -> None:
    address = buyer.address
    office = {"street": f"Oficina, {address.street}", "postal_code": address.postal_code, "city": address.city, "invoice": True}
    dock = {
        "party_name": address.external_id,
        "street": address.street,
        "postal_code": address.postal_code,
        "city": address.city,
        "delivery": True,
    }
    rpc.create(
        "party.party",
        name=address.name,
        identifiers=[["create", [{"type": None, "code": buyer.counterpart_id}]]],
        customer_payment_term=term,
        customer_tax_rule=rule,
        addresses=[["create", [office, dock]]],
    )


def _import_user(rpc: Rpc, company: int) -> str:
    """The daemon's own user, with the rights that it needs and no more, and its key."""
    groups = rpc.search("res.group", ["name", "in", ["Sales", "Sale Amendment"]])
    user = rpc.create(
        "res.user",
        name="Order import",
        login="orderimport",
        password=password(),
        companies=[["add", [company]]],
        company=company,
        groups=[["add", groups]],
    )
    return application_key(rpc, user)


def application_key(rpc: Rpc, user: int) -> str:
    """A new key by which a program acts as this user."""
    made = rpc.create("res.user.application", user=user, application="rest")
    return rpc.call("res.user.application", "read", [made], ["key"])[0]["key"]
