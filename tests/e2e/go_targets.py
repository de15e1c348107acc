"""The Go targets of tests/targets/go as processes, and the driver that sends them a known load."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from harness import REPOSITORY, Agent, wait_until
from targets import Server

sys.path.insert(0, str(REPOSITORY / "tests" / "matrix"))

from go_builds import Cell, driver, program_of  # noqa: E402

DRIVER_SECONDS = 300
PROBED_SECONDS = 15


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


def wait_probed(agent: Agent, pid: int) -> None:
    """What a program does before its probes are in is seen by its sockets only."""
    probed = f"Go probes in pid={pid} "
    wait_until(lambda: probed in agent.stderr(), PROBED_SECONDS, f"'{probed}' in the agent's log")


def run_json(command: Sequence[str | Path], agent: Agent | None = None) -> dict:
    """What a program prints, which must be JSON; fails if the program does. With an agent it gets a line on its standard
    input once its probes are in."""
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        if agent:
            wait_probed(agent, process.pid)
        output, errors = process.communicate("\n", DRIVER_SECONDS)
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode != 0:
        raise AssertionError(f"{command} ended with {process.returncode}: {errors}")
    return json.loads(output)


def drive(*arguments: str | int) -> dict:
    """The ground truth of one run of the driver, none of whose requests may have failed."""
    truth = run_json([driver(), *map(str, arguments)])
    if truth["wrong"] or truth.get("failed"):
        raise AssertionError(f"driver {arguments}: {truth.get('failed')} failed: {truth['wrong']}")
    return truth
