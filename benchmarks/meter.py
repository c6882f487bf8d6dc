"""What a process costs, by its own account."""

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Meter:
    """Started when it is made. CPU counts all threads of this process, the database's and the disk's included."""

    wall: float
    cpu: float

    @classmethod
    def started(cls) -> "Meter":
        return cls(time.perf_counter(), time.process_time())

    def read(self) -> dict[str, float]:
        return {"wall_s": time.perf_counter() - self.wall, "cpu_s": time.process_time() - self.cpu, "peak_mib": peak_mib()}


def peak_mib() -> float:
    """The most memory that this process ever had resident."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux hands `ru_maxrss` down from parent to child
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)
