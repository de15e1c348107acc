"""The results as a table for people and as JSON for the next comparison."""
from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from figures import Figure
from harness import REPOSITORY
from program_statistics import ALL, UPROBES

FORMAT = 1  # of the JSON file


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    commit = subprocess.run(
        ["git", "-c", f"safe.directory={REPOSITORY}", "describe", "--always", "--dirty"], cwd=REPOSITORY,
        capture_output=True, text=True,
    )
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "commit": commit.stdout.strip() or "unknown",
    }


def rounded(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def row(figure: Figure) -> list[str]:
    numbers = figure.as_json()
    goal = "" if figure.goal is None else f"<= {rounded(figure.goal)}: {numbers['verdict']}"
    interval = f"{rounded(numbers['low'])} .. {rounded(numbers['high'])} ({numbers['coverage']:.0%})"
    programs = f"{rounded(figure.program_ns)} ns" if figure.program_ns is not None else ""
    return [figure.name, figure.unit, rounded(numbers["median"]), interval, str(numbers["rounds"]), goal, programs]


HEADER = ["figure", "unit", "median", "interval of the median", "rounds", "goal", "programs"]


def table(figures: list[Figure]) -> str:
    """A Markdown table, aligned for reading as it is."""
    rows = [HEADER, *map(row, figures)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEADER))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in rows)


NEGLIGIBLE_NS = 1.0  # of a program, for each unit: only in the JSON file


def program_line(figure: Figure) -> str:
    runs = [
        f"{name} {cost['runs_per_unit']:.2f} x {cost['ns_per_run']:.0f} ns"
        for name, cost in figure.programs.items()
        if name not in (ALL, UPROBES) and cost["ns_per_unit"] >= NEGLIGIBLE_NS
    ]
    return f"  programs, {figure.program_note}: {', '.join(runs)} = {figure.programs[ALL]['ns_per_unit']:.0f} ns"


def notes(figures: list[Figure]) -> str:
    lines = []
    for figure in figures:
        if figure.note or figure.programs:
            lines.append(f"- {figure.name} [{figure.unit}]: {figure.note}".rstrip(": "))
        if figure.programs:
            lines.append(program_line(figure))
    return "\n".join(lines)


def write(folder: Path, figures: list[Figure], run: dict[str, Any]) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        give_to_caller(folder)
    path = folder / f"{time.strftime('%Y-%m-%d')}-{platform.release()}.json"
    content = {"format": FORMAT, **run, "figures": [figure.as_json() for figure in figures]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    give_to_caller(path)
    return path


def give_to_caller(path: Path) -> None:
    """Under sudo: what we make belongs to who called it."""
    if "SUDO_UID" in os.environ:
        os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))
