"""What the agent costs a server and what it costs itself, for each request of a server under full load."""
from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from bench_statistics import alternating, differences, median, percent_added
from cpu_time import memory_kib, settled_tree_ns, tree_ns
from figures import Figure
from harness import Agent
from program_statistics import ALL, StatisticsEnabled, cost_per_unit, map_memory_kib, read_runs
from services import Nginx, Pinned, pin_agent, run_wrk

LOAD_SECONDS = 1
WARM_UP_SECONDS = 2
MIN_REQUESTS = 1000  # with fewer, a busy machine hardly let the server run: the load goes on
MAX_LOADS = 15
AGENT_GOAL_US = 2.0
RSS_GOAL_MIB = 24.0
KIB_PER_MIB = 1024
RSS_PARTS = ("RssAnon", "RssFile", "RssShmem")


@dataclass
class Load:
    requests: int
    may_be_more: int  # answered, but forgotten by the load generator when it stopped
    server_ns: float  # for each request


@dataclass
class Sample:
    load: Load
    agent_ns: float = 0.0  # for each request
    idle_kib: dict[str, int] = field(default_factory=dict)
    loaded_kib: dict[str, int] = field(default_factory=dict)
    map_kib: int = 0
    lost: int = 0


def measure_load(server: Pinned) -> Load:
    before = tree_ns(server.process.pid)
    requests = 0
    for count in range(1, MAX_LOADS + 1):
        requests += run_wrk(server.port, server.connections, LOAD_SECONDS)
        if requests >= MIN_REQUESTS:
            server_ns = (settled_tree_ns(server.process.pid) - before) / requests
            return Load(requests, count * server.connections, server_ns)
    raise AssertionError(f"{server.name} answered {requests} requests in {MAX_LOADS} loads: the machine is too busy")


def check_counts(agent: Agent, load: Load) -> int:
    """The agent saw the load, so its cost is that of seeing it; returns how many events were lost."""
    metrics = agent.quiet_metrics()
    lost = int(metrics.total("beyla_events_lost_total"))
    counted = sum(metrics.requests().values())
    if not load.requests - lost <= counted <= load.requests + load.may_be_more:
        raise AssertionError(f"{load.requests} requests answered, {counted} counted, {lost} events lost")
    return lost


def sample_with(server: Pinned, agent: Agent) -> Sample:
    pin_agent(agent)
    idle = memory_kib(agent.pid)
    before = settled_tree_ns(agent.pid)
    load = measure_load(server)
    agent_ns = (settled_tree_ns(agent.pid) - before) / load.requests
    loaded, maps = memory_kib(agent.pid), map_memory_kib(agent.pid)
    return Sample(load, agent_ns, idle, loaded, maps, check_counts(agent, load))


def settings_of(server: Pinned) -> dict[str, str]:
    return {"OPEN_PORT": str(server.port)}


def program_cost(server: Pinned) -> dict[str, dict[str, float]]:
    """One more load, with the kernel's program statistics on: they would cost the pairs some ns per run."""
    with Agent(settings_of(server), print_traces=False) as agent, StatisticsEnabled():
        pin_agent(agent)
        before = read_runs(agent.pid)
        return cost_per_unit(agent.pid, before, measure_load(server).requests)


def sample_pairs(server: Pinned, rounds: int) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = defaultdict(list)
    run_wrk(server.port, server.connections, WARM_UP_SECONDS)
    for number in range(rounds):
        for variant in alternating(("off", "on"), number):
            if variant == "off":
                samples["off"].append(Sample(measure_load(server)))
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
    off = [one.load.server_ns for one in samples["off"]]
    on = [one.load.server_ns for one in samples["on"]]
    lost = sum(one.lost for one in samples["on"])
    requests = sum(one.load.requests for one in samples["on"])
    note = f"without {median(off) / 1e3:.2f} µs, with {median(on) / 1e3:.2f} µs; {requests} requests, {lost} events lost"
    figures = [
        Figure(f"{service.name}: CPU per request", "%", percent_added(off, on), service.goal_percent, note),
        Figure(
            f"{service.name}: CPU per request", "ns", differences(off, on), programs=programs,
            program_note="per request, at both ends", program_ns=programs[ALL]["ns_per_unit"] - miss_ns,
        ),
        Figure(
            f"agent: CPU per request ({service.name})", "µs", [one.agent_ns / 1e3 for one in samples["on"]],
            AGENT_GOAL_US,
        ),
    ]
    if service is Nginx:
        figures += memory_figures(service.name, samples["on"])
    return figures


def measure_trace_lines(rounds: int) -> list[Figure]:
    """The agent's own CPU when it also prints a line for each request."""
    values = []
    with Nginx() as server:
        run_wrk(server.port, server.connections, 1)
        for _ in range(rounds):
            with Agent(settings_of(server)) as agent:
                values.append(sample_with(server, agent).agent_ns / 1e3)
    return [Figure("agent: CPU per request with trace lines (nginx)", "µs", values, note="lines go to a file")]
