"""The exam is examined: an ERP with one fault fails the question that is about it, and no other."""

from typing import ClassVar

import pytest

from daemon.testing.exam import QUESTIONS, AdapterExam, Stage
from tests.support.broken_erps import FAULTS
from tests.support.fake_stage import FakeStage, UniqueStage


def failed(fault):
    """The questions that an ERP fails."""
    kind = UniqueStage if fault.settings.refuses_second_key else FakeStage
    return {name for name in QUESTIONS if not passes(name, kind(fault.settings, fault.kind))}


def passes(name, stage):
    try:
        getattr(AdapterExam(), name)(stage)
    except pytest.skip.Exception:
        return True
    except (Exception, pytest.fail.Exception):  # noqa: BLE001  # however a question fails
        return False
    return True


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_noticed_where_it_belongs(fault):
    """A broken ERP fails just the questions about its fault."""
    assert failed(fault) == set(fault.noticed_by)


def test_each_question_notices_a_fault():
    """No question is asked in vain: each has a broken ERP that fails it."""
    assert sorted(QUESTIONS.keys() - {name for fault in FAULTS for name in fault.noticed_by}) == []


class HandlessStage(FakeStage):
    """A stage whose author forgot a hand, and waived another."""

    waives: ClassVar = {"clerk_ships": "nothing is shipped"}
    clerk_confirms = Stage.clerk_confirms


@pytest.mark.parametrize(
    ("name", "ends", "words"),
    [
        ("test_an_edit_after_confirmation", pytest.fail.Exception, "no hand `clerk_confirms`: write it, or say in `waives`"),
        ("test_an_edit_after_the_goods_left", pytest.skip.Exception, "waived by the stage, clerk_ships: nothing is shipped"),
        ("test_a_clerks_cancel_is_told", pytest.skip.Exception, "waived by a capability: reports is False"),
    ],
)
def test_what_is_waived_says_why(name, ends, words):
    """A hand that is missing is a failure until its author says why; what is waived is shown with the reason."""
    with pytest.raises(ends, match=words):
        getattr(AdapterExam(), name)(HandlessStage())
