"""The daemon's own HTTP: health for containers."""

from datetime import timedelta

import pytest
from aiohttp import ClientSession

from daemon.domain.pause import Direction
from daemon.errors import ConfigError, ErpUnavailable
from daemon.service.endpoint import Endpoint
from daemon.service.pulse import Pulse
from daemon.sync.cycle import Report


@pytest.fixture
async def endpoint():
    async with Endpoint().serving("127.0.0.1", 0) as served:
        yield served


async def get(endpoint: Endpoint, path: str) -> tuple[int, dict]:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{endpoint.port}{path}") as answer:
        return answer.status, await answer.json(content_type=None)


async def test_it_lives_before_it_is_ready(endpoint):
    """Liveness depends on no one else; readiness waits for the daemon to open."""
    assert await get(endpoint, "/healthz") == (200, {"status": "alive"})
    assert await get(endpoint, "/readyz") == (503, {"status": "starting"})


async def test_it_is_ready_when_every_workspace_is(endpoint):
    """One good cycle of each is enough."""
    pulses = [Pulse("1", timedelta(minutes=1)), Pulse("2", timedelta(minutes=1))]
    endpoint.pulses = lambda: pulses
    for pulse in pulses:
        pulse.turned(Report())

    assert await get(endpoint, "/readyz") == (200, {"status": "ready"})


async def test_it_names_who_is_not_ready_and_why(endpoint):
    """The body says which workspace and direction, without a secret."""
    pulses = [Pulse("1", timedelta(minutes=1)), Pulse("2", timedelta(minutes=1))]
    endpoint.pulses = lambda: pulses
    pulses[0].turned(Report())
    pulses[1].turned(Report(troubles={Direction.DELIVER: ErpUnavailable("no https://me:SECRET@erp")}))

    status, body = await get(endpoint, "/readyz")

    assert (status, body) == (503, {"status": "not ready", "workspaces": {"2": {"deliver": "no https://me:***@erp"}}})


async def test_a_taken_port_is_told_with_a_remedy(endpoint):
    """Two daemons on one port: the second says what to set."""
    with pytest.raises(ConfigError, match=f":{endpoint.port} cannot be listened to: Address already in use$") as caught:
        async with Endpoint().serving("127.0.0.1", endpoint.port):
            pytest.fail("it listens")

    assert caught.value.exit_code == 3
    assert "http.port" in caught.value.remedy


async def test_a_daemon_that_stands_by_is_well(endpoint):
    """Whoever looks after containers need not mend one that waits for another's death; the body says what it does."""
    pulses = [Pulse("1", timedelta(minutes=1)), Pulse("2", timedelta(minutes=1))]
    endpoint.pulses = lambda: pulses
    for pulse in pulses:
        pulse.stand_by()
    both = await get(endpoint, "/readyz")
    pulses[0].lead()
    pulses[0].turned(Report())

    assert both == (200, {"status": "standby"})
    assert await get(endpoint, "/readyz") == (200, {"status": "ready", "standby": ["2"]})


async def test_it_tells_that_the_config_file_is_not_in_force(endpoint):
    """Orders flow under the config that was read before, so it is ready, and says what is wrong, without a secret."""
    pulse = Pulse("1", timedelta(minutes=1))
    pulse.turned(Report())
    endpoint.pulses, endpoint.config_trouble = lambda: [pulse], lambda: "refused: postgresql://me:SECRET@host"

    assert await get(endpoint, "/readyz") == (200, {"status": "ready", "config": "refused: postgresql://me:***@host"})
