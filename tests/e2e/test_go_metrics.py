"""Metrics of plain HTTP/1 in Go without traces: fewer probes stand then, and those that do tell less. The numbers are the
same: what panics is a 500, an answer that is given up is none, and each route is that of its own request."""
import subprocess
import unittest

from go_judge import GoTruth, wrong_losses, wrong_metrics
from go_targets import GoTarget, drive, wait_probed
from go_builds import Cell, program_of
from harness import FULL, Agent, free_port, main, settle

CELLS = (
    Cell("1.17", "default", "nethttp"),
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
# A server that is its own client and links no TLS server: in that of 1.17 no probe stands at the begin of a request.
BARE = (Cell("1.17", "default", "unharmed"), Cell("1.26", "default", "unharmed"))
ROUNDS, ASKED_A_ROUND, PANICS_A_ROUND = 10, 32, 4  # of its 4 workers


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

    def test_panics_count_without_a_begin(self) -> None:
        for cell in BARE:
            with self.subTest(str(cell)):
                port = free_port()
                command = [str(program_of(cell)), "-rounds", str(ROUNDS), str(port)]
                with Agent({"OPEN_PORT": str(port)}, print_traces=False) as agent, subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
                ) as program:
                    wait_probed(agent, program.pid)
                    program.stdin.write("once\n")
                    program.stdin.flush()
                    program.stdout.readline()
                    quiet = agent.quiet_metrics()
                    program.stdin.close()
                counted = "http_server_duration_seconds_count"
                self.assertEqual(quiet.total(counted), ROUNDS * ASKED_A_ROUND)
                self.assertEqual(quiet.total(counted, http_status_code="500"), ROUNDS * PANICS_A_ROUND)


if __name__ == "__main__":
    main()
