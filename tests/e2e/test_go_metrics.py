"""Metrics of plain HTTP/1 in Go without traces: fewer probes stand then, and those that do tell less. The numbers are the
same: what panics is a 500, an answer that is given up is none, and each route is that of its own request."""
import unittest

from go_judge import GoTruth, wrong_losses, wrong_metrics
from go_targets import GoTarget, drive, wait_probed
from go_builds import Cell
from harness import FULL, Agent, main, settle

CELLS = (
    Cell("1.17", "default", "nethttp"),  # no probe stands at the begin of its requests
    Cell("1.19", "default", "nethttp"),
    Cell("1.26", "default", "nethttp"),
    Cell("1.17", "default", "mux"),
    Cell("1.19", "default", "mux"),
    Cell("1.26", "stripped", "mux"),
    Cell("1.19", "default", "gin"),
    Cell("1.26", "default", "gin"),
)
PASSES = 40 if FULL else 5
SETTLE_SECONDS = 10.0


class GoMetricsTest(unittest.TestCase):
    def test_without_traces_the_numbers_are_the_same(self) -> None:
        for cell in CELLS:
            target = GoTarget(cell)
            with self.subTest(str(cell)), target, Agent({"OPEN_PORT": str(target.port)}, print_traces=False) as agent:
                wait_probed(agent, target.process.pid)
                truth = GoTruth()
                for load in (["-passes", PASSES, "-connections", 3, "-pipelined", PASSES],
                             ["-passes", 1, "-connections", 3, "-fresh"]):
                    truth.add(drive("http", "-url", target.url(), "-routes", target.spelling, *load))
                settle(lambda: not wrong_metrics(agent.scrape(), truth), SETTLE_SECONDS)
                quiet = agent.quiet_metrics()
                wrong = wrong_losses(quiet) + wrong_metrics(quiet, truth)
                self.assertFalse(wrong, "\n".join(["", *wrong[:15]]))
                self.assertGreater(sum(row["count"] for row in truth.server if row["status"] == 500), 0)


if __name__ == "__main__":
    main()
