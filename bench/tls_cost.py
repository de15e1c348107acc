"""What a call of SSL_write or SSL_read costs more in a process whose TLS library is probed, by the CPU time of the thread that
makes it: paired runs with and without the agent, and what the traps, the programs in the library and those of the sockets
have in it."""
from __future__ import annotations

import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench_statistics import alternating, differences, median
from figures import Figure
from go_cost import trap_figure
from harness import Agent, clean_environment, end_process, free_port, wait_until
from program_statistics import ALL, UPROBES, StatisticsEnabled, cost_per_unit, read_runs
from services import SERVER_CORE, pin_agent

BURSTS = 100
EXCHANGES = 5  # in a burst: some 1 ms
CALLS_PER_EXCHANGE = 64  # half of them writes; tls_pair.c, as the next
WARM_UP_EXCHANGES = 20  # of each run
CALL_GOAL_NS = 1500.0
ATTACH_SECONDS = 15
WAYS = {"plain": "SSL_write/SSL_read", "ex": "SSL_write_ex/SSL_read_ex"}


@dataclass(frozen=True)
class Calls:
    """Ns of one call: 5th percentile and median over the bursts."""

    write_p5: float
    write_median: float
    read_p5: float
    read_median: float

    def both(self, part: str) -> float:
        return (getattr(self, f"write_{part}") + getattr(self, f"read_{part}")) / 2


class TlsPairProcess:
    """Runs bench_tls_pair."""

    def __init__(self, binary: Path, way: str) -> None:
        self._command = [str(binary), str(SERVER_CORE), way]

    def __enter__(self) -> TlsPairProcess:
        self._process = subprocess.Popen(
            self._command, env=clean_environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.port = int(self._process.stdout.readline())
        self.pid = self._process.pid
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        end_process(self._process)
        self._process.stdout.close()

    def run(self) -> Calls:
        self._process.stdin.write(f"{BURSTS} {EXCHANGES}\n".encode())
        self._process.stdin.flush()
        return Calls(*map(float, self._process.stdout.readline().split()))


def start_agent(pair: TlsPairProcess) -> Agent:
    return Agent({"OPEN_PORT": str(pair.port)}, print_traces=False)


def wait_probed(agent: Agent, pair: TlsPairProcess) -> None:
    loaded = f"TLS probes in pid={pair.pid} "
    wait_until(lambda: any(loaded in line and "should it be" not in line for line in agent.stderr().splitlines()),
               ATTACH_SECONDS, f"'{loaded}' in the agent's log")
    pin_agent(agent)


def check_seen(agent: Agent) -> None:
    """What was measured is the cost of reading plaintext."""
    metrics = agent.quiet_metrics()
    seen, lost = sum(metrics.requests().values()), metrics.total("beyla_events_lost_total")
    passed_over = metrics.total("beyla_capture_degraded_total", reason="tls_unbound")
    if not seen or passed_over or lost:
        raise AssertionError(f"{seen} requests seen, {lost} events lost, {passed_over} calls passed over")


def run_with_agent(pair: TlsPairProcess) -> Calls:
    with start_agent(pair) as agent:
        wait_probed(agent, pair)
        result = pair.run()
        check_seen(agent)
        return result


def program_costs(pair: TlsPairProcess, rounds: int) -> list[dict[str, dict[str, float]]]:
    """One for each round."""
    with start_agent(pair) as agent, StatisticsEnabled():
        wait_probed(agent, pair)
        return [_run_cost(pair, agent.pid) for _ in range(rounds)]


def _run_cost(pair: TlsPairProcess, agent_pid: int) -> dict[str, dict[str, float]]:
    before = read_runs(agent_pid)
    pair.run()
    return cost_per_unit(agent_pid, before, (BURSTS * EXCHANGES + WARM_UP_EXCHANGES) * CALLS_PER_EXCHANGE)


def measure(programs_folder: Path, way: str, rounds: int) -> list[Figure]:
    traps = trap_figure(programs_folder / "bench_trap", "call", name="uprobe and return probe around empty programs")
    runs: dict[str, list[Calls]] = defaultdict(list)
    with TlsPairProcess(programs_folder / "bench_tls_pair", way) as pair:
        pair.run()  # the first run finds cold caches
        for number in range(rounds):
            for variant in alternating(("off", "on"), number):
                runs[variant].append(pair.run() if variant == "off" else run_with_agent(pair))
        costs = program_costs(pair, rounds)
    programs = min(costs, key=lambda cost: cost[ALL]["runs_per_unit"])  # other traffic of the machine adds runs
    return [
        traps,
        _library_figure(way, costs, median(traps.values)),
        _both_figure(way, "median", runs, programs),
        _both_figure(way, "p5", runs, {}),
        *(_figure(f"{name}{ex(way)}, quiet bursts", runs, f"{name[4:]}_p5") for name in ("SSL_write", "SSL_read")),
    ]


def _library_figure(way: str, costs: list[dict[str, dict[str, float]]], traps_ns: float) -> Figure:
    """Without what the sockets' programs would cost in any case."""
    programs = [cost[UPROBES]["ns_per_unit"] for cost in costs]
    note = f"{traps_ns:.0f} ns of traps and {median(programs):.0f} of programs, two readings of the clock in these"
    return Figure(f"a call of {WAYS[way]}: in the library", "ns", [traps_ns + one for one in programs], CALL_GOAL_NS, note)


def ex(way: str) -> str:
    return "_ex" if way == "ex" else ""


def _both_figure(
    way: str, part: str, runs: dict[str, list[Calls]], programs: dict[str, dict[str, float]]
) -> Figure:
    off, on = ([one.both(part) for one in runs[variant]] for variant in ("off", "on"))
    note = f"of {median(off):.0f} ns without"
    if programs:
        in_library = programs[UPROBES]
        note += (f"; {in_library['runs_per_unit']:.2f} hits, programs there {in_library['ns_per_unit']:.0f} ns, those of"
                 f" sockets {programs[ALL]['ns_per_unit'] - in_library['ns_per_unit']:.0f} ns")
    quiet = "" if part == "median" else ", quiet bursts"
    return Figure(
        f"a call of {WAYS[way]}{quiet}", "ns", differences(off, on), CALL_GOAL_NS, note, programs, "per call",
        programs[ALL]["ns_per_unit"] if programs else None,
    )


def _figure(name: str, runs: dict[str, list[Calls]], part: str) -> Figure:
    off, on = ([getattr(one, part) for one in runs[variant]] for variant in ("off", "on"))
    return Figure(name, "ns", differences(off, on), note=f"of {median(off):.0f} ns without")
