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
    return sum(process_ns(member) for member in tree(pid))


def settled_tree_ns(pid: int) -> int:
    """tree_ns once it stands still: the processes have done what was asked of them."""
    deadline = time.monotonic() + SETTLE_LIMIT_SECONDS
    before = tree_ns(pid)
    while True:
        time.sleep(POLL_SECONDS)
        now = tree_ns(pid)
        # Timers (a garbage collector, a runtime's monitor) never stop altogether.
        if now - before < POLL_SECONDS * 1e9 * 0.01 or time.monotonic() > deadline:
            return now
        before = now


def memory_kib(pid: int) -> dict[str, int]:
    """VmRSS with its parts, and its peak VmHWM."""
    names = ("VmRSS", "RssAnon", "RssFile", "RssShmem", "VmHWM")
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: int(fields[name].split()[0]) for name in names}
