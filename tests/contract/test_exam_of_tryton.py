"""The `tryton` adapter sits the exam, with a real server."""

import pytest

from daemon.testing.exam import AdapterExam
from tests.support.tryton_stage import TrytonStage

pytestmark = pytest.mark.tryton


@pytest.fixture(scope="module")
def clerk(tryton_server):
    """A clerk's session, for all questions: to log in takes its time."""
    return tryton_server.rpc()


class TestTryton(AdapterExam):
    @pytest.fixture
    def stage(self, tryton_server, clerk):
        with TrytonStage(tryton_server, clerk) as stage:
            yield stage


class TestDrafts:
    """What differs where sales stay drafts."""

    @pytest.fixture
    def stage(self, tryton_server, clerk):
        with TrytonStage(tryton_server, clerk, state="draft") as stage:
            yield stage

    test_number = AdapterExam.test_a_number_that_comes_later
    test_find = AdapterExam.test_find_knows_what_was_made
    test_read = AdapterExam.test_read_tells_what_create_told
    test_edit = AdapterExam.test_all_changes_at_once
    test_lost_create = AdapterExam.test_a_create_whose_answer_is_lost


class TestAmending:
    """What differs where confirmed sales are changed by amendments."""

    @pytest.fixture
    def stage(self, tryton_server, clerk):
        with TrytonStage(tryton_server, clerk, after_confirmation="amend") as stage:
            yield stage

    test_edit = AdapterExam.test_an_edit_after_confirmation
    test_line = AdapterExam.test_a_line_removed_after_confirmation
    test_cancel = AdapterExam.test_a_cancel_after_confirmation
    test_edit_too_late = AdapterExam.test_an_edit_after_the_goods_left
    test_cancel_too_late = AdapterExam.test_a_cancel_after_the_goods_left
