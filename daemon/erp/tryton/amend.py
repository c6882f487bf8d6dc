"""Changes of a sale after its confirmation: amendments, which take back shipments and invoices that are still drafts."""

from contextlib import suppress

from daemon.erp.tryton.content import Content, ContentLine, lines_by_id
from daemon.erp.tryton.desk import Desk
from daemon.erp.tryton.rest import Lost, Refused
from daemon.erp.tryton.sale import Sale, SaleLine
from daemon.erp.tryton.wire import Shown
from daemon.errors import Conflict, ErpUnavailable

AMENDMENT = "sale.amendment"
#: By this we know amendments that we began and a crash left unvalidated.
_DESCRIPTION = "Consentio"


async def amend(desk: Desk, sale: Sale, content: Content) -> None:
    """Bring the lines to the new content. Conflict where an amendment cannot say it: an added line, another date or address."""
    held = lines_by_id(sale)
    if beyond := [
        *content.header_differences(sale),
        *(line.words for line in content.changed_lines(sale) if line.line_id not in held),
    ]:
        raise Conflict(f"{sale.name} is confirmed in Tryton, and no amendment can bring it: {', '.join(beyond)}")
    changes = [_change(held[line.line_id], line) for line in content.changed_lines(sale)]
    changes += [_removal(line) for line in content.surplus_lines(sale) if line.quantity]
    if changes:
        await _amend(desk, sale, changes)
    if comment := content.comment_change(sale):
        await desk.write("sale.sale", sale.id, comment, ["id"])


async def annul(desk: Desk, sale: Sale) -> None:
    """Bring every line to nothing: what a confirmed sale has in the place of a cancel."""
    await _amend(desk, sale, [_removal(line) for line in sale.goods if line.quantity])


async def _amend(desk: Desk, sale: Sale, lines: list[Shown]) -> None:
    await _sweep(desk, sale)
    values = {"sale": sale.id, "description": _DESCRIPTION, "lines": [["create", lines]]}
    try:
        made = await desk.create(AMENDMENT, values, ["state"])
        await desk.press(AMENDMENT, made["id"], "validate_amendment", ["state"])
    except (Refused, Conflict) as refused:
        with suppress(Refused, Lost, ErpUnavailable):
            await _sweep(desk, sale)
        raise Conflict(f"{sale.name} cannot be amended: {refused}") from None


async def _sweep(desk: Desk, sale: Sale) -> None:
    """Remove what an earlier try has left: validated later by somebody, it would bring back an old content."""
    domain = [["sale", "=", sale.id], ["state", "=", "draft"], ["description", "=", _DESCRIPTION]]
    for shown in await desk.search(AMENDMENT, domain, ["state"]):
        await desk.delete(AMENDMENT, shown["id"])


def _change(held: SaleLine, line: ContentLine) -> Shown:
    return {
        "action": "line",
        "line": held.id,
        "product": line.product,
        "unit": line.unit,
        "quantity": float(line.quantity),
        "unit_price": line.price,
    }


def _removal(held: SaleLine) -> Shown:
    return {
        "action": "line",
        "line": held.id,
        "product": held.product,
        "unit": held.unit,
        "quantity": 0.0,
        "unit_price": held.price,
    }
