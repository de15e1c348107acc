"""Loss on purpose: the agent is stopped under load until the ring is full. The books balance to the unit, each lost
record costs at most one request, nothing is paired wrongly, and afterwards every request counts again."""
import signal
import subprocess
import time
import unittest

from harness import Agent, main, required_program, settle, wait_until
from http_client import Request, run_load
from observed import Metrics
from targets import Nginx

CONNECTIONS = 64
LOAD_SECONDS = 6
STOPPED_SECONDS = 3
RECOVERY_REQUESTS = 500


class LossTest(unittest.TestCase):
    def test_a_reader_that_was_stopped(self) -> None:
        with Nginx() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            answered = self.overflow(agent, server.port)
            metrics = agent.quiet_metrics()
            lost = int(metrics.total("beyla_events_lost_total"))
            counted = sum(metrics.requests().values())
            print(f"answered {answered}, counted {counted}, events lost {lost}", flush=True)
            self.assertGreater(lost, 0, "the ring never filled: this test shows nothing")
            self.assertEqual(set(metrics.requests()), {("GET", 200)})
            self.assertLessEqual(counted, answered + CONNECTIONS)
            self.assertGreaterEqual(counted, answered - lost)
            self.check_recovery(agent, server.port, metrics)

    def overflow(self, agent: Agent, port: int) -> int:
        command = [required_program("wrk"), "-t2", f"-c{CONNECTIONS}", f"-d{LOAD_SECONDS}s", f"http://127.0.0.1:{port}/load"]
        wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_until(lambda: agent.scrape().requests(), 10, "the first request is counted")
        agent.process.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)  # how long the reader is away is what this test is about
        agent.process.send_signal(signal.SIGCONT)
        output = wrk.communicate()[0]
        return int(next(line.split()[0] for line in output.splitlines() if "requests in" in line))

    def check_recovery(self, agent: Agent, port: int, before: Metrics) -> None:
        load = run_load(port, RECOVERY_REQUESTS, 4, lambda index: Request("GET", f"/after/{index}"))
        expected = before.requests() + load.counts
        after = agent.wait_for_requests(expected)
        self.assertEqual(after.requests(), expected)
        self.assertEqual(after.total("beyla_events_lost_total"), before.total("beyla_events_lost_total"))
        # Connections whose close record was lost are forgotten, too.
        settle(lambda: agent.scrape().total("beyla_connections") == 0, 10)
        self.assertEqual(agent.scrape().total("beyla_connections"), 0)


if __name__ == "__main__":
    main()
