"""The CPU cores that this process may use, their SMT siblings and their frequency governor."""

import os
from pathlib import Path

_CPU = Path("/sys/devices/system/cpu")


def can_pin() -> bool:
    """Return whether this platform can pin a process to cores (Linux can, macOS cannot)."""
    return hasattr(os, "sched_setaffinity")


def usable_cores(proc: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """Return the cores that this process may keep busy: its affinity, limited to its cgroup's quota (whole cores)."""
    if not can_pin():
        return list(range(os.cpu_count() or 1))
    cores = sorted(os.sched_getaffinity(0))
    quota = cpu_quota(proc, groups)
    return cores if quota is None else cores[: max(1, int(quota))]


def cpu_quota(proc: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the CPU quota in cores that the cgroup (v1 or v2) and its parents allow, or None without a limit."""
    found = []
    for line in proc.read_text().splitlines() if proc.is_file() else []:
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            root = groups
        elif "cpu" in controllers.split(","):
            root = groups / "cpu"
        else:
            continue
        group = root / name.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            found += _quota(folder)
    return min(found, default=None)


def smt_siblings(cores: list[int], cpu: Path = _CPU) -> list[list[int]]:
    """Return the groups (two or more) of `cores` that share a physical core."""
    groups = set()
    for core in cores:
        file = cpu / f"cpu{core}/topology/thread_siblings_list"
        if file.is_file():
            together = tuple(c for c in _parse_list(file.read_text()) if c in cores)
            if len(together) > 1:
                groups.add(together)
    return [list(group) for group in sorted(groups)]


def governor(core: int, cpu: Path = _CPU) -> str | None:
    """Return a core's frequency governor, or None if it cannot be read (usual in virtual machines)."""
    file = cpu / f"cpu{core}/cpufreq/scaling_governor"
    return file.read_text().strip() if file.is_file() else None


def _quota(folder: Path) -> list[float]:
    v2 = folder / "cpu.max"
    if v2.is_file():
        quota, period = v2.read_text().split()
        return [] if quota == "max" else [int(quota) / int(period)]
    v1 = folder / "cpu.cfs_quota_us"
    if v1.is_file() and (allowed := int(v1.read_text())) > 0:
        return [allowed / int((folder / "cpu.cfs_period_us").read_text())]
    return []


def _parse_list(text: str) -> list[int]:
    """Parse `0-1,4` into 0, 1, 4."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
