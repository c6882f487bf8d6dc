"""What the daemon costs, beside a bare loop that promises nothing; see README.md for the words to the figures.

python -m benchmarks.run [--rounds 8] [--orders 20000] [--quick]: prints medians and writes `benchmarks/last.json`.
"""

import argparse
import gc
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contest import Contest
from benchmarks.figures import Figures, machine
from benchmarks.market import Market
from benchmarks.quiet import quiet_workspaces
from tests.support.postgres import running_server, server_programs

_HERE = Path(__file__).parent
_DAYS = 20


def main() -> None:
    options = _options()
    figures = Figures(machine=machine(), began_at=datetime.now(UTC).isoformat(timespec="seconds"))
    with _folder(options.folder) as folder:
        _contest(figures, options, folder)
        if options.large:
            contest = Contest(Market(orders=options.large, days=_DAYS), folder)
            figures.add(f"sqlite_{options.large}", [contest.ours(idle_cycles=10)])
            gc.unfreeze()
        if options.workspaces:
            figures.add(f"quiet_{options.workspaces}", [quiet_workspaces(folder, options.workspaces)])
    (_HERE / "last.json").write_text(figures.as_json(), encoding="utf-8")
    figures.judge(orders=options.orders, large=options.large)


def _contest(figures: Figures, options: argparse.Namespace, folder: Path) -> None:
    """Ours and the bare loop in turn, beginning with either; then PostgreSQL against the same bare loop."""
    contest = Contest(Market(orders=options.orders, days=_DAYS), folder)
    with _postgres(enabled=options.postgres) as database:
        for number in range(options.rounds):
            for name, side in contest.sides(number, database):
                figures.add(name, [side()])
    gc.unfreeze()


@contextmanager
def _postgres(*, enabled: bool) -> Iterator[str | None]:
    programs = server_programs() if enabled else None
    if programs is None:
        yield None
        return
    with running_server(programs, fsync=True) as server, server.fresh_database() as url:
        yield url


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    """On a real disk, where a flush means something; removed at the very end, as ext4 is slow where much was just removed."""
    parent = chosen or _HERE.parent / "build"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=8, help="how often each side runs (%(default)s)")
    add("--orders", type=int, default=20_000, help="how many orders wait (%(default)s)")
    add("--large", type=int, default=100_000, help="how many in the one run for memory, 0 for none (%(default)s)")
    add("--workspaces", type=int, default=1000, help="how many quiet workspaces in one process, 0 for none (%(default)s)")
    add("--folder", type=Path, help="where to write, on the disk to be measured (build/)")
    add("--no-postgres", dest="postgres", action="store_false", help="SQLite alone")
    add("--quick", action="store_true", help="one round of 2,000 orders and 20 workspaces, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.orders, options.large, options.workspaces = 1, 2_000, 0, 20
    return options


if __name__ == "__main__":
    main()
