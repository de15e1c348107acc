"""The agent's processes as the kernel sees them: who there is, what they cost, what they may."""
from __future__ import annotations

import re
import resource
from pathlib import Path

SPAWNER = "beyla-spawn"
PROCESSOR = "beyla-proc"


def children(pid: int) -> list[int]:
    """Of all its threads; none when it has ended."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    return [pid] + [descendant for child in children(pid) for descendant in family(child)]


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""


def named(pid: int, name: str) -> int | None:
    """The process of that name among those that descend from `pid`."""
    return next((member for member in family(pid)[1:] if name_of(member) == name), None)


def tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def cpu_seconds(*pids: int) -> float:
    """Time on a CPU of all threads, to the nanosecond; /proc/PID/stat only counts ticks of 10 ms."""
    return sum(int((task / "schedstat").read_text().split()[0]) for pid in pids for task in tasks(pid)) / 1e9


def voluntary_switches(*pids: int) -> int:
    statuses = [(task / "status").read_text() for pid in pids for task in tasks(pid)]
    return sum(int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)$", status, re.MULTILINE)[0]) for status in statuses)


def resident_bytes(*pids: int) -> int:
    """The sum; a page that two of them share counts twice."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * resource.getpagesize()


def memory_of(pid: int) -> dict[str, int]:
    """Bytes by field: Rss, Pss (a page that two processes share counts half for each), Private_Dirty and so on."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {field: 1024 * int(value) for field, value in re.findall(r"^(\w+):\s+(\d+) kB$", rollup, re.MULTILINE)}


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def lives(pid: int) -> bool:
    """Not when only its exit code is left, for a parent that takes its time."""
    try:
        return not status_of(pid)["State"].startswith("Z")
    except OSError:
        return False
