import pytest

from examples.demo_tryton import show
from tests.support.tryton_job import Plan, run_job

pytestmark = [pytest.mark.tryton, pytest.mark.slow, pytest.mark.timeout(400)]


def test_the_main_job(own_tryton, tmp_path, capsys):
    """Amid edits, cancels, a clerk's own confirmations and cancels, lost answers, an outage and kills, every order ends once in
    Tryton with its latest content, or is left to a person because a clerk was faster; Consentio knows its number and state.
    """
    account = run_job(Plan(), tmp_path, own_tryton)

    assert account.findings == []
    assert account.came_to_rest
    assert account.code == 0
    assert account.deeds["place"] == 50
    assert account.deeds["edit"] > 10
    assert account.pressed["confirm"] >= 2
    assert account.pressed["cancel"] == 2
    assert account.struck.total() >= 4
    assert sum(account.open_at_kills) >= 1, "no kill left anything in doubt"
    assert all("is confirmed in Tryton" in reason or "cancelled in " in reason for reason in account.left.values())

    show(account)  # as `make demo-tryton` does
    assert capsys.readouterr().out.endswith("\nBoth sides balance.\n")
