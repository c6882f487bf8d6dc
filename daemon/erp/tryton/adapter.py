"""The `tryton` adapter: the port of `daemon.ports` over Tryton's REST interface."""

from dataclasses import replace
from typing import ClassVar, Self

from daemon.domain.content import Change
from daemon.domain.ledger import Kind
from daemon.domain.order import Order
from daemon.erp.tryton.book import Book
from daemon.erp.tryton.check import check, find_company
from daemon.erp.tryton.content import Content
from daemon.erp.tryton.desk import Desk
from daemon.erp.tryton.news import reports
from daemon.erp.tryton.rest import Refused, Rest
from daemon.erp.tryton.settings import TrytonSettings
from daemon.errors import AdapterError, Conflict, ErpUnavailable, OrderRejected
from daemon.ports import Capabilities, Effect, Record, Reports


class TrytonAdapter:
    """Makes one sale for each order, known by its reference; edits and cancels it as far as its state allows."""

    contract: ClassVar[int] = 1
    Settings: ClassVar[type[TrytonSettings]] = TrytonSettings
    capabilities = Capabilities(reports=True)

    def __init__(self, settings: TrytonSettings, *, workspace: str) -> None:
        may_amend = settings.after_confirmation == "amend"
        self.capabilities = replace(
            self.capabilities,
            edit_after_confirmation=may_amend,
            remove_line_after_confirmation=may_amend,
            cancel_after_confirmation=may_amend,
            numbers_later=settings.state == "draft",
        )
        self._settings = settings
        self._workspace = workspace
        self._rest = Rest(settings)
        self._book = Book(settings)
        self._company: int | None = None

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._rest.__aexit__(None, None, None)

    @property
    def identity(self) -> str:
        return self._settings.identity

    async def check(self) -> None:
        await check(self._rest, self._settings)

    async def find(self, key: str) -> Record | None:
        sale = await self._book.find(Desk(self._rest), key)
        return sale.record() if sale else None

    async def read(self, record: str) -> Record | None:
        sale = await self._book.read(Desk(self._rest), record)
        return sale.record() if sale else None

    async def create(self, order: Order, key: str) -> Record:
        desk = Desk(self._rest)
        company = await self._its_company(desk)
        try:
            return (await self._book.create(desk, order, key, company=company)).record()
        except Refused as refused:
            raise _verdict(desk, refused) from None

    async def update(self, record: str, change: Change, key: str) -> Record:  # noqa: ARG002  # the port's signature
        desk = Desk(self._rest)
        await self._its_company(desk)
        try:
            return (await self._book.update(desk, record, change.after)).record()
        except Refused as refused:
            raise _verdict(desk, refused) from None

    async def cancel(self, record: str, order: Order, key: str) -> Record:  # noqa: ARG002  # the port's signature
        desk = Desk(self._rest)
        await self._its_company(desk)
        try:
            return await self._book.cancel(desk, record)
        except Refused as refused:
            raise Conflict(f"Tryton refuses to cancel sale {record}: {refused}") from None

    async def preview(self, effect: Effect) -> str:
        desk = Desk(self._rest)
        await self._its_company(desk)
        return await self._previewed(desk, effect)

    async def reports(self, since: str | None) -> Reports:
        return await reports(Desk(self._rest), self._workspace, since)

    async def _its_company(self, desk: Desk) -> int:
        if self._company is None:
            try:
                self._company = await find_company(desk, self._settings)
            except AdapterError as error:  # nothing was sent yet, and the order is not at fault
                raise ErpUnavailable(str(error), remedy=error.remedy) from None
            # Tryton's REST reads a customer's terms and tax rule only where the context names the company.
            self._rest.use_company(self._company)
        return self._company

    async def _previewed(self, desk: Desk, effect: Effect) -> str:
        if effect.kind is Kind.CREATE:
            content = await self._book.content(desk, effect.order)
            heading = f"create a sale for order {effect.order.id} with the reference {effect.key}, as {self._settings.state}"
            return "\n  ".join([heading, *_words(content)])
        sale = await self._book.read(desk, effect.record or "")
        if sale is None or not sale.is_live:
            if effect.kind is Kind.UPDATE:
                raise Conflict(f"sale {effect.record} is cancelled or gone")
            return f"nothing to cancel of order {effect.order.id}: its sale {effect.record} is cancelled or gone"
        if effect.kind is Kind.CANCEL:
            return f"cancel {sale.name} of order {effect.order.id}, {self._book.way(sale, effect.kind)}"
        content = await self._book.content(desk, effect.order)
        if not (differences := content.differences(sale)):
            return f"nothing to change in {sale.name} of order {effect.order.id}"
        return "\n  ".join([f"change {sale.name} of order {effect.order.id}, {self._book.way(sale, effect.kind)}", *differences])


def _verdict(desk: Desk, refused: Refused) -> Exception:
    """What Tryton refused of a question, or of a second step: only before the first write is the order as it was."""
    kind = Conflict if desk.has_written else OrderRejected
    return kind(f"Tryton refuses it: {refused}")


def _words(content: Content) -> list[str]:
    return [*(line.words for line in content.lines), *content.block.splitlines()[1:]]
