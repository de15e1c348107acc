"""What the attached programs add to one send with its receive, by the CPU time of the thread that does both."""
from __future__ import annotations

import subprocess
from collections import defaultdict
from pathlib import Path

from bench_statistics import alternating, differences, median
from figures import Figure
from harness import Agent, clean_environment, end_process, free_port
from program_statistics import ALL, StatisticsEnabled, cost_per_unit, quietest, read_runs
from services import SERVER_CORE, pin_agent

BURSTS = 400
EXCHANGES = 50  # in a burst: some 0.6 ms, mostly shorter than a time slice
PAIRS_PER_EXCHANGE = 2
UNSELECTED_GOAL_NS = 300.0
VARIANTS = ("off", "unselected", "selected")


class PairProcess:
    """Runs bench_pair; `run` returns the 5th percentile and the median over its bursts, in ns per pair."""

    def __init__(self, binary: Path) -> None:
        self._command = [str(binary), str(SERVER_CORE)]

    def __enter__(self) -> PairProcess:
        self._process = subprocess.Popen(
            self._command, env=clean_environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        end_process(self._process)
        self._process.stdout.close()

    def run(self) -> tuple[float, float]:
        self._process.stdin.write(f"{BURSTS} {EXCHANGES}\n".encode())
        self._process.stdin.flush()
        p5, middle = map(float, self._process.stdout.readline().split())
        return p5 / PAIRS_PER_EXCHANGE, middle / PAIRS_PER_EXCHANGE


def settings_for(variant: str, pair: PairProcess) -> dict[str, str]:
    return {"OPEN_PORT": str(pair.port if variant == "selected" else free_port())}


def check_selection(agent: Agent, variant: str) -> None:
    counted = sum(agent.quiet_metrics().requests().values())
    if (counted > 0) != (variant == "selected"):
        raise AssertionError(f"{counted} requests counted while the process was meant to be {variant}")


def run_variant(variant: str, pair: PairProcess) -> tuple[float, float]:
    if variant == "off":
        return pair.run()
    with Agent(settings_for(variant, pair), print_traces=False) as agent:
        pin_agent(agent)
        result = pair.run()
        check_selection(agent, variant)
        return result


def program_cost(variant: str, pair: PairProcess) -> dict[str, dict[str, float]]:
    with Agent(settings_for(variant, pair), print_traces=False) as agent, StatisticsEnabled():
        pin_agent(agent)
        return quietest(lambda: _run_cost(pair, agent.pid))


def _run_cost(pair: PairProcess, agent_pid: int) -> dict[str, dict[str, float]]:
    before = read_runs(agent_pid)
    pair.run()
    return cost_per_unit(agent_pid, before, BURSTS * EXCHANGES * PAIRS_PER_EXCHANGE)


def measure(binary: Path, rounds: int) -> list[Figure]:
    p5s: dict[str, list[float]] = defaultdict(list)
    medians: dict[str, list[float]] = defaultdict(list)
    with PairProcess(binary) as pair:
        pair.run()  # the first run finds cold caches
        for number in range(rounds):
            for variant in alternating(VARIANTS, number):
                p5, middle = run_variant(variant, pair)
                p5s[variant].append(p5)
                medians[variant].append(middle)
        programs = {variant: program_cost(variant, pair) for variant in VARIANTS[1:]}
    figures = [_figure(variant, "", medians, programs[variant]) for variant in VARIANTS[1:]]
    return figures + [_figure(variant, ", quiet bursts", p5s, {}) for variant in VARIANTS[1:]]


def _figure(
    variant: str, label: str, ns: dict[str, list[float]], programs: dict[str, dict[str, float]]
) -> Figure:
    goal = UNSELECTED_GOAL_NS if variant == "unselected" else None
    return Figure(
        f"send + receive, {variant} process{label}", "ns", differences(ns["off"], ns[variant]), goal,
        f"of {median(ns['off']):.0f} ns without", programs, "per pair",
        programs[ALL]["ns_per_unit"] if programs else None,
    )
