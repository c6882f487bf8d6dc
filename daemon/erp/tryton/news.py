"""What has happened to our sales since a moment, by Tryton's own stamps."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

from daemon.domain.ledger import News, NewsKind
from daemon.erp.tryton.desk import PAGE, Desk
from daemon.erp.tryton.sale import FIELDS, RANKS, read_sale
from daemon.erp.tryton.wire import Shown
from daemon.ports import Reports

#: A stamp is taken when a transaction begins, and seen when it is committed: so far behind the cursor is looked again.
_LATE = timedelta(minutes=5)
#: Of a reference that was too long for a plain key: `h` and 31 digits.
_HASHED = "h" + "_" * 31
#: Without the lines: they are many, and hardly ever matter here.
_FIELDS = ("state", "number", "untaxed_amount", "create_date", "write_date")


async def reports(desk: Desk, workspace: str, since: str | None) -> Reports:
    """State, number and end of every sale of ours that was touched since the cursor, which is the latest stamp seen."""
    news: list[News] = []
    cursor = since or ""
    async for shown in _touched(desk, workspace, _moment(since)):
        news += _told(shown, is_live=await _is_live(desk, shown))
        cursor = max(cursor, _stamp(shown).isoformat(timespec="microseconds"))
    return Reports(news, cursor)


def _moment(since: str | None) -> datetime | None:
    return datetime.fromisoformat(since).astimezone(UTC).replace(tzinfo=None) - _LATE if since else None


async def _touched(desk: Desk, workspace: str, since: datetime | None) -> AsyncIterator[Shown]:
    ours = ["OR", ["reference", "like", f"c{workspace}-%"], ["reference", "like", _HASHED]]
    stamps = [["OR", ["write_date", ">=", since], ["create_date", ">=", since]]] if since else []
    offset = 0
    while page := await desk.search("sale.sale", [ours, *stamps], _FIELDS, offset=offset, order=[["id", "ASC"]]):
        for shown in page:
            yield shown
        if len(page) < PAGE:
            return
        offset += PAGE


async def _is_live(desk: Desk, shown: Shown) -> bool:
    """A confirmed sale that comes to nothing may have been cancelled by amendments: only its lines can say."""
    if shown["state"] == "cancelled":
        return False
    if RANKS.get(shown["state"], 0) <= RANKS["quotation"] or shown["untaxed_amount"]:
        return True
    whole = await desk.get("sale.sale", shown["id"], FIELDS)
    return whole is not None and read_sale(whole).is_live


def _told(shown: Shown, *, is_live: bool) -> Iterator[News]:
    record, at, total = str(shown["id"]), _stamp(shown), shown["untaxed_amount"]
    if not is_live:
        yield News(record=record, kind=NewsKind.CANCELLED, at=at, status="cancelled")
        return
    if shown["number"]:
        yield News(record=record, kind=NewsKind.NUMBERED, at=at, number=shown["number"], total=total)
    yield News(record=record, kind=NewsKind.STATUS, at=at, status=shown["state"], total=total)


def _stamp(shown: Shown) -> datetime:
    stamp: datetime = shown["write_date"] or shown["create_date"]
    return stamp.replace(tzinfo=UTC)
