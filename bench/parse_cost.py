"""The micro benchmarks that stand beside the code, run together; the parse of one exchange is a figure."""
from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path

from figures import Figure
from services import SERVER_CORE, pinned

WHOLE_EXCHANGE = "whole_exchange"
MIN_SECONDS = "0.05"  # of each repetition
REAL_TIME = "/real_time"  # Google Benchmark names it so
NS_PER_UNIT = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}


def run_binary(binary: Path, rounds: int) -> dict[str, list[float]]:
    """Ns of one iteration by benchmark, one value for each repetition: of CPU, or of wall where others do the work."""
    options = [f"--benchmark_repetitions={rounds}", f"--benchmark_min_time={MIN_SECONDS}", "--benchmark_format=json"]
    output = subprocess.run(pinned(SERVER_CORE, [str(binary), *options]), check=True, capture_output=True).stdout
    found: dict[str, list[float]] = defaultdict(list)
    for run in json.loads(output)["benchmarks"]:
        if run["run_type"] == "iteration":
            time = run["real_time" if run["run_name"].endswith(REAL_TIME) else "cpu_time"]
            found[run["run_name"]].append(time * NS_PER_UNIT[run["time_unit"]])
    return found


def measure(build: Path, rounds: int) -> list[Figure]:
    figures = []
    for binary in sorted(build.glob("src/**/*_bench")):
        if binary.name == "hpack_bench":
            continue  # its iterations are those of several decoders, see hpack_cost.py
        for name, values in run_binary(binary, rounds).items():
            label = "parse of one HTTP/1 exchange" if name == WHOLE_EXCHANGE else f"{binary.stem}: {name}"
            figures.append(Figure(label, "ns", values))
    if not figures:
        raise AssertionError(f"no micro benchmark in {build}: configure with BEYLA_BENCH=ON")
    return figures
