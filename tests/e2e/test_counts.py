"""Each request is counted once, with its method, status and size: servers in four languages, nothing lost."""
import unittest

from harness import Agent, main, settle
from http_client import LoadResult, run_load
from observed import Metrics
from targets import BODY, GoServer, Nginx, NodeServer, PythonServer, Server

KEEP_ALIVE_REQUESTS = 10_000
SINGLE_REQUESTS = 1_000
CONNECTIONS = 8
SIZE = "http_server_request_size_bytes"


def send_both_loads(server: Server) -> LoadResult:
    result = run_load(server.port, KEEP_ALIVE_REQUESTS, CONNECTIONS, server.mix)
    result.merge(run_load(server.port, SINGLE_REQUESTS, CONNECTIONS, server.mix, keep_alive=False))
    return result


def books_balance(metrics: Metrics) -> bool:
    return metrics.by("beyla_events_generated_total", "kind") == metrics.by("beyla_events_delivered_total", "kind")


class CountsTest(unittest.TestCase):
    def check(self, server: Server) -> None:
        with server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            sent = send_both_loads(server)
            self.assertEqual(sent.errors, [])
            metrics = agent.wait_for_requests(sent.counts)
            self.assertEqual(metrics.requests(), sent.counts)
            self.check_sizes(metrics, sent)
            self.check_books(agent)
            settle(lambda: len(agent.lines()) >= sent.counts.total(), 5)
            self.assertEqual(len(agent.traces()), sent.counts.total())

    def check_sizes(self, metrics: Metrics, sent: LoadResult) -> None:
        gets, posts = sent.method("GET"), sent.method("POST")
        self.assertEqual(metrics.bucket(SIZE, 0, http_method="GET"), gets)
        self.assertEqual(metrics.total(f"{SIZE}_sum", http_method="GET"), 0)
        self.assertEqual(metrics.bucket(SIZE, 0, http_method="POST"), 0)
        self.assertEqual(metrics.bucket(SIZE, 32, http_method="POST"), posts)
        self.assertEqual(metrics.total(f"{SIZE}_sum", http_method="POST"), posts * len(BODY))
        self.assertEqual(metrics.total(f"{SIZE}_count"), gets + posts)

    def check_books(self, agent: Agent) -> None:
        settle(lambda: books_balance(agent.scrape()), 5)
        metrics = agent.scrape()
        lost = metrics.select("beyla_events_lost_total")
        self.assertTrue(lost, "beyla_events_lost_total must be there at 0")
        self.assertEqual({labels: value for labels, value in lost.items() if value}, {})
        self.assertGreater(metrics.total("beyla_events_generated_total"), 0)
        self.assertEqual(
            metrics.by("beyla_events_generated_total", "kind"), metrics.by("beyla_events_delivered_total", "kind")
        )
        for name in ("exchanges_incomplete", "exchanges_unpaired", "connection_gaps"):
            self.assertEqual(metrics.total(f"beyla_{name}_total"), 0, name)

    def test_go(self) -> None:
        self.check(GoServer())

    def test_python(self) -> None:
        self.check(PythonServer())

    def test_node(self) -> None:
        self.check(NodeServer())

    def test_nginx(self) -> None:
        self.check(Nginx())


if __name__ == "__main__":
    main()
