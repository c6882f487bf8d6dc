"""A market without a network, and a clock that only moves by hand."""

from datetime import UTC, datetime

import pytest

from daemon.sandbox import Clock, Workspace, World

MONDAY = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    """Monday, six in the morning, until it is advanced."""
    return Clock(lambda: MONDAY)


@pytest.fixture
def world(clock):
    """Two workspaces without orders."""
    return World([Workspace(123), Workspace(456)], seed=7, clock=clock)
