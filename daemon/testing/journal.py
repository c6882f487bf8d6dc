"""What an imitated ERP tells by itself: a journal that is read with a cursor."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.domain.ledger import News
from daemon.ports import Reports

#: How far a reading looks back behind its cursor, for what is committed late.
LOOK_BACK = timedelta(minutes=5)


@dataclass(slots=True)
class _Line:
    news: News
    is_committed: bool


@dataclass(slots=True)
class Journal:
    """News in the order in which they were written; each can be read once its transaction is committed."""

    _lines: list[_Line] = field(default_factory=list)

    def write(self, news: News, *, committed: bool = True) -> None:
        """One line more."""
        self._lines.append(_Line(news, committed))

    def commit(self) -> None:
        """Transactions that were open for long end: their news bear the moments at which they happened."""
        for line in self._lines:
            line.is_committed = True

    def read(self, since: str | None, now: datetime) -> Reports:
        """The news since a cursor, less the look-back; the cursor is the newest moment that was read."""
        readable = [line.news for line in self._lines if line.is_committed]
        cursor = max((news.at.isoformat() for news in readable), default=since or now.isoformat())
        start = datetime.fromisoformat(since) - LOOK_BACK if since else None
        return Reports([news for news in readable if start is None or news.at >= start], cursor)
