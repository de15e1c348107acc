"""Targets come and go, processors die: nothing that the agent holds grows with it."""
from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

from harness import FULL, Agent, free_port, main, settle, wait_until
from identity_targets import ChosenPid, ask, build_c, copy_as
from kernel_objects import KINDS, bpf_ids_of
from processes import PROCESSOR, SPAWNER, memory_of, name_of, named

LIVES = 1000 if FULL else 500
KILLS = 50
MEBIBYTE = 1 << 20
MAX_GROWTH_BYTES = MEBIBYTE
WARM_UP = 20  # lives and deaths before the baseline


@dataclass
class Held:
    """By one process."""

    files: int
    bpf: dict[str, int]
    resident: int

    @staticmethod
    def of(pid: int) -> Held:
        bpf = {kind: len(ids) for kind, ids in bpf_ids_of(pid).items()}
        return Held(len(list(Path(f"/proc/{pid}/fd").iterdir())), bpf, memory_of(pid)["Rss"])

    def has_more_than(self, other: Held) -> bool:
        """Memory aside."""
        return self.files > other.files or any(self.bpf[kind] > other.bpf[kind] for kind in KINDS)


class ChurnTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-churn-")
        self.addCleanup(folder.cleanup)
        self.program = copy_as(build_c("identity_server"), Path(folder.name), "churned")
        self.port = free_port()

    def live(self, count: int) -> None:
        for _ in range(count):
            server = ChosenPid(self.program, self.port)
            try:
                ask(self.port)
            finally:
                server.kill()
            self.lives += 1

    def kill_processor(self, agent: Agent) -> None:
        """One that has delivered something: else the next one would be started later and later."""
        restarts = agent.scrape().total("beyla_processor_restarts_total")
        self.live(1)
        wait_until(lambda: agent.scrape().services()[self.program.name] == self.lives, 10, "the request is counted")
        os.kill(agent.processor_pid, signal.SIGKILL)

        def is_back() -> bool:
            with contextlib.suppress(OSError):
                return agent.scrape().total("beyla_processor_restarts_total") > restarts
            return False

        wait_until(is_back, 10, "the next processor answers")

    def held(self, agent: Agent) -> dict[str, Held]:
        settle(lambda: agent.scrape().total("beyla_targets") == 0, 10)
        pids = (agent.pid, named(agent.pid, SPAWNER), named(agent.pid, PROCESSOR))
        return {name_of(pid): Held.of(pid) for pid in pids}

    def held_at_last(self, agent: Agent, before: dict[str, Held]) -> dict[str, Held]:
        """At either look the connection of the last scrape may be open still."""
        last = {}

        def has_no_more() -> bool:
            last.update(self.held(agent))
            return not any(held.has_more_than(before[name]) for name, held in last.items())

        settle(has_no_more, 10)
        return last

    def test_nothing_grows(self) -> None:
        self.lives = 0
        with Agent({"OPEN_PORT": str(self.port)}, print_traces=False) as agent:
            self.live(WARM_UP)
            self.kill_processor(agent)
            self.live(WARM_UP)
            before = self.held(agent)
            for _ in range(KILLS):
                self.live(LIVES // KILLS)
                self.kill_processor(agent)
            self.live(WARM_UP)  # as before the first look
            after = self.held_at_last(agent, before)
            for name, held in after.items():
                with self.subTest(name):
                    grown = held.resident - before[name].resident
                    print(f"{name:12} files {held.files}, {held.bpf}, {held.resident / MEBIBYTE:.2f} MiB "
                          f"({grown / 1024:+.0f} KiB)", flush=True)
                    self.assertFalse(held.has_more_than(before[name]), f"{held} after {before[name]}")
                    self.assertLessEqual(grown, MAX_GROWTH_BYTES)
            metrics = agent.scrape()
            self.assertEqual(metrics.services(), {self.program.name: self.lives})
            self.assertEqual(metrics.total("beyla_targets"), 0)
            self.assertEqual(metrics.total("beyla_processor_restarts_total"), KILLS + 1)


if __name__ == "__main__":
    main()
