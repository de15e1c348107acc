"""The thin join against two full probes, on plain requests to one process, in turn.

Thin: the sockets own the request, and one probe says which goroutine handles it and when. Full: two probes say all, as
they do under TLS, and the sockets are not watched. Both by tests/go_kernel/go_records, which reads the records and does
nothing with them, so that the difference is that of the kernel's half and of the records' size.
"""
from __future__ import annotations

import subprocess
from pathlib import Path

from bench_statistics import alternating, differences, median
from figures import Figure
from go_cost import LOAD_MS, WARM_UP_MS, Cost, hits
from go_services import GoJoined
from harness import wait_until
from program_statistics import ALL, StatisticsEnabled, cost_per_unit, read_runs
from services import LOAD_CORE, pinned

READY_SECONDS = 30
SERVE_HTTP, FINISH_REQUEST = 1, 2  # abi/go_calls.h
VARIANTS = {"thin": [SERVE_HTTP], "full": [SERVE_HTTP, FINISH_REQUEST]}
NAMES = {"thin": "thin join", "full": "two full probes"}


class Probes:
    """Stand in a process inside the block."""

    def __init__(self, build: Path, target: int, variant: str) -> None:
        program = str(build / "tests" / "go_kernel" / "go_records")
        probes = ",".join(map(str, VARIANTS[variant]))
        self._command = pinned(LOAD_CORE, [program, str(target), probes, variant])

    def __enter__(self) -> Probes:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        assert line.startswith("ready"), f"go_records: {line}"
        self.pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        output, _ = self._process.communicate()
        assert self._process.returncode == 0, output
        wait_until(lambda: not Path(f"/proc/{self.pid}").exists(), READY_SECONDS, "go_records has ended")


def sample(build: Path, service: GoJoined, variant: str, cost: Cost) -> None:
    with Probes(build, service.process.pid, variant) as probes:
        cost.add(service.load(LOAD_MS))
        with StatisticsEnabled():
            before = read_runs(probes.pid)
            requests = service.load(LOAD_MS).requests
            cost.programs.append(cost_per_unit(probes.pid, before, requests))
    if round(hits(cost.programs[-1])) != len(VARIANTS[variant]):
        raise AssertionError(f"{variant}: {hits(cost.programs[-1])} hits for each request")


def measure(build: Path, rounds: int, trap_ns: float) -> list[Figure]:
    costs = {variant: Cost() for variant in ("off", *VARIANTS)}
    with GoJoined() as service:
        service.load(WARM_UP_MS)
        for number in range(rounds):
            for variant in alternating(list(costs), number):
                if variant == "off":
                    costs["off"].add(service.load(LOAD_MS))
                else:
                    sample(build, service, variant, costs[variant])
    return figures_of(costs, trap_ns)


def figures_of(costs: dict[str, Cost], trap_ns: float) -> list[Figure]:
    totals = {
        variant: [(one[ALL]["ns_per_unit"] + hits(one) * trap_ns) / 1e3 for one in costs[variant].programs]
        for variant in VARIANTS
    }
    figures = []
    for variant in VARIANTS:
        name, cost = NAMES[variant], costs[variant]
        figures += [
            Figure(f"{name}: programs and traps, both ends", "µs", totals[variant],
                   note=f"{hits(cost.programs[0]):.2f} uprobe hits x {trap_ns:.0f} ns",
                   programs=_middle(totals[variant], cost.programs), program_note="per request, at both ends"),
            Figure(f"{name}: CPU per request", "µs", _microseconds(differences(costs["off"].cpu_ns, cost.cpu_ns)),
                   note=f"without {median(costs['off'].cpu_ns) / 1e3:.2f} µs, with {median(cost.cpu_ns) / 1e3:.2f} µs"),
        ]
    return figures + [
        Figure("thin join less two full probes: programs and traps", "µs", differences(totals["full"], totals["thin"]),
               goal=0.0),
        Figure("thin join less two full probes: CPU per request", "µs",
               _microseconds(differences(costs["full"].cpu_ns, costs["thin"].cpu_ns)), goal=0.0),
    ]


def _middle(totals: list[float], programs: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    return sorted(zip(totals, programs), key=lambda pair: pair[0])[len(totals) // 2][1]


def _microseconds(values: list[float]) -> list[float]:
    return [value / 1e3 for value in values]
