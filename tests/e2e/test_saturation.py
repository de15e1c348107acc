"""Under full load the books balance: every event is delivered or counted as lost, and no request is invented."""
import re
import subprocess
import unittest

from harness import FULL, Agent, main, required_program, settle
from targets import GoServer, Nginx, Server

CONNECTIONS = 64
SECONDS = 20 if FULL else 8


def run_wrk(port: int) -> int:
    """Loads the server and returns how many answers wrk completed."""
    command = [required_program("wrk"), "-t2", f"-c{CONNECTIONS}", f"-d{SECONDS}s", f"http://127.0.0.1:{port}/load"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    match = re.search(r"(\d+) requests in", output)
    if not match or "Non-2xx" in output or "Socket errors" in output:
        raise AssertionError(f"wrk failed:\n{output}")
    return int(match[1])


class SaturationTest(unittest.TestCase):
    def check(self, server: Server) -> None:
        with server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            answered = run_wrk(server.port)
            metrics = agent.quiet_metrics()
            lost = int(metrics.total("beyla_events_lost_total"))
            counted = sum(metrics.requests().values())
            print(f"{server.name}: wrk {answered}, counted {counted}, events lost {lost}", flush=True)
            self.assertEqual(set(metrics.requests()), {("GET", 200)})
            # wrk forgets the answers in flight when it stops: at most one for each connection.
            self.assertLessEqual(counted, answered + CONNECTIONS)
            self.assertGreaterEqual(counted, answered - lost)
            self.check_handler_times(agent, counted)

    def check_handler_times(self, agent: Agent, counted: int) -> None:
        settle(lambda: len(agent.lines()) >= counted, 5)
        traces = agent.traces()
        self.assertEqual(len(traces), counted)
        self.assertTrue(all(trace.handler <= trace.total for trace in traces), "a handler time above its total")
        waited = sum(trace.handler < trace.total for trace in traces)
        print(f"  {waited} of {counted} requests waited before their handler ran", flush=True)
        self.assertGreater(waited, 0)

    def test_nginx(self) -> None:
        self.check(Nginx())

    def test_go(self) -> None:
        self.check(GoServer())


if __name__ == "__main__":
    main()
