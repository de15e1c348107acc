"""The agent's own processes: what it leaves alone, and what they hold while they run."""
from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path

from harness import BEYLA_BINARY, Agent, main, wait_until


class OwnProcessesTest(unittest.TestCase):
    def restarts(self, agent: Agent) -> float:
        """0 also while the old one still answers, or nobody does."""
        try:
            return agent.scrape().total("beyla_processor_restarts_total")
        except OSError:
            return 0
    def test_it_does_not_watch_itself(self) -> None:
        """Selected by its own name it serves scrapes that are nobody's requests; also after a restart."""
        with tempfile.TemporaryDirectory(prefix="beyla-own-") as folder:
            binary = Path(folder) / f"beyla-own-{os.getpid()}"
            shutil.copy(BEYLA_BINARY, binary)
            with Agent({"EXECUTABLE_NAME": binary.name}, [str(binary)]) as agent:
                for _ in range(3):
                    self.assertEqual(agent.scrape().total("beyla_targets"), 0, agent.stderr())
                os.kill(agent.processor_pid, signal.SIGKILL)
                wait_until(lambda: self.restarts(agent) == 1, 5, "another processor")
                for _ in range(3):
                    self.assertEqual(agent.scrape().total("beyla_targets"), 0, agent.stderr())
                self.assertNotIn("instrumenting", agent.stderr())


if __name__ == "__main__":
    sys.exit(main())
