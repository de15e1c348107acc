"""The time of our HPACK decoder against that of nghttp2 on the same blocks, in one process, in turns."""
from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path

from bench_statistics import median
from figures import Figure
from parse_cost import MIN_SECONDS
from services import SERVER_CORE, pinned

GOAL_PERCENT = 100.0


def measure(binary: Path, rounds: int) -> list[Figure]:
    """A value for each repetition: that of the best pass of each decoder in it."""
    options = [f"--benchmark_repetitions={rounds}", f"--benchmark_min_time={MIN_SECONDS}", "--benchmark_format=json"]
    output = subprocess.run(pinned(SERVER_CORE, [str(binary), *options]), check=True, capture_output=True).stdout
    by_name: dict[str, list[dict[str, float]]] = defaultdict(list)
    for run in json.loads(output)["benchmarks"]:
        if run["run_type"] == "iteration":
            by_name[run["run_name"]].append(run)
    return [_figure(name, runs) for name, runs in by_name.items()]


def _figure(name: str, runs: list[dict[str, float]]) -> Figure:
    ours, reference = ([run[counter] for run in runs] for counter in ("all_ns", "nghttp2_ns"))
    wanted = median([run["wanted_ns"] for run in runs])
    note = (f"a block {median(ours):.0f} ns with every field, {wanted:.0f} with those that are wanted, nghttp2"
            f" {median(reference):.0f}")
    percent = [100 * mine / its for mine, its in zip(ours, reference, strict=True)]
    return Figure(f"HPACK {name}: every field, of nghttp2's time", "%", percent, GOAL_PERCENT, note)
