"""What the kernel says about the agent's BPF programs: runs and time, memory of their maps."""
from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from harness import required_program

BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}  # bpf(2)
BPF_ENABLE_STATS = 32  # enum bpf_cmd, include/uapi/linux/bpf.h
BPF_STATS_RUN_TIME = 0
TRIES = 3
ALL = "all"  # the sum over the programs, beside their names
UPROBES = "uprobes"  # the sum over those that a uprobe runs
UPROBE_TYPE = "2"  # BPF_PROG_TYPE_KPROBE; the agent has no kprobes


class StatisticsEnabled:
    """Switches the kernel's program statistics on inside the block; the kernel switches them off with the fd."""

    def __enter__(self) -> StatisticsEnabled:
        kind = ctypes.c_uint32(BPF_STATS_RUN_TIME)
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.syscall(
            BPF_SYSCALL[platform.machine()], BPF_ENABLE_STATS, ctypes.byref(kind), ctypes.sizeof(kind)
        )
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS")
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


@dataclass(frozen=True)
class Runs:
    count: int
    time_ns: int
    is_uprobe: bool = False


def _fd_fields(pid: int) -> list[dict[str, str]]:
    """The key-value lines of /proc/PID/fdinfo, one dict per descriptor."""
    found = []
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = entry.read_text().splitlines()
        except FileNotFoundError:  # closed meanwhile
            continue
        found.append({key: value.strip() for key, _, value in (line.partition(":") for line in lines)})
    return found


def read_runs(pid: int) -> dict[int, Runs]:
    """Runs of each program that the process holds, by program id."""
    return {
        int(fields["prog_id"]): Runs(
            int(fields["run_cnt"]), int(fields["run_time_ns"]), fields["prog_type"] == UPROBE_TYPE
        )
        for fields in _fd_fields(pid)
        if "run_cnt" in fields
    }


def map_memory_kib(pid: int) -> int:
    """Kernel memory of the maps that the process holds: not part of its RSS unless mapped and touched."""
    by_id = {fields["map_id"]: int(fields["memlock"]) for fields in _fd_fields(pid) if "map_id" in fields}
    return sum(by_id.values()) // 1024


def program_names() -> dict[int, str]:
    listing = subprocess.run([required_program("bpftool"), "prog", "show", "-j"], check=True, capture_output=True)
    return {program["id"]: program.get("name", "") for program in json.loads(listing.stdout)}


def cost_per_unit(pid: int, before: dict[int, Runs], units: int) -> dict[str, dict[str, float]]:
    """Of each program that ran since `before`: runs per unit, ns per run, ns per unit; the sum of all, and that of
    those which uprobes run.

    The kernel counts runs of the whole machine: those for the load generator's sockets are in it.
    """
    names = program_names()
    result: dict[str, dict[str, float]] = {}
    sums = {ALL: (0, 0), UPROBES: (0, 0)}
    for program, after in read_runs(pid).items():
        start = before.get(program, Runs(0, 0))
        count, time_ns = after.count - start.count, after.time_ns - start.time_ns
        if count > 0:
            result[names[program]] = _cost(count, time_ns, units)
            for name in (ALL, *[UPROBES] * after.is_uprobe):
                sums[name] = (sums[name][0] + count, sums[name][1] + time_ns)
    return result | {name: _cost(*sum_, units) for name, sum_ in sums.items() if sum_[0]}


def quietest(measure: Callable[[], dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Of several measurements, the one with the fewest runs per unit: other traffic of the machine adds runs."""
    return min((measure() for _ in range(TRIES)), key=lambda cost: cost[ALL]["runs_per_unit"])


def _cost(count: int, time_ns: int, units: int) -> dict[str, float]:
    return {
        "runs_per_unit": round(count / units, 3),
        "ns_per_run": round(time_ns / count, 1),
        "ns_per_unit": round(time_ns / units, 1),
    }
