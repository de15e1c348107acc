"""Measures the agent and what it costs; see docs/performance.md. Needs root: starts itself again through sudo.

Usage: run.py [--rounds N] [--only SECTION ...] [--results FOLDER]
"""
from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Callable

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))  # starts and reads the agent as the tests do

import go_cost  # noqa: E402
import hook_cost  # noqa: E402
import hpack_cost  # noqa: E402
import join_cost  # noqa: E402
import parse_cost  # noqa: E402
import reaction_times  # noqa: E402
import report  # noqa: E402
import scrape_cost  # noqa: E402
import target_cost  # noqa: E402
import tls_cost  # noqa: E402
from bench_statistics import median  # noqa: E402
from figures import Figure  # noqa: E402
from harness import BEYLA_BINARY  # noqa: E402
from go_services import GoBare, GoHttp1, GoHttp2, GoRoutes, GoStream, GoTls, GoUnary  # noqa: E402
from services import SERVICES  # noqa: E402
from tls_services import TLS_SERVICES  # noqa: E402

DEFAULT_ROUNDS = 15
TRACE_LINE_ROUNDS = 6
GO_SERVICES = {
    "go_bare": GoBare, "go_http1": GoRoutes, "go_http1_tls": GoHttp1, "go_tls": GoTls, "go_http2": GoHttp2,
    "go_unary": GoUnary, "go_stream": GoStream,
}
HPACK_BENCH = "src/protocols/http2/hpack_bench"
TLS_WAYS = {"tls_pair": "plain", "tls_pair_ex": "ex"}

Section = Callable[[int], list[Figure]]


def sections(build: Path) -> dict[str, Section]:
    """In the order in which they run: the first ones need results of none, the targets that of the hooks."""
    late_server = build / "bench" / "bench_late_server"
    hooks = Hooks(build / "bench" / "bench_pair")
    trap = Trap(build / "bench" / "bench_trap")

    def go_section(service: type) -> Section:
        return lambda rounds: go_cost.measure(service, rounds, go_cost.Known(hooks.miss_ns(), trap.ns()))

    def target_section(service: type) -> Section:
        return lambda rounds: target_cost.measure(service, rounds, hooks.miss_ns())

    def tls_section(way: str) -> Section:
        return lambda rounds: tls_cost.measure(build / "bench", way, rounds)

    return {
        "parse": lambda rounds: parse_cost.measure(build, rounds),
        "hpack": lambda rounds: hpack_cost.measure(build / HPACK_BENCH, rounds),
        "hooks": hooks.measure,
        "trap": trap.measure,
        **{name: tls_section(way) for name, way in TLS_WAYS.items()},
        **{service.name: target_section(service) for service in SERVICES},
        **{name: target_section(service) for name, service in TLS_SERVICES.items()},
        **{name: go_section(service) for name, service in GO_SERVICES.items()},
        "go_join": lambda rounds: join_cost.measure(build, rounds, trap.ns()),
        "trace_lines": lambda rounds: target_cost.measure_trace_lines(min(rounds, TRACE_LINE_ROUNDS)),
        "selection": lambda rounds: reaction_times.measure_selection(late_server, rounds),
        "start": lambda rounds: reaction_times.measure_start(late_server, rounds),
        "scrape": scrape_cost.measure,
    }


class Hooks:
    """The section of the hooks, whose result for an unselected process the targets need."""

    def __init__(self, pair: Path) -> None:
        self._pair = pair
        self._figures: list[Figure] = []

    def measure(self, rounds: int) -> list[Figure]:
        self._figures = hook_cost.measure(self._pair, rounds)
        return self._figures

    def miss_ns(self) -> float:
        unselected, *_ = self._figures or self.measure(1)
        return unselected.program_ns


class Trap:
    """The section of the trap, whose result the Go servers need."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._figures: list[Figure] = []

    def measure(self, _: int) -> list[Figure]:
        self._figures = [go_cost.trap_figure(self._binary)]
        return self._figures

    def ns(self) -> float:
        return median((self._figures or self.measure(0))[0].values)


def run_sections(chosen: dict[str, Section], rounds: int) -> tuple[list[Figure], dict[str, str]]:
    figures: list[Figure] = []
    loads: dict[str, str] = {}
    for name, measure in chosen.items():
        start = time.monotonic()
        figures += measure(rounds)
        loads[name] = load_average()
        print(f"{name}: {time.monotonic() - start:.0f} s, load average {loads[name]}", file=sys.stderr, flush=True)
    return figures, loads


def load_average() -> str:
    return " ".join(f"{load:.2f}" for load in os.getloadavg())


def parse_arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="measures the agent and what it costs its targets")
    parser.add_argument("--rounds", type=int, default=DEFAULT_ROUNDS)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="SECTION", help=", ".join(names))
    parser.add_argument("--results", type=Path, default=REPOSITORY / "build" / "bench_results")
    return parser.parse_args()


def become_root() -> None:
    if os.geteuid() == 0:
        return
    sudo = shutil.which("sudo")
    if not sudo:
        sys.exit("the bench loads eBPF programs: run it as root, or install sudo")
    os.execv(sudo, ["sudo", "-E", "env", f"PATH={os.environ['PATH']}", sys.executable, *sys.argv])


def main() -> None:
    become_root()
    available = sections(BEYLA_BINARY.parent)
    arguments = parse_arguments(list(available))
    chosen = {name: available[name] for name in available if name in arguments.only}
    begun = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    load_before = load_average()
    figures, loads = run_sections(chosen, arguments.rounds)
    about = {
        "begun": begun, "machine": report.machine(), "load_average_before": load_before, "load_average_after": loads,
    }
    print(report.table(figures), report.notes(figures), sep="\n\n")
    print(f"\n{about['machine']}, load average before {load_before}, after each section {loads}")
    print(f"written to {report.write(arguments.results, figures, about)}")


if __name__ == "__main__":
    main()
