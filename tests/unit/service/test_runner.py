"""How the daemon ends by itself."""

import asyncio

from structlog.testing import capture_logs

from daemon.errors import DatabaseError
from daemon.service.runner import _fail


async def test_what_ends_the_daemon_is_told_once():
    """Whoever tails the log sees why it ends and what to do; what other workspaces meet meanwhile adds nothing."""
    fatal = asyncio.get_running_loop().create_future()
    with capture_logs() as lines:
        _fail(fatal, DatabaseError("The disk is full", remedy="Make room"))
        _fail(fatal, DatabaseError("The disk is full still"))

    assert lines == [
        {"event": "daemon.failed", "log_level": "error", "reason": "The disk is full", "remedy": "Make room", "exit_code": 4}
    ]
    assert str(fatal.exception()) == "The disk is full"
