"""A canary in the place of each secret, every fault, and a look into everything that the daemon says and keeps."""

import asyncio
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from daemon.sandbox import Sandbox, Workspace
from daemon.sandbox.faults import KINDS
from tests.support.process import Daemon, running, write_config
from tests.support.slow_erp import Slow
from tests.support.waiting import wait_until_sync

KEY_IN_FILE, KEY_IN_VARIABLE = "sk_live_canary_file", "sk_live_canary_variable"
ERP_PASSWORD, DATABASE_PASSWORD, PROXY_PASSWORD = "canary-of-the-erp", "canary-of-the-database", "canary-of-the-proxy"
MISSPELT = "canary-under-a-misspelt-key"
CANARIES = (KEY_IN_FILE, KEY_IN_VARIABLE, ERP_PASSWORD, DATABASE_PASSWORD, PROXY_PASSWORD, MISSPELT)

_REFUSALS = ("400", "401", "403", "404", "409", "422", "500", "503")
_FAULTS = {
    "list": (*KINDS, *_REFUSALS),
    "edited": ("422", "garbage", "truncated"),
    "external": ("401", "422", "500", "redirect", "lost_answer"),
    "login": ("401", "500", "garbage", "redirect"),
}
_MORE = f"""
[consentio.wire]
push_key = "hash_id"
[[workspaces]]
id = 124
api_key_env = "OUR_KEY"
erp = "slow"
[erp.slow]
adapter = "slow"
folder = "slow"
password = "{ERP_PASSWORD}"
"""
_HURRY = {
    "CONSENTIO_SYNC__DATABASE__AUTO_MIGRATE": "true",
    "CONSENTIO_SYNC__CONSENTIO__TIMEOUT": "1s",
    "CONSENTIO_SYNC__DELIVERY__LEASE": "1s",
    "CONSENTIO_SYNC__DELIVERY__CALL_TIMEOUT": "1s",
    "CONSENTIO_SYNC__DELIVERY__DOUBT_MARGIN": "1s",
    "CONSENTIO_SYNC__DELIVERY__BACKOFF_INITIAL": "100ms",
}


@pytest.fixture
async def box():
    async with Sandbox([Workspace(123, api_key=KEY_IN_FILE), Workspace(124, api_key=KEY_IN_VARIABLE)]) as served:
        yield served


@pytest.fixture
def tokens(box) -> list[str]:
    """Every token that the sandbox hands out."""
    issued, issue = [], box.tokens.issue

    def kept(*args, **options):
        issued.append(issue(*args, **options))
        return issued[-1]

    box.tokens.issue = kept
    return issued


async def test_no_secret_is_ever_told(tmp_path, box, tokens, database_url):
    """In stdout, stderr, database, write-ahead log, inbox and health endpoints stands no secret; the hash in the database."""
    database = database_url.replace("://postgres@", f"://postgres:{DATABASE_PASSWORD}@")
    write_config(tmp_path, box.url, more=_MORE, database=database)
    (tmp_path / "key").write_text(KEY_IN_FILE)
    erp = Slow(tmp_path, name="slow")
    erp.install()
    environ = {**_HURRY, **erp.environ, "OUR_KEY": KEY_IN_VARIABLE, "HTTPS_PROXY": f"http://user:{PROXY_PASSWORD}@127.0.0.1:9"}

    said, kept = await asyncio.to_thread(everything, tmp_path, box=box, erp=erp, database=database, environ=environ)
    shown = b"".join(path.read_bytes() for path in (tmp_path / "erp").rglob("*") if path.is_file())

    hashes = [order.hash_id for order in box.world.orders.values()]
    assert found_in(said.encode(), [*CANARIES, *tokens, *hashes]) == []
    assert found_in(shown, [*CANARIES, *tokens, *hashes]) == []
    assert found_in(kept, [*CANARIES, *tokens]) == []
    assert found_in(kept, hashes) == hashes
    assert b"failed (password ***)" in kept
    assert len(tokens) > len(_FAULTS["login"])


def found_in(content: bytes, secrets: Iterable[str]) -> list[str]:
    return [secret for secret in secrets if secret.encode() in content]


def everything(folder: Path, *, box: Sandbox, erp: Slow, database: str, environ: Mapping[str, str]) -> tuple[str, bytes]:
    """All that the program says in its worst hour, and what its database then holds."""
    said = [
        said_of(folder, "check", **environ, CONSENTIO_SYNC__ERP__SLOW__PASWORD=MISSPELT),
        said_of(folder, "check", **environ, CONSENTIO_SYNC__CONSENTIO__BASE_URL="https://consentio.invalid"),
        said_of(folder, "config", "show", **environ),
    ]
    erp.fail("check")
    with running(folder, **environ) as daemon:
        said += worst_hour(daemon, box=box, erp=erp)
        order = str(next(iter(box.world.orders)))
        said += [said_of(folder, "explain", order, "--json", **environ), said_of(folder, "status", **environ)]
        kept = content_of(database, folder)
        assert daemon.end(signal.SIGTERM) == 0
    return "\n".join([*said, daemon.text]), kept


def said_of(folder: Path, *args: str, **environ: str) -> str:
    with running(folder, *args, **environ) as command:
        command.end()
        return command.text


def worst_hour(daemon: Daemon, *, box: Sandbox, erp: Slow) -> Iterable[str]:
    """An ERP that cannot be opened, then one that breaks; meanwhile an API at which everything goes wrong once."""
    daemon.wait_for("erp.lost")
    yield str(daemon.wait_until_ready(503))
    for workspace in box.world.workspaces:
        box.world.accept(box.world.place(workspace).id)
    erp.fail("create")
    daemon.wait_for("order.in_doubt")
    erp.fail("reject")
    box.world.accept(box.world.place(124).id)
    daemon.wait_for("order.parked")
    erp.recover()
    erp.answer()
    for route, kinds in _FAULTS.items():
        for kind in kinds:
            box.faults.add(kind, route)
    wait_until_sync(lambda: nudged(box) and not box.faults.rules, timeout=90, what=f"all faults to strike: {daemon.text}")
    daemon.wait_for("doubt.settled")
    yield str(daemon.wait_until_ready())


def nudged(box: Sandbox) -> bool:
    """Faults of pushes and logins need something to push, and a login."""
    routes = {rule.route for rule in box.faults.rules}
    if "external" in routes and all(order.external_id for order in box.world.orders.values()):
        box.world.accept(box.world.place(123).id)
    if "login" in routes:
        box.tokens.revoke_all()
    return True


def content_of(database: str, folder: Path) -> bytes:
    """The bytes of the files, or every row of every table."""
    if database.startswith("sqlite"):
        return b"".join(path.read_bytes() for path in folder.glob("sync.db*"))
    with psycopg.connect(database, autocommit=True) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))).fetchall() for (name,) in tables]
    return repr(rows).encode()
