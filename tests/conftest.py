"""What every test finds: a clean environment, and databases of its own."""

import os
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

_FOREIGN = ("CONSENTIO_SYNC", "PG")
_FOREIGN_NAMES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy", "force_color", "github_actions"}


def _scrub_environment() -> None:
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.lower() in _FOREIGN_NAMES:
            del os.environ[name]


_scrub_environment()  # before anything of ours is imported: what this machine has set must not decide a test

import aioresponses.core  # noqa: E402
from aiohttp import ClientResponse  # noqa: E402

from tests.support import tryton  # noqa: E402
from tests.support.postgres import PostgresServer, running_server, server_programs  # noqa: E402
from tests.support.proxy import Proxy  # noqa: E402


class _ResponseWithWriter(ClientResponse):
    """aioresponses 0.7 does not know the argument that aiohttp 3.14 asks for."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


aioresponses.core.ClientResponse = _ResponseWithWriter


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server of this test run's own."""
    programs = server_programs()
    if programs is None:
        _do_without("PostgreSQL's server programs (initdb, postgres) are not installed", unless="REQUIRE_POSTGRES")
    with running_server(programs) as server:
        yield server


@pytest.fixture(scope="session")
def tryton_server():
    """A Tryton with a shop in it, shared by the tests of a process: each takes orders of its own."""
    try:
        with tryton.running_tryton() as server:
            yield server
    except tryton.Unavailable as reason:
        _do_without(f"no Tryton can be made: {reason}", unless="REQUIRE_TRYTON")


@pytest.fixture(scope="session")
def clerk(tryton_server):
    """A clerk's session in the shared Tryton."""
    return tryton_server.rpc()


@pytest.fixture
def tryton_proxy(tryton_server):
    """Stands before the shared Tryton and spoils what a test wants spoilt."""
    with Proxy(urlsplit(tryton_server.url).port) as proxy:
        yield proxy


@pytest.fixture
def own_tryton():
    """A Tryton for one test alone."""
    try:
        with tryton.running_tryton() as server:
            yield server
    except tryton.Unavailable as reason:
        _do_without(f"no Tryton can be made: {reason}", unless="REQUIRE_TRYTON")


def _do_without(reason: str, *, unless: str) -> None:
    if os.environ.get(unless) == "1":
        pytest.fail(f"{reason}, and {unless}=1 forbids to skip", pytrace=False)
    pytest.skip(reason)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer):
    """The URL of a new and empty PostgreSQL database, gone after the test."""
    with postgres_server.fresh_database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request, tmp_path):
    """The URL of a new and empty database: the test runs once on SQLite, once on PostgreSQL."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/sync.db"
