"""What the agent costs a server and what it costs itself, for each request of a server under full load."""
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from bench_statistics import alternating, differences, median, percent_added
from cpu_time import memory_kib, settled_ns
from figures import Figure
from harness import Agent
from program_statistics import ALL, UPROBES, StatisticsEnabled, cost_per_unit, map_memory_kib, quietest, read_runs
from services import Load, Nginx, Pinned, pin_agent

LOAD_MS = 1000
WARM_UP_MS = 2000
AGENT_GOAL_US = 2.0
QUIET_BURSTS = ", quiet bursts"
RSS_GOAL_MIB = 24.0
KIB_PER_MIB = 1024
RSS_PARTS = ("RssAnon", "RssFile", "RssShmem")


@dataclass
class Sample:
    load: Load
    agent_ns: float = 0.0  # for each request
    idle_kib: dict[str, int] = field(default_factory=dict)
    loaded_kib: dict[str, int] = field(default_factory=dict)
    map_kib: int = 0
    lost: int = 0


def check_counts(agent: Agent, load: Load) -> int:
    """The agent saw the load, so its cost is that of seeing it; returns how many events were lost."""
    metrics = agent.quiet_metrics()
    lost = int(metrics.total("beyla_events_lost_total"))
    counted = sum(metrics.requests().values())
    if not load.requests - lost <= counted <= load.requests:
        raise AssertionError(f"{load.requests} requests answered, {counted} counted, {lost} events lost")
    return lost


def sample_with(server: Pinned, agent: Agent) -> Sample:
    server.wait_probed(agent)
    pin_agent(agent)
    idle = memory_kib(agent.pid)
    before = settled_ns(agent.pid)
    load = server.load(LOAD_MS)
    agent_ns = (settled_ns(agent.pid) - before) / load.requests
    loaded, maps = memory_kib(agent.pid), map_memory_kib(agent.pid)
    return Sample(load, agent_ns, idle, loaded, maps, check_counts(agent, load))


def settings_of(server: Pinned) -> dict[str, str]:
    return {"OPEN_PORT": str(server.port)}


def program_cost(server: Pinned) -> dict[str, dict[str, float]]:
    """More loads, with the kernel's program statistics on: they would cost the pairs some ns per run."""
    with Agent(settings_of(server), print_traces=False) as agent, StatisticsEnabled():
        server.wait_probed(agent)
        pin_agent(agent)
        return quietest(lambda: _load_cost(server, agent.pid))


def _load_cost(server: Pinned, agent_pid: int) -> dict[str, dict[str, float]]:
    before = read_runs(agent_pid)
    return cost_per_unit(agent_pid, before, server.load(LOAD_MS).requests)


def sample_pairs(server: Pinned, rounds: int) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = defaultdict(list)
    server.load(WARM_UP_MS)
    for number in range(rounds):
        for variant in alternating(("off", "on"), number):
            if variant == "off":
                samples["off"].append(Sample(server.load(LOAD_MS)))
                continue
            with Agent(settings_of(server), print_traces=False) as agent:
                samples["on"].append(sample_with(server, agent))
    return samples


def memory_figures(name: str, samples: list[Sample]) -> list[Figure]:
    figures = []
    by_state = {"idle": [one.idle_kib for one in samples], "loaded": [one.loaded_kib for one in samples]}
    maps = median([one.map_kib for one in samples]) / KIB_PER_MIB
    for state, memories in by_state.items():
        parts = {part: median([memory[part] / KIB_PER_MIB for memory in memories]) for part in RSS_PARTS}
        note = ", ".join(f"{part} {value:.1f}" for part, value in parts.items())
        note += f" (mapped rings and arrays are in RssFile); the kernel's memory for all maps: {maps:.1f}"
        values = [memory["VmRSS"] / KIB_PER_MIB for memory in memories]
        figures.append(Figure(f"agent RSS, {state} ({name})", "MiB", values, RSS_GOAL_MIB, note))
    return figures


def measure(service: type[Pinned], rounds: int, miss_ns: float) -> list[Figure]:
    """miss_ns: time of the programs for a pair of an unselected process, as for the load generator's two calls."""
    with service() as server:
        samples = sample_pairs(server, rounds)
        programs = program_cost(server)
    off, on = samples["off"], samples["on"]
    figures = [
        *_percent_figures(service, off, on),
        Figure(
            f"{service.name}: CPU per request", "ns",
            differences([one.load.median_ns for one in off], [one.load.median_ns for one in on]), programs=programs,
            note=_hits(programs), program_note="per request, at both ends",
            program_ns=programs[ALL]["ns_per_unit"] - service.pairs_at_the_load * miss_ns,
        ),
        Figure(f"agent: CPU per request ({service.name})", "µs", [one.agent_ns / 1e3 for one in on], AGENT_GOAL_US),
    ]
    if service is Nginx:
        figures += memory_figures(service.name, on)
    return figures


def _hits(programs: dict[str, dict[str, float]]) -> str:
    """Of uprobes: the way to their programs is part of the difference only, see bench/trap.c."""
    return f"{programs[UPROBES]['runs_per_unit']:.2f} uprobe hits" if UPROBES in programs else ""


def _percent_figures(service: type[Pinned], off: list[Sample], on: list[Sample]) -> list[Figure]:
    """By the median burst of each load, and by its 5th percentile, which a busy machine hardly touches."""
    lost = sum(one.lost for one in on)
    requests = sum(one.load.requests for one in on)
    figures = []
    for label, part in (("", "median_ns"), (QUIET_BURSTS, "p5_ns")):
        without = [getattr(one.load, part) for one in off]
        with_agent = [getattr(one.load, part) for one in on]
        note = f"without {median(without) / 1e3:.2f} µs, with {median(with_agent) / 1e3:.2f} µs"
        if not label:
            note += f"; {requests} requests, {lost} events lost"
        values = percent_added(without, with_agent)
        figures.append(Figure(f"{service.name}: CPU per request{label}", "%", values, service.goal_percent, note))
    return figures


def measure_trace_lines(rounds: int) -> list[Figure]:
    """The agent's own CPU when it also prints a line for each request."""
    values = []
    with Nginx() as server:
        server.load(WARM_UP_MS)
        for _ in range(rounds):
            with Agent(settings_of(server)) as agent:
                values.append(sample_with(server, agent).agent_ns / 1e3)
    return [Figure("agent: CPU per request with trace lines (nginx)", "µs", values, note="lines go to a file")]
