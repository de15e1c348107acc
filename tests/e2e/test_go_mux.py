"""The probe of net/http's ServeMux, a hit more for each request, stays only where a middleware hands on copies of
requests, and comes back when one begins to."""
import http.client
import unittest

from go_targets import GoTarget, wait_probed
from go_builds import Cell
from harness import Agent, main, settle, wait_until

CELL = Cell("1.26", "default", "nethttp")
IN_VAIN = 1000  # MuxChoice::kHitsInVain
LOOK_SECONDS = 15 + 15  # between two looks at an idle program, on a busy machine
COPIED = {"X-With-Context": "yes"}


def ask(target: GoTarget, path: str, count: int, headers: dict[str, str] = {}) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)
    for _ in range(count):
        connection.request("GET", path, headers=headers)
        connection.getresponse().read()
    connection.close()


def routed(agent: Agent, route: str) -> int:
    return int(agent.scrape().total("http_server_duration_seconds_count", http_route=route))


class GoMuxTest(unittest.TestCase):
    def check_copies(self, agent: Agent, target: GoTarget) -> None:
        """Each of them has its route."""
        before = routed(agent, "/users/{id}")
        ask(target, "/users/7", 20, COPIED)
        settle(lambda: routed(agent, "/users/{id}") == before + 20, 10)
        self.assertEqual(routed(agent, "/users/{id}"), before + 20)

    def wait_for_points(self, agent: Agent, points: float, what: str) -> None:
        wait_until(lambda: agent.scrape().total("beyla_probes_attached") == points, LOOK_SECONDS, what)

    def test_it_goes_and_comes_back(self) -> None:
        with GoTarget(CELL) as target, Agent({"OPEN_PORT": str(target.port)}, print_traces=False) as agent:
            wait_probed(agent, target.process.pid)
            points = agent.scrape().total("beyla_probes_attached")
            ask(target, "/hello", IN_VAIN)
            self.wait_for_points(agent, points - 1, "its probe is gone")
            ask(target, "/hello", 5)
            ask(target, "/users/7", 16, COPIED)
            self.wait_for_points(agent, points, "its probe is back")
            self.check_copies(agent, target)
            ask(target, "/hello", IN_VAIN + 5)
            settle(lambda: routed(agent, "/hello") == 2 * IN_VAIN + 10, 10)
            self.assertEqual(routed(agent, "/hello"), 2 * IN_VAIN + 10)

    def test_one_copy_keeps_it(self) -> None:
        with GoTarget(CELL) as target, Agent({"OPEN_PORT": str(target.port)}, print_traces=False) as agent:
            wait_probed(agent, target.process.pid)
            points = agent.scrape().total("beyla_probes_attached")
            self.check_copies(agent, target)
            ask(target, "/hello", IN_VAIN + 1)
            settle(lambda: agent.scrape().total("beyla_probes_attached") != points, 3)
            self.assertEqual(agent.scrape().total("beyla_probes_attached"), points)
            self.check_copies(agent, target)


if __name__ == "__main__":
    main()
