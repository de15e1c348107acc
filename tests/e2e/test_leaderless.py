"""A process whose main thread has ended goes on in another thread: its sockets are found all the same."""
import unittest
from pathlib import Path

from c_targets import CServer, build_c_target
from harness import Agent, main, wait_until
from http_client import Connection, Request

REQUESTS = 20


def main_thread_has_ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


class LeaderlessTest(unittest.TestCase):
    def test_connection_and_listener_from_before_the_agent(self) -> None:
        with CServer(build_c_target("leaderless_server", "-lpthread")) as server:
            process = server.process
            assert process
            wait_until(lambda: main_thread_has_ended(process.pid), 5, "the main thread ends")
            with Connection(server.port) as older, Agent({"OPEN_PORT": str(server.port)}) as agent:
                for _ in range(REQUESTS):
                    self.assertEqual(older.exchange(Request("GET", "/older")), 200)
                older.__exit__()  # the server takes one connection at a time
                with Connection(server.port) as newer:
                    for _ in range(REQUESTS):
                        self.assertEqual(newer.exchange(Request("GET", "/newer")), 200)
                expected = {("GET", 200): 2 * REQUESTS}
                self.assertEqual(agent.wait_for_requests(expected).requests(), expected)


if __name__ == "__main__":
    main()
