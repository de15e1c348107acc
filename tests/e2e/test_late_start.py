"""The agent runs first, the server comes later: its very first request is seen, at every restart."""
import socket
import time
import unittest

from harness import FULL, Agent, free_port, main, settle
from http_client import Connection, Request
from targets import GoServer, PythonServer, Server

RESTARTS = 50 if FULL else 20
START_TIMEOUT_SECONDS = 15


def connect_in_a_tight_loop(port: int) -> Connection:
    """The connection that the server's listen() makes possible, as early as a client can have it."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            return Connection(port)
        except (ConnectionError, socket.timeout):
            continue
    raise AssertionError(f"nothing listens on port {port}")


def start_and_send_first_request(server: Server) -> int:
    """Starts the server, sends one request the moment it listens, ends the server; returns the status."""
    server.start(wait=False)
    try:
        with connect_in_a_tight_loop(server.port) as connection:
            return connection.exchange(Request("GET", "/first"), keep_alive=False)
    finally:
        server.stop()


class LateStartTest(unittest.TestCase):
    def check_restarts(self, server: Server, restarts: int) -> None:
        with Agent({"OPEN_PORT": str(server.port)}) as agent:
            for number in range(1, restarts + 1):
                self.assertEqual(start_and_send_first_request(server), 200)
                metrics = agent.wait_for_requests({("GET", 200): number}, timeout=3)
                self.assertEqual(metrics.requests(), {("GET", 200): number}, f"start {number}")
            settle(lambda: len(agent.lines()) >= restarts, 2)
            self.assertEqual([trace.path for trace in agent.traces()], ["/first"] * restarts)

    def test_the_first_request_is_seen(self) -> None:
        self.check_restarts(PythonServer(free_port()), 1)

    def test_every_restart_of_python(self) -> None:
        self.check_restarts(PythonServer(free_port()), RESTARTS)

    def test_every_restart_of_go(self) -> None:
        self.check_restarts(GoServer(free_port()), RESTARTS)


if __name__ == "__main__":
    main()
