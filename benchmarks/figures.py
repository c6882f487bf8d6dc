"""What was measured, its medians, and how it stands beside the bars."""

import json
import os
import platform
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

Cost = dict[str, float]


@dataclass(slots=True)
class Figures:
    """Every cost of every round, by the side that had it."""

    machine: str
    began_at: str
    rounds: defaultdict[str, list[Cost]] = field(default_factory=lambda: defaultdict(list))

    def add(self, side: str, costs: list[Cost]) -> None:
        self.rounds[side] += costs
        for cost in costs:
            print(f"{side:>15}  " + _line(cost), flush=True)

    def median(self, side: str, figure: str) -> float:
        return median(cost[figure] for cost in self.rounds[side])

    def ratio(self, side: str, figure: str) -> float:
        """The median of the ratios of each round, so that a busy machine spoils single rounds only."""
        pairs = zip(self.rounds[side], self.rounds["bare"], strict=True)
        return median(ours[figure] / bare[figure] for ours, bare in pairs)

    def medians(self) -> dict[str, Cost]:
        return {side: {figure: self.median(side, figure) for figure in costs[0]} for side, costs in self.rounds.items()}

    def ratios(self) -> dict[str, Cost]:
        sides = [side for side in ("sqlite", "postgresql") if side in self.rounds]
        return {side: {figure: self.ratio(side, figure) for figure in ("wall_s", "cpu_s")} for side in sides}

    def as_json(self) -> str:
        said = {
            "machine": self.machine,
            "began_at": self.began_at,
            "medians": self.medians(),
            "ratios": self.ratios(),
            "rounds": self.rounds,
        }
        return json.dumps(said, indent=1) + "\n"

    def judge(self, *, orders: int, large: int) -> None:
        """Prints the medians, and each bar with what was measured against it."""
        print(f"\n{self.machine}\nmedians of {len(self.rounds['bare'])} rounds, {orders} orders:")
        for side, costs in self.medians().items():
            print(f"{side:>15}  {_line(costs)}")
        for side, ratios in self.ratios().items():
            print(f"{side:>15}  {ratios['wall_s']:.2f} times the bare loop's wall, {ratios['cpu_s']:.2f} times its CPU")
        bars = [
            ("wall, times the bare loop's", self.ratio("sqlite", "wall_s"), 3.0),
            (f"MiB at {orders} orders", self.median("sqlite", "peak_mib"), 120.0),
            ("ms of CPU for an idle cycle", self.median("sqlite", "idle_cpu_ms"), 3.0),
        ]
        if large:
            bars.append((f"MiB at {large} orders", self.median(f"sqlite_{large}", "peak_mib"), 200.0))
        for what, found, bar in bars:
            print(f"{'held' if found <= bar else 'MISSED':>15}  {what}: {found:.2f}, at most {bar:g}")


def _line(cost: Cost) -> str:
    return "  ".join(f"{figure} {value:.2f}" for figure, value in cost.items())


def machine() -> str:
    """Processor, cores, system, Python and load: without them a figure says little."""
    load = f", load {os.getloadavg()[0]:.1f} when it began" if hasattr(os, "getloadavg") else ""
    system = f"{platform.system()} {platform.release()}"
    return f"{_processor()}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}{load}"


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text(encoding="utf-8").splitlines() if known.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
