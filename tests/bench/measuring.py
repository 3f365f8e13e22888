"""Wall and CPU time of other processes, their memory, what the disk needs to keep a byte, and which machine this is."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from connector.model import JsonObject

_PROBES = 100
_LOOPS = 1_000_000
_PAGE = b"\0" * 4096


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Memory that a process occupies now (VmRSS)."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no memory any more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """What one durable write takes here, in milliseconds."""

    median: float
    worst: float

    def __str__(self) -> str:
        return f"fdatasync {self.median:.2f} ms (median of {_PROBES}, worst {self.worst:.2f})"


def probe_disk(folder: Path) -> Disk:
    """100 times: write a page, wait until it is kept."""
    handle = os.open(folder / "probe", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    took: list[float] = []
    try:
        for _ in range(_PROBES):
            start = time.perf_counter()
            os.write(handle, _PAGE)
            os.fdatasync(handle)
            took.append((time.perf_counter() - start) * 1000)
    finally:
        os.close(handle)
        (folder / "probe").unlink()
    return Disk(median=statistics.median(took), worst=max(took))


def probe_speed() -> float:
    """CPU milliseconds of a fixed piece of Python. Neighbours on the same core slow every CPU second down; this says
    how much: compare it between two runs before comparing anything else.
    """
    begin, total = time.process_time(), 0
    for number in range(_LOOPS):
        total += number & 7
    return (time.process_time() - begin) * 1000


def machine() -> JsonObject:
    """Where these figures come from."""
    cores = len(os.sched_getaffinity(0))
    return {
        "processor": _processor(),
        "cores": cores,
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the others does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def need_linux() -> None:
    """CPU of other processes is read from /proc."""
    if not sys.platform.startswith("linux"):
        sys.exit("the bench reads /proc, so it needs Linux")
