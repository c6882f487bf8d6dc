"""A plain synchronous adapter behind the blocking wrapper sits the exam."""

import pytest

from daemon.testing import FakeErpSettings
from daemon.testing.exam import AdapterExam
from tests.support.plain_erp import PlainStage


class TestBlocking(AdapterExam):
    @pytest.fixture
    def stage(self):
        return PlainStage(FakeErpSettings(find="every", books=True, reports=True, closes_when_confirmed=True))
