"""The `files` adapter sits the exam, with both kinds of documents."""

import pytest

from daemon.testing.exam import AdapterExam
from tests.support.files_stage import FilesStage


class TestJson(AdapterExam):
    @pytest.fixture
    def stage(self, tmp_path):
        return FilesStage(tmp_path)


class TestCsv(AdapterExam):
    @pytest.fixture
    def stage(self, tmp_path):
        return FilesStage(tmp_path, format="csv", reference="number")
