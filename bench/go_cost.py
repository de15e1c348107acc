"""What the probes in a Go process cost its server: paired loads with and without the agent in one run, the kernel's own
statistics of the programs, and how often a request runs into a probe.

The statistics leave out the way to a uprobe's program, the trap: bench/trap.c measures it in the same run.
"""
from __future__ import annotations

import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bench_statistics import alternating, differences, median
from figures import Figure
from go_services import GoService
from go_targets import wait_probed
from harness import Agent
from program_statistics import ALL, UPROBES, StatisticsEnabled, cost_per_unit, read_runs
from services import SERVER_CORE, Load, pin_agent

LOAD_MS = 700
WARM_UP_MS = 1500
SETTLE_MS = 300
LOOKS_SECONDS = 2.5  # two of the broker's, GoAttacher::kBusyLook
TRAP_ROUNDS = 20
# What is wanted of the agent: whether it prints traces, too.
MODES = {"metrics": False, "metrics + traces": True}


@dataclass(frozen=True)
class Known:
    """Measured before, in the same run."""

    miss_ns: float  # of the programs for a send and a receive of an unselected process, as of the load generator
    trap_ns: float  # of a uprobe at an emulated instruction around an empty program


def trap_figure(binary: Path, *options: str, name: str = "uprobe around an empty program") -> Figure:
    command = [str(binary), str(SERVER_CORE), str(TRAP_ROUNDS), *options]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Figure(name, "ns", [float(line) for line in output.split()])


@dataclass
class Cost:
    """By round."""

    cpu_ns: list[float] = field(default_factory=list)  # of the server, for each request
    quiet_ns: list[float] = field(default_factory=list)  # its 5th percentile over the bursts
    programs: list[dict[str, dict[str, float]]] = field(default_factory=list)

    def add(self, load: Load) -> None:
        self.cpu_ns.append(load.median_ns)
        self.quiet_ns.append(load.p5_ns)


def settings_of(service: GoService) -> dict[str, str]:
    return {"OPEN_PORT": str(service.port)}


def check_counts(service: GoService, agent: Agent, requests: int) -> None:
    """The agent saw the load, so its cost is that of seeing it."""
    metrics = agent.quiet_metrics()
    lost = int(metrics.total("beyla_events_lost_total"))
    counted = int(metrics.total(service.counter))
    if not requests - lost <= counted <= requests:
        raise AssertionError(f"{service.name}: {requests} requests, {counted} counted, {lost} events lost")


def settled_requests(service: GoService, agent: Agent) -> int:
    """Until the agent has probed the server and has seen whether the probe of ServeMux is of use: a load and two looks. The
    workers that read the executable have ended by then."""
    wait_probed(agent, service.process.pid)
    pin_agent(agent)
    requests = service.load(SETTLE_MS).requests
    time.sleep(LOOKS_SECONDS)
    return requests


def sample_with_agent(service: GoService, traces: bool, cost: Cost) -> None:
    with Agent(settings_of(service), print_traces=traces) as agent:
        before_it = settled_requests(service, agent)
        load = service.load(LOAD_MS)
        cost.add(load)
        # Again with the statistics on, which would cost the pair some ns per run.
        with StatisticsEnabled():
            before = read_runs(agent.pid)
            counted = service.load(LOAD_MS)
            cost.programs.append(cost_per_unit(agent.pid, before, counted.requests))
        check_counts(service, agent, before_it + load.requests + counted.requests)


def probe_ns(programs: dict[str, dict[str, float]], known: Known, pairs_at_the_load: int) -> float:
    """Of one request at the server: all programs, and the traps."""
    return programs[ALL]["ns_per_unit"] - pairs_at_the_load * known.miss_ns + hits(programs) * known.trap_ns


def hits(programs: dict[str, dict[str, float]]) -> float:
    return programs[UPROBES]["runs_per_unit"] if UPROBES in programs else 0.0


def figures_of(service: type[GoService], mode: str, off: Cost, on: Cost, known: Known) -> list[Figure]:
    name = f"{service.name}, {mode}"
    totals = [probe_ns(one, known, service.pairs_at_the_load) for one in on.programs]
    middle = sorted(zip(totals, on.programs), key=lambda pair: pair[0])[len(totals) // 2][1]
    note = f"{hits(middle):.2f} uprobe hits x {known.trap_ns:.0f} ns"
    return [
        Figure(f"{name}: programs and traps", "µs", _microseconds(totals), service.goals_us[mode], note, middle,
               "per request, at both ends", middle[ALL]["ns_per_unit"]),
        Figure(f"{name}: uprobe hits per request", "", [hits(one) for one in on.programs]),
        Figure(f"{name}: CPU per request", "µs", _microseconds(differences(off.cpu_ns, on.cpu_ns)),
               note=f"without {median(off.cpu_ns) / 1e3:.2f} µs, with {median(on.cpu_ns) / 1e3:.2f} µs"),
        Figure(f"{name}: CPU per request, quiet bursts", "µs", _microseconds(differences(off.quiet_ns, on.quiet_ns))),
    ]


def _microseconds(values: list[float]) -> list[float]:
    return [value / 1e3 for value in values]


def measure(service_type: type[GoService], rounds: int, known: Known) -> list[Figure]:
    costs: dict[str, Cost] = defaultdict(Cost)
    with service_type() as service:
        service.load(WARM_UP_MS)
        for number in range(rounds):
            for variant in alternating(["off", *MODES], number):
                if variant == "off":
                    costs["off"].add(service.load(LOAD_MS))
                else:
                    sample_with_agent(service, MODES[variant], costs[variant])
    return [
        figure for mode in MODES for figure in figures_of(service_type, mode, costs["off"], costs[mode], known)
    ]
