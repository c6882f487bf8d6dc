import pytest
from psycopg import AsyncConnection, connect

pytestmark = pytest.mark.postgres


@pytest.fixture
def another_postgres_url(postgres_server):
    """A second database on the same server."""
    with postgres_server.fresh_database() as url:
        yield url


def test_databases_are_separate(postgres_url, another_postgres_url):
    """What is written into one test's database is not seen in another's."""
    with connect(postgres_url) as one:
        one.execute("CREATE TABLE orders (id text)")

    with connect(another_postgres_url) as other:
        assert other.execute("SELECT to_regclass('orders')").fetchone() == (None,)


def test_a_dropped_database_takes_its_connections_along(postgres_server):
    """A test that forgets to close a connection does not keep its database alive."""
    with postgres_server.fresh_database() as url:
        forgotten = connect(url)
        name = forgotten.info.dbname
    forgotten.close()

    with connect(postgres_server.url()) as server:
        assert server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None


async def test_the_url_serves_the_event_loop(postgres_url):
    """The same URL is good for asynchronous code."""
    async with await AsyncConnection.connect(postgres_url) as connection:
        cursor = await connection.execute("SHOW fsync")
        assert await cursor.fetchone() == ("off",)
