"""Flushing: every file by itself, or the file system as a whole."""

import itertools

import pytest

from daemon.erp.files import flush


@pytest.fixture
def flushed(monkeypatch):
    """What was flushed; nothing is, in truth."""
    done = []
    monkeypatch.setattr(flush, "_flush_one", done.append)
    monkeypatch.setattr(flush, "_flush_file_system", lambda descriptor: done.append("all"))
    return done


def test_few_are_flushed_each(tmp_path, flushed):
    """Each of a few files is flushed, once, however often it is named."""
    with flush.flushing(tmp_path) as flush_now:
        flush_now(["a", "b", "a"] * flush.FEW)
    assert sorted(flushed) == ["a", "b"]


def test_many_are_flushed_at_once(tmp_path, flushed):
    """Many files are flushed as one, without naming them all."""
    names = (str(number) for number in itertools.count())
    with flush.flushing(tmp_path) as flush_now:
        flush_now(itertools.islice(names, 500))
    assert flushed == ["all"]
    assert next(names) == str(flush.FEW + 1)
