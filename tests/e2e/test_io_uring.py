"""Servers on io_uring: each way of receiving and sending is captured as if it were a system call."""
import unittest

from c_targets import CServer, build_c_target
from harness import FULL, Agent, main, settle
from http_client import LoadResult, run_load
from observed import Metrics
from targets import BODY, Server

KEEP_ALIVE_REQUESTS, SINGLE_REQUESTS = (10_000, 1_000) if FULL else (500, 100)
CONNECTIONS = 4
SIZE = "http_server_request_size_bytes"


def send_both_loads(server: Server) -> LoadResult:
    result = run_load(server.port, KEEP_ALIVE_REQUESTS, CONNECTIONS, server.mix)
    result.merge(run_load(server.port, SINGLE_REQUESTS, CONNECTIONS, server.mix, keep_alive=False))
    return result


class IoUringTest(unittest.TestCase):
    def check(self, mode: str) -> None:
        executable = build_c_target("uring_server", "-luring")
        with CServer(executable, mode) as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            sent = send_both_loads(server)
            self.assertEqual(sent.errors, [])
            self.assertEqual(sent.counts.total(), KEEP_ALIVE_REQUESTS + SINGLE_REQUESTS)
            metrics = agent.wait_for_requests(sent.counts)
            self.assertEqual(metrics.requests(), sent.counts)
            self.check_sizes(metrics, sent)
            self.check_nothing_missed(metrics)
            settle(lambda: len(agent.lines()) >= sent.counts.total(), 5)
            self.assertEqual(len(agent.traces()), sent.counts.total())

    def check_sizes(self, metrics: Metrics, sent: LoadResult) -> None:
        posts = sent.method("POST")
        self.assertEqual(metrics.total(f"{SIZE}_sum", http_method="GET"), 0)
        self.assertEqual(metrics.total(f"{SIZE}_sum", http_method="POST"), posts * len(BODY))
        self.assertEqual(metrics.total(f"{SIZE}_count"), sent.counts.total())

    def check_nothing_missed(self, metrics: Metrics) -> None:
        self.assertEqual(metrics.total("beyla_capture_degraded_total", reason="unreadable"), 0)
        for name in ("exchanges_incomplete", "exchanges_unpaired", "connection_gaps"):
            self.assertEqual(metrics.total(f"beyla_{name}_total"), 0, name)

    def test_send_and_recv(self) -> None:
        self.check("send")

    def test_sendmsg_and_recvmsg_of_two_pieces(self) -> None:
        self.check("message")

    def test_writev_and_readv_of_two_pieces(self) -> None:
        self.check("vector")

    def test_write_and_read(self) -> None:
        self.check("file")

    def test_registered_buffers(self) -> None:
        self.check("registered")

    def test_provided_buffers_with_multishot_accept_and_recv(self) -> None:
        self.check("provided")

    def test_worker_threads(self) -> None:
        self.check("async")

    def test_submission_thread(self) -> None:
        self.check("sqpoll")

    def test_zero_copy_send(self) -> None:
        self.check("zerocopy")

    def test_linked_sends_of_head_and_body(self) -> None:
        self.check("linked")

    def test_registered_files(self) -> None:
        self.check("direct")


if __name__ == "__main__":
    main()
