"""What a sale shall hold: an order in Tryton's words, compared with what a sale holds, and written as Tryton takes it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from daemon.domain.content import number_text
from daemon.domain.order import Order
from daemon.erp.mapping import MappedLine, MappedOrder, map_order
from daemon.erp.tryton.lookup import Facts
from daemon.erp.tryton.sale import Sale, SaleLine, mark
from daemon.erp.tryton.settings import TrytonSettings
from daemon.erp.tryton.wire import Shown
from daemon.errors import Conflict, OrderRejected

#: Lines keep their order when some of them are replaced.
_STEP = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentLine:
    """One line as it shall be."""

    line_id: str
    place: int
    product: int
    unit: int
    quantity: Decimal
    price: Decimal
    taxes: frozenset[int]
    words: str

    def is_in(self, line: SaleLine) -> bool:
        """Whether a line holds just this."""
        held = (line.product, line.unit, line.quantity, line.price)
        return held == (self.product, self.unit, self.quantity, self.price)

    def values(self, taxes: frozenset[int] | None = None) -> Shown:
        """As Tryton takes it, with these taxes instead of the product's own."""
        return {
            "type": "line",
            "product": self.product,
            "unit": self.unit,
            "quantity": float(self.quantity),
            "unit_price": self.price,
            "taxes": [["add", sorted(self.taxes if taxes is None else taxes)]],
            "sequence": self.place * _STEP,
            "note": mark(self.line_id),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A sale as it shall be. Only Tryton knows its taxes where `asks_taxes`."""

    order_id: str
    party: int
    currency: int | None
    invoice_address: int
    shipment_address: int
    payment_term: int | None
    sale_date: date | None
    shipping_date: date | None
    block: str
    lines: tuple[ContentLine, ...]
    asks_taxes: bool
    #: How this customer is invoiced and served, where that is not as usual.
    methods: Shown

    def new(self) -> Shown:
        """A whole new sale, as Tryton takes it, but for its reference and company."""
        says = {
            **self._header(),
            "invoice_address": self.invoice_address,
            "payment_term": self.payment_term,
            "sale_date": self.sale_date,
            "comment": self.block,
            **self.methods,
            "lines": [["create", [line.values() for line in self.lines]]],
        }
        return {name: value for name, value in says.items() if value is not None}

    def edit(self, sale: Sale) -> Shown:
        """What turns a draft into this, as Tryton takes it.

        A changed line is deleted and made anew, and at least one always is: to make a line, and nothing else, does Tryton refuse
        once a sale is no draft, so that no clerk can confirm or cancel it between our look and our write.
        """
        held, surplus = lines_by_id(sale), self.surplus_lines(sale)
        changed = self.changed_lines(sale) or list(self.lines[:1])
        dropped = [held[line.line_id].id for line in changed if line.line_id in held] + [line.id for line in surplus]
        made = [line.values() for line in changed]
        lines = [[what, items] for what, items in (("delete", dropped), ("create", made)) if items]
        return {**self._header_changes(sale), **self.comment_change(sale), "lines": lines}

    def comment_change(self, sale: Sale) -> Shown:
        """Our part of the comment; a clerk's words stay below it."""
        return {} if self.says_comment(sale) else {"comment": self.block + _clerks_words(sale.comment)}

    def _header(self) -> Shown:
        return {name: getattr(self, name) for name in ("party", "shipment_address", "shipping_date", "currency")}

    def _header_changes(self, sale: Sale) -> Shown:
        changes = {name: getattr(self, name) for name in self.header_differences(sale)}
        of_party = {"invoice_address": self.invoice_address, "payment_term": self.payment_term}
        return changes | (of_party if "party" in changes else {})

    def header_differences(self, sale: Sale) -> list[str]:
        """What a sale's header says otherwise, apart from the comment."""
        names = ("party", "shipment_address", "shipping_date", *(["currency"] if self.currency else []))
        return [name for name in names if getattr(sale, name) != getattr(self, name)]

    def says_comment(self, sale: Sale) -> bool:
        """Whether the sale bears our comment as it shall be."""
        return sale.comment.strip() == self.block + _clerks_words(sale.comment)

    def changed_lines(self, sale: Sale) -> list[ContentLine]:
        """The lines that the sale lacks, or holds otherwise."""
        held = lines_by_id(sale)
        return [line for line in self.lines if line.line_id not in held or not line.is_in(held[line.line_id])]

    def surplus_lines(self, sale: Sale) -> list[SaleLine]:
        """Lines of ours whose order's line is no longer there."""
        wanted = {line.line_id for line in self.lines}
        return [line for line in sale.ours if line.line_id not in wanted]

    def differences(self, sale: Sale) -> list[str]:
        """What the sale says otherwise, in a few words each; surplus lines of nothing do not count."""
        lines = [f"line {line.line_id} ({line.words})" for line in self.changed_lines(sale)]
        surplus = [f"line {line.line_id} (to be removed)" for line in self.surplus_lines(sale) if line.quantity]
        comment = [] if self.says_comment(sale) else ["comment"]
        return [*(name.replace("_", " ") for name in self.header_differences(sale)), *lines, *surplus, *comment]


def lines_by_id(sale: Sale) -> dict[str, SaleLine]:
    """Our lines by the order's lines that they stand for. Conflict where a clerk has copied one."""
    held = {line.line_id: line for line in sale.ours if line.line_id is not None}
    if len(held) < len(sale.ours):
        raise Conflict(f'two lines of {sale.name} bear one note "{mark("...")}": delete one of them, or its note')
    return held


def content_of(order: Order, facts: Facts, settings: TrytonSettings) -> Content:
    """The order in Tryton's words. Raises OrderRejected naming everything that Tryton lacks."""
    mapped = map_order(order, settings.mapping, facts.known)
    party = facts.parties[mapped.customer.id]
    if party.invoice_address is None or party.delivery_address is None:
        raise OrderRejected("the customer has no address in Tryton", missing=[f"address:{order.customer or '(none)'}"])
    lines = tuple(_line(place, line, facts) for place, line in enumerate(mapped.lines, start=1))
    return Content(
        order_id=order.id,
        party=party.id,
        currency=facts.currencies[mapped.currency] if mapped.currency else None,
        invoice_address=party.invoice_address,
        shipment_address=int(mapped.place.id) if mapped.place else party.delivery_address,
        payment_term=party.payment_term,
        sale_date=_sale_date(mapped, settings),
        shipping_date=mapped.due_at.date() - settings.lead if mapped.due_at else None,
        block=_block(mapped),
        lines=lines,
        asks_taxes=party.has_tax_rule or any(facts.goods[line.product.id].has_parent for line in mapped.lines),
        methods=dict(party.methods),
    )


def _sale_date(mapped: MappedOrder, settings: TrytonSettings) -> date | None:
    """The day of the order, unless it would have to be shipped before: Tryton refuses that."""
    shipped = mapped.due_at.date() - settings.lead if mapped.due_at else None
    return mapped.ordered_on if mapped.ordered_on and (shipped is None or mapped.ordered_on <= shipped) else None


def _line(place: int, mapped: MappedLine, facts: Facts) -> ContentLine:
    measured, goods = mapped.measured, facts.goods[mapped.product.id]
    name = mapped.line.sku or mapped.line.display_name or mapped.line.id
    return ContentLine(
        line_id=mapped.line.id,
        place=place,
        product=goods.id,
        unit=int(measured.unit.id),
        quantity=measured.amount,
        price=measured.price,
        taxes=frozenset(goods.taxes),
        words=f"{number_text(measured.amount)} {measured.unit.name} of {name} at {number_text(measured.price)}",
    )


def _block(mapped: MappedOrder) -> str:
    """What we say in the comment, without a blank line: a heading, the hour, the buyer's note, and what had to be rounded."""
    due, way = mapped.due_at, mapped.order.delivery_method or "delivery"
    heading = f"[Consentio order {mapped.order.id}]"
    hour = [f"{way.capitalize()}: {due:%Y-%m-%d %H:%M}"] if due else []
    note = [line.strip() for line in mapped.note.splitlines() if line.strip()]
    return "\n".join([heading, *hour, *note, *(f"Rounded: {words}" for words in mapped.roundings)])


def _clerks_words(comment: str) -> str:
    """What a clerk has written: everything below the first blank line of our comment, or all of a comment that is not ours."""
    words = comment if not comment.startswith("[Consentio order ") else comment.partition("\n\n")[2]
    return f"\n\n{words.strip()}" if words.strip() else ""
