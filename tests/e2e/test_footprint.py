"""What the agent's processes hold in memory together, at rest after a load, beside one process that does it all."""
from __future__ import annotations

import time
import unittest

from harness import BEYLA_BINARY, Agent, main
from http_client import run_load
from processes import memory_of, name_of
from targets import Nginx

REQUESTS = 10_000
CONNECTIONS = 8
REST_SECONDS = 1.0
MEBIBYTE = 1 << 20
MOST_BYTES = 32 * MEBIBYTE  # resident together; four fifths are pages of files
MORE_BYTES = 8 * MEBIBYTE
FIELDS = ("Rss", "Pss", "Private_Dirty")


class FootprintTest(unittest.TestCase):
    def measure(self, *options: str) -> dict[str, int]:
        with Nginx() as server, Agent({"OPEN_PORT": str(server.port)}, [str(BEYLA_BINARY), *options]) as agent:
            expected = run_load(server.port, REQUESTS, CONNECTIONS, server.mix).counts
            self.assertEqual(agent.wait_for_requests(expected).requests(), expected)
            time.sleep(REST_SECONDS)
            together = dict.fromkeys(FIELDS, 0)
            for pid in agent.pids:
                own = memory_of(pid)
                self.tell(name_of(pid), own)
                for field in FIELDS:
                    together[field] += own[field]
            self.tell("together", together)
            return together

    def tell(self, name: str, memory: dict[str, int]) -> None:
        figures = ", ".join(f"{field} {memory[field] / MEBIBYTE:5.2f}" for field in FIELDS)
        print(f"{name:12} {figures} MiB", flush=True)

    def test_the_split_costs_little(self) -> None:
        single = self.measure("--single-process")
        split = self.measure()
        self.assertLessEqual(split["Rss"], MOST_BYTES)
        self.assertLessEqual(split["Rss"] - single["Rss"], MORE_BYTES)
        self.assertLessEqual(split["Pss"] - single["Pss"], MORE_BYTES / 4)  # a page that two share counts half for each


if __name__ == "__main__":
    main()
