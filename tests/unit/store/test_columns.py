"""What goes into the database: a column of values is said as each of them would be by itself."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from daemon.domain.state import Situation
from daemon.errors import PoisonRow
from daemon.store.columns import Id, Moment, Reason, Texts, Words, one_of

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
VALUES = {
    "plain words": (Words(), ["kg", None, "", "box"]),
    "words beyond ASCII": (Words(), ["Plátano", None, "kg"]),
    "words that no database takes": (Words(), ["kg", "a\x00b", "\ud800", None]),
    "reasons": (Reason(), ["", "a\x00b", "password=hunter2 refused", None]),
    "no reasons": (Reason(), ["", "", None]),
    "ids": (Id(), ["5001", None, "5002"]),
    "texts": (Texts(), [(), ("sku:TOM", "a\x00b"), None, ()]),
    "situations": (one_of(Situation), [Situation.SETTLED, None, "parked", Situation.SETTLED]),
    "moments": (Moment(), [NOON, None, NOON.astimezone(timezone(timedelta(hours=2))), NOON + timedelta(microseconds=1), NOON]),
}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
@pytest.mark.parametrize("what", VALUES)
def test_a_column_is_said_value_by_value(what, dialect):
    """The short way for many values says what the long way says, be they clean or not."""
    kind, values = VALUES[what]
    say = kind.bind_processor(dialect)
    assert [*kind.sayer(dialect)(values)] == [*map(say, values)]


@pytest.mark.parametrize(
    ("kind", "values", "error"),
    [
        (Id(), ["5001", "a\x00b"], PoisonRow),
        (one_of(Situation), [Situation.SETTLED, "asleep"], ValueError),
        (Moment(), [NOON, NOON.replace(tzinfo=None)], PoisonRow),
    ],
)
def test_one_bad_value_among_many(kind, values, error):
    """What may not be stored is refused on the short way, too."""
    with pytest.raises(error):
        kind.sayer(sqlite.dialect())(values)
