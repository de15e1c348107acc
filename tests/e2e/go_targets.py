"""The Go targets of tests/targets/go as processes, and the driver that sends them a known load."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from harness import REPOSITORY
from targets import Server

sys.path.insert(0, str(REPOSITORY / "tests" / "matrix"))

from go_builds import Cell, driver, program_of  # noqa: E402

DRIVER_SECONDS = 300


class GoTarget(Server):
    """The server of a cell; `flags` beside those that make it one of its kind."""

    def __init__(self, cell: Cell, *flags: str, executable: Path | None = None) -> None:
        super().__init__()
        self.cell, self.name, self._flags = cell, str(cell), flags
        self._executable = executable or program_of(cell)

    def command(self) -> list[str]:
        return [str(self._executable), *self.cell.flags, *self._flags, str(self.port)]

    @property
    def spelling(self) -> str:
        """How its routes are spelt: see tests/targets/go/driver/steps.go."""
        if self.cell.framework in ("mux", "gin"):
            return self.cell.framework
        return "patterns" if int(self.cell.go.split(".")[1]) >= 22 else "prefixes"

    def url(self, secure: bool = False) -> str:
        return f"http{'s' if secure else ''}://127.0.0.1:{self.port}"


def run_json(command: Sequence[str | Path]) -> dict:
    """What a program prints, which must be JSON; fails if the program does."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DRIVER_SECONDS
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def drive(*arguments: str | int) -> dict:
    """The ground truth of one run of the driver, none of whose requests may have failed."""
    truth = run_json([driver(), *map(str, arguments)])
    if truth["wrong"] or truth.get("failed"):
        raise AssertionError(f"driver {arguments}: {truth.get('failed')} failed: {truth['wrong']}")
    return truth
