"""The imitated ERPs sit the exam, one of each kind."""

import pytest

from daemon.testing import FakeErpSettings
from daemon.testing.exam import AdapterExam
from tests.support.fake_stage import FakeStage, UniqueStage

KINDS = {
    "plain": FakeErpSettings(),
    "asked for every key, in groups": FakeErpSettings(find="every", group_size=50, books=True, reports=True),
    "of unique keys": FakeErpSettings(refuses_second_key=True, reports=True, numbers_later=True),
    "closed when confirmed": FakeErpSettings(closes_when_confirmed=True, cancel_deletes=True),
    "mute": FakeErpSettings(find="nothing", read=False),
}


class TestFakes(AdapterExam):
    @pytest.fixture(params=KINDS)
    def stage(self, request):
        settings = KINDS[request.param]
        return (UniqueStage if settings.refuses_second_key else FakeStage)(settings)
