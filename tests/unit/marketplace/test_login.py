"""The login: one for all, renewed in time."""

import asyncio
import base64
import json
from datetime import UTC, datetime

import pytest

from daemon.errors import MarketplaceUnavailable
from daemon.marketplace.login import Login, lifetime_s

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def jwt(claims) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b'=').decode()}.sig"


@pytest.mark.parametrize(
    ("token", "seconds"),
    [
        (jwt({"exp": NOON.timestamp() + 600}), 600),
        (jwt({"exp": NOON.timestamp() - 600}), None),
        (jwt({"exp": "soon"}), None),
        (jwt({"exp": True}), None),
        (jwt({"exp": 10**400}), None),
        (jwt({}), None),
        (jwt([]), None),
        ("a.b.c", None),
        ("a.é.c", None),
        ("opaque", None),
        ("", None),
    ],
)
def test_lifetime(token, seconds):
    """A token's life is read from its `exp` by the API's clock; one that is no JWT, or claims to be over, has no known end."""
    assert lifetime_s(token, NOON) == seconds


class Api:
    """Issues t1, t2, ... once its gate is open."""

    def __init__(self, lifetime=None):
        self.logins = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.lifetime = lifetime
        self.error = None

    async def fetch(self):
        self.logins += 1
        await self.gate.wait()
        if self.error:
            raise self.error
        return f"t{self.logins}", self.lifetime


async def test_many_callers_share_one_login():
    """However many are refused at once, one login is made, and a late refusal of the old token makes none."""
    api = Api()
    login = Login(api.fetch)
    first = await login.token()

    renewed = await asyncio.gather(*(login.token(refused=first.generation) for _ in range(8)))
    late = await login.token(refused=first.generation)

    assert {token.text for token in (*renewed, late)} == {"t2"}
    assert api.logins == 2


async def test_many_callers_share_one_failure():
    """A login that fails fails for all who waited; the next caller tries again."""
    api = Api()
    api.error = MarketplaceUnavailable("away")
    login = Login(api.fetch)
    failures = await asyncio.gather(*(login.token() for _ in range(8)), return_exceptions=True)
    assert [type(failure) for failure in failures] == [MarketplaceUnavailable] * 8
    assert api.logins == 1

    api.error = None
    assert (await login.token()).text == "t2"


async def test_a_caller_may_leave():
    """A caller that is cancelled leaves the login to the others."""
    api = Api()
    api.gate.clear()
    login = Login(api.fetch)
    leaving, staying = asyncio.create_task(login.token()), asyncio.create_task(login.token())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    api.gate.set()
    assert (await staying).text == "t1"
    assert api.logins == 1


async def test_close_ends_a_login():
    """Closing leaves no task behind."""
    api = Api()
    api.gate.clear()
    login = Login(api.fetch)
    waiting = asyncio.create_task(login.token())
    await asyncio.sleep(0)
    await login.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(("lifetime", "good_for"), [(3600, 3540), (100, 90)])
async def test_tokens_are_renewed_in_time(lifetime, good_for):
    """A token is renewed a minute before its end, or a tenth of its life if that is shorter."""
    now = [0.0]
    api = Api(lifetime)
    login = Login(api.fetch, monotonic=lambda: now[0])
    await login.token()
    now[0] = good_for - 1
    assert (await login.token()).text == "t1"
    now[0] = good_for + 1
    assert (await login.token()).text == "t2"
