"""Many workspaces in which nothing happens, in one process: what a cycle of each costs, and what all of them hold."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contest import CONFIG, WORKSPACE, Cost, measured
from benchmarks.market import Market

#: Short horizons, or the first sweeps of a thousand workspaces would take longer than what is measured.
_SYNC = 'near_sweep_horizon = "1h"\nwide_sweep_horizon = "1h"'


def quiet_workspaces(parent: Path, count: int) -> Cost:
    """All of them have had their first cycles when measuring begins."""
    folder = Path(tempfile.mkdtemp(prefix="quiet-", dir=parent))
    with Market(orders=0, days=1, workspaces=count).serving() as url:
        text = CONFIG.format(
            url=url,
            workspaces="\n".join(WORKSPACE.format(id=number) for number in range(1, count + 1)),
            start=datetime.now(UTC).isoformat(),
            sync=_SYNC,
            database=f"sqlite:///{folder}/sync.db",
            folder=folder,
        )
        (folder / "config.toml").write_text(text, encoding="utf-8")
        return measured("benchmarks.ours", folder, 3)
