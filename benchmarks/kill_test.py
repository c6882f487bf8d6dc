"""The long kill test: `make kill-test`, or for less of it `make kill-test ARGS="--orders 500 --kills 10 --database sqlite"`.

Prints where each kill landed and the figures at the end; exits with 1 if the two sides do not balance, or too few kills hit.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.kills import Account, Plan, run_kills
from tests.support.postgres import running_server, server_programs


def main() -> int:
    options = _options()
    accounts = {database: _run(database, options) for database in options.database or ["sqlite", "postgresql"]}
    for database, account in accounts.items():
        print(f"\n{database}: {account}", *account.findings, sep="\n  ")
    return 0 if all(_is_good(account, options.kills) for account in accounts.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kill_test", description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--orders-per-second", type=float, default=25.0)
    parser.add_argument("--date-filter", choices=["created", "updated", "accepted", "delivery"], default="created")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append", help="may be repeated (both)")
    return parser.parse_args()


def _run(database: str, options: argparse.Namespace) -> Account:
    with tempfile.TemporaryDirectory(prefix="consentio-kills-") as name, _url(database, Path(name)) as url:
        plan = Plan(
            name=database,
            database=url,
            date_filter=options.date_filter,
            orders=options.orders,
            kills=options.kills,
            orders_per_second=options.orders_per_second,
            patience_s=300,
            seed=options.seed,
        )
        return run_kills(plan, Path(name), _say)


@contextmanager
def _url(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder}/sync.db"
        return
    programs = server_programs()
    if programs is None:
        sys.exit("PostgreSQL's server programs (initdb, postgres) are not installed; or choose --database sqlite")
    with running_server(programs, fsync=True) as server, server.fresh_database() as url:
        yield url


def _say(line: str) -> None:
    print(line, flush=True)


def _is_good(account: Account, kills: int) -> bool:
    """A test whose kills all missed proves nothing: a third of them must have left something open."""
    return account.code == 0 and not account.findings and not account.left_open and account.with_open_rows * 3 >= kills


if __name__ == "__main__":
    sys.exit(main())
