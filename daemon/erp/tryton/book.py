"""Create, update and cancel, by the sale's state: looked at before, read back after."""

from daemon.domain.ledger import Kind
from daemon.domain.order import Order
from daemon.erp.tryton.amend import amend, annul
from daemon.erp.tryton.content import Content, content_of, lines_by_id
from daemon.erp.tryton.desk import Desk
from daemon.erp.tryton.lookup import Lookup
from daemon.erp.tryton.rest import Refused
from daemon.erp.tryton.sale import FIELDS, RANKS, Sale, read_sale
from daemon.erp.tryton.settings import TrytonSettings
from daemon.errors import Ambiguous, Conflict, OrderRejected
from daemon.ports import Record

SALE = "sale.sale"


class Book:
    """The sales of one company."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._lookup = Lookup(settings)

    async def find(self, desk: Desk, key: str) -> Sale | None:
        """The sale with just this reference, in whatever state. Raises Ambiguous if there are two."""
        shown = await desk.search(SALE, [["reference", "=", key]], FIELDS, limit=5, order=[["id", "ASC"]])
        sales = [sale for sale in map(read_sale, shown) if sale.reference == key]
        if len(sales) > 1:
            raise Ambiguous(f"{' and '.join(sale.name for sale in sales)} bear the reference {key}")
        return sales[0] if sales else None

    async def read(self, desk: Desk, record: str) -> Sale | None:
        """The sale with this id; None when it is gone."""
        if not record.isdecimal():
            return None
        shown = await desk.get(SALE, int(record), FIELDS)
        return None if shown is None else read_sale(shown)

    async def content(self, desk: Desk, order: Order) -> Content:
        """The order in Tryton's words."""
        return content_of(order, await self._lookup.facts(desk, order), self._settings)

    async def create(self, desk: Desk, order: Order, key: str, *, company: int) -> Sale:
        """A new sale whose reference is the key, taken as far as the settings say."""
        content = await self.content(desk, order)
        try:
            shown = await desk.create(SALE, {**content.new(), "company": company, "reference": key}, FIELDS)
        except Refused as refused:
            raise OrderRejected(f"Tryton refuses the sale: {refused}") from None
        sale = await self._taxed(desk, _verified(read_sale(shown), content), content)
        return await self._brought(desk, sale, self._settings.state)

    async def update(self, desk: Desk, record: str, order: Order) -> Sale:
        """The sale with the order's content, whatever it held."""
        sale = await self._live(desk, record)
        content = await self.content(desk, order)
        if not content.differences(sale):
            # It may have been left in the middle: taxes come after the lines, and the quotation after the taxes.
            sale = await self._taxed(desk, sale, content) if sale.state == "draft" else sale
            return await self._brought(desk, sale, self._goal(sale))
        self._must_be_changeable(sale)
        if RANKS[sale.state] > RANKS["confirmed"]:
            await amend(desk, sale, content)
            return _verified(await self._live(desk, record), content)
        return await self._edited(desk, sale, content)

    async def cancel(self, desk: Desk, record: str) -> Record:
        """The sale cancelled; one that is cancelled or gone already is a success."""
        sale = await self.read(desk, record)
        if sale is None:
            return Record(id=record, live=False, status="cancelled")
        if sale.is_live:
            self._must_be_changeable(sale)
            sale = await self._cancelled(desk, sale)
        if sale.is_live:
            raise Conflict(f"{sale.name} stayed {sale.state}")
        return sale.record()

    def way(self, sale: Sale, kind: Kind) -> str:
        """How a live sale would be changed, in words; Conflict if it would not be."""
        self._must_be_changeable(sale)
        if RANKS[sale.state] > RANKS["confirmed"]:
            return "by an amendment" + (" of all its lines to nothing" if kind is Kind.CANCEL else "")
        return "as it is" if sale.state == "draft" or kind is Kind.CANCEL else f"by way of a draft, then as {self._goal(sale)}"

    def _must_be_changeable(self, sale: Sale) -> None:
        if sale.state not in RANKS:
            raise Conflict(f"{sale.name} is {sale.state} in Tryton, a state that this adapter does not know")
        if sale.state == "done" or sale.is_leaving:
            raise Conflict(f"{sale.name} is {'done' if sale.state == 'done' else 'being shipped'} in Tryton")
        is_somebodys = sale.state == "confirmed" and self._settings.state != "confirmed"
        if (sale.state == "processing" or is_somebodys) and self._settings.after_confirmation == "conflict":
            raise Conflict(f"{sale.name} is confirmed in Tryton (after_confirmation leaves such sales to a person)")
        if is_somebodys:
            raise Conflict(f"{sale.name} is confirmed in Tryton, which has not begun to process it: an amendment can follow then")

    def _goal(self, sale: Sale) -> str:
        """How far a sale is taken: as the settings say, and never less far than it was. One with a number was quoted before."""
        been = "quotation" if sale.number else "draft"
        return max(self._settings.state, been, sale.state, key=lambda state: RANKS[state])

    async def _live(self, desk: Desk, record: str) -> Sale:
        sale = await self.read(desk, record)
        if sale is None:
            raise Conflict(f"sale {record} is gone from Tryton")
        if not sale.is_live:
            raise Conflict(f"{sale.name} is cancelled in Tryton")
        return sale

    async def _edited(self, desk: Desk, sale: Sale, content: Content) -> Sale:
        draft = sale if sale.state == "draft" else read_sale(await desk.press(SALE, sale.id, "draft", FIELDS))
        try:
            written = read_sale(await desk.write(SALE, sale.id, content.edit(draft), FIELDS))
        except Refused as refused:
            raise await self._put_back(desk, sale, refused) from None
        written = await self._taxed(desk, _verified(written, content), content)
        return await self._brought(desk, written, self._goal(sale))

    async def _put_back(self, desk: Desk, sale: Sale, refused: Refused) -> Exception:
        """The verdict on a refused edit; the sale is what it was before, as far as that is still ours to say."""
        now = await self._live(desk, str(sale.id))
        if now.state != "draft":
            return Conflict(f"{now.name} became {now.state} in Tryton meanwhile: {refused}")
        await self._brought(desk, now, self._goal(sale))
        return OrderRejected(f"Tryton refuses the new content: {refused}")

    async def _taxed(self, desk: Desk, sale: Sale, content: Content) -> Sale:
        """Where taxes follow a rule, Tryton says which, once the lines are there; these are made anew, as in any edit."""
        if not content.asks_taxes:
            return sale
        held, dropped, made = lines_by_id(sale), [], []
        for line in content.lines:
            its = held[line.line_id]
            told = await desk.ask(f"sale.line/{its.id}/on_change", {"fieldnames": ["sale"]})
            if (due := _taxes_told(told, its.taxes)) != its.taxes:
                dropped.append(its.id)
                made.append(line.values(due))
        values = {"lines": [["delete", dropped], ["create", made]]}
        return read_sale(await desk.write(SALE, sale.id, values, FIELDS)) if made else sale

    async def _brought(self, desk: Desk, sale: Sale, goal: str) -> Sale:
        if sale.state == "draft" and goal != "draft":
            sale = read_sale(await desk.press(SALE, sale.id, "quote", FIELDS))
        if sale.state == "quotation" and RANKS[goal] > RANKS["quotation"]:
            await desk.press(SALE, sale.id, "confirm", FIELDS)
            sale = await self._live(desk, str(sale.id))  # Tryton answers "confirmed", and processes it before the next request
        if RANKS.get(sale.state, -1) < RANKS[goal]:
            raise Conflict(f"{sale.name} stayed {sale.state} in Tryton")
        return sale

    async def _cancelled(self, desk: Desk, sale: Sale) -> Sale:
        if RANKS[sale.state] > RANKS["confirmed"]:
            await annul(desk, sale)
            return await self.read(desk, str(sale.id)) or sale
        if sale.state == "confirmed":
            await desk.press(SALE, sale.id, "draft", FIELDS)
        return read_sale(await desk.press(SALE, sale.id, "cancel", FIELDS))


def _verified(sale: Sale, content: Content) -> Sale:
    if differing := content.differences(sale):
        raise Conflict(f"{sale.name} was written, and Tryton holds it otherwise: {', '.join(differing)}")
    return sale


def _taxes_told(told: object, held: frozenset[int]) -> frozenset[int]:
    """The taxes after a change that `on_change` tells: places and ids that come and go."""
    change = told.get("taxes") if isinstance(told, dict) else None
    if not isinstance(change, dict):
        return held
    gone = set(change.get("remove", ())) | set(change.get("delete", ()))
    return (held - gone) | {values["id"] for _, values in change.get("add", ())}
