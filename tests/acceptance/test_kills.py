from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.support.kills import Plan, run_kills

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def databases(request, tmp_path):
    """Makes the URL of an empty database for each name."""
    with ExitStack() as stack:

        def make(name):
            if request.param == "sqlite":
                return f"sqlite:///{tmp_path}/{name}/sync.db"
            return stack.enter_context(request.getfixturevalue("postgres_server").fresh_database())

        yield make


@pytest.mark.parametrize(
    ("databases", "readings"),
    [
        ("sqlite", ["created", "accepted"]),
        pytest.param("postgresql", ["updated", "delivery"], marks=pytest.mark.postgres),
    ],
    indirect=["databases"],
)
def test_nothing_is_lost_or_doubled_by_kills(tmp_path, databases, readings):
    """Under each reading of the date filter, killed ten times amid edits, late acceptances, cancels and faults, the daemon brings
    every order into the ERP once and with its latest content, tells its reference, and marks as seen only what the ERP had.
    """
    plans = [Plan(name=reading, date_filter=reading, database=databases(reading)) for reading in readings]
    with ThreadPoolExecutor(len(plans)) as pool:
        for account in pool.map(lambda plan: run_kills(plan, tmp_path / plan.name), plans):
            check(account)


def check(account):
    assert account.findings == []
    assert account.left_open == []
    assert account.code == 0
    assert account.deeds["place"] == 300
    assert account.with_open_rows >= 3
    assert account.inside_cycles >= 7
