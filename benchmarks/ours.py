"""The daemon's side, a process of its own: cycles over the real wiring, until nothing is left to do; then some idle ones."""

import asyncio
import json
import sys
from pathlib import Path

from benchmarks.meter import Meter, peak_mib
from daemon.app.house import App, Lane, open_app
from daemon.cli.starting import load_all, spare_the_memory
from daemon.config.settings import Settings


async def run(settings: Settings, *, idle_cycles: int) -> dict[str, float]:
    """Everything that waits is carried over; then every workspace has its idle cycles, one after the other."""
    meter = Meter.started()
    async with open_app(settings) as app:
        for lane in app.lanes:
            await _drain(lane)
        figures = meter.read()
        return {**figures, **await _idle(app, idle_cycles)}


async def _drain(lane: Lane) -> None:
    while True:
        report = await lane.cycle()
        if report.troubles:
            raise RuntimeError(f"cut off: {report.troubles}")
        if not report.tally:
            return


async def _idle(app: App, cycles: int) -> dict[str, float]:
    lanes = [lane for _ in range(cycles) for lane in app.lanes]
    meter = Meter.started()
    for lane in lanes:
        await lane.cycle()
    cost = meter.read()
    count = max(1, len(lanes))
    return {
        "idle_cycles": cycles,
        "idle_wall_ms": cost["wall_s"] * 1e3 / count,
        "idle_cpu_ms": cost["cpu_s"] * 1e3 / count,
        "end_mib": peak_mib(),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with (folder / "log").open("w", encoding="utf-8") as log:
        settings = load_all(folder / "config.toml", logs=log).settings
        spare_the_memory()
        print(json.dumps(asyncio.run(run(settings, idle_cycles=int(sys.argv[2])))))
