"""What has happened to our sales since a moment, by Tryton's own stamps."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

from daemon.domain.ledger import News, NewsKind
from daemon.erp.tryton.desk import PAGE, Desk
from daemon.erp.tryton.sale import FIELDS, Sale, read_sale
from daemon.ports import Reports

#: A stamp is taken when a transaction begins, and seen when it is committed: so far behind the cursor is looked again.
_LATE = timedelta(minutes=5)
#: Of a reference that was too long for a plain key: `h` and 31 digits.
_HASHED = "h" + "_" * 31


async def reports(desk: Desk, workspace: str, since: str | None) -> Reports:
    """State, number and end of every sale of ours that was touched since the cursor, which is the latest stamp seen."""
    sales = [sale async for sale in _touched(desk, workspace, _moment(since))]
    news = [told for sale in sales for told in _told(sale)]
    latest = max((sale.changed_at for sale in sales), default=None)
    return Reports(news, max(since or "", latest.isoformat(timespec="microseconds") if latest else ""))


def _moment(since: str | None) -> datetime | None:
    return datetime.fromisoformat(since).astimezone(UTC).replace(tzinfo=None) - _LATE if since else None


async def _touched(desk: Desk, workspace: str, since: datetime | None) -> AsyncIterator[Sale]:
    ours = ["OR", ["reference", "like", f"c{workspace}-%"], ["reference", "like", _HASHED]]
    stamps = [["OR", ["write_date", ">=", since], ["create_date", ">=", since]]] if since else []
    offset = 0
    while shown := await desk.search("sale.sale", [ours, *stamps], FIELDS, offset=offset, order=[["id", "ASC"]]):
        for sale in shown:
            yield read_sale(sale)
        if len(shown) < PAGE:
            return
        offset += PAGE


def _told(sale: Sale) -> Iterator[News]:
    record, at = str(sale.id), sale.changed_at
    if not sale.is_live:
        yield News(record=record, kind=NewsKind.CANCELLED, at=at, status="cancelled")
        return
    if sale.number:
        yield News(record=record, kind=NewsKind.NUMBERED, at=at, number=sale.number, total=sale.total)
    yield News(record=record, kind=NewsKind.STATUS, at=at, status=sale.state, total=sale.total)
