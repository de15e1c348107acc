"""CPU time and memory of processes that we started, from the kernel's own accounting."""
from __future__ import annotations

import time
from pathlib import Path

CPUCLOCK_SCHED = 2  # include/linux/posix-timers_types.h: runtime by the scheduler, in nanoseconds
POLL_SECONDS = 0.03
SETTLE_LIMIT_SECONDS = 2.0


def process_ns(pid: int) -> int:
    """CPU time of all threads of the process, ended ones included; what clock_getcpuclockid(3) gives access to."""
    return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except FileNotFoundError:
            pass  # a thread that ends leaves its children to the others of the process
    return found


def tree(pid: int) -> list[int]:
    return [pid] + [below for child in children(pid) for below in tree(child)]


def tree_ns(pid: int) -> int:
    """Of the process and all that descend from it."""
    return sum(map(process_ns, tree(pid)))


def settled_ns(pid: int) -> int:
    """tree_ns once it stands still: the process has done what was asked of it."""
    deadline = time.monotonic() + SETTLE_LIMIT_SECONDS
    before = tree_ns(pid)
    while True:
        time.sleep(POLL_SECONDS)
        now = tree_ns(pid)
        if now == before or time.monotonic() > deadline:
            return now
        before = now


def memory_kib(pid: int) -> dict[str, int]:
    """VmRSS with its parts, and its peak VmHWM: sums over the process and all that descend from it."""
    names = ("VmRSS", "RssAnon", "RssFile", "RssShmem", "VmHWM")
    sums = dict.fromkeys(names, 0)
    for member in tree(pid):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{member}/status").read_text().splitlines())
        for name in names:
            sums[name] += int(fields.get(name, "0").split()[0])  # one that has ended has no memory
    return sums
