"""HTTP/2 in clear text: every stream of nghttpd is accounted for, with its path and status, also when the agent comes late."""
import re
import socket
import subprocess
import unittest

from harness import Agent, main, required_program, settle
from targets import ServerWithFolder

COUNT = "http_server_duration_seconds_count"
EXCHANGES = "beyla_exchanges_total"


class Nghttpd(ServerWithFolder):
    name = "nghttpd"

    def command(self) -> list[str]:
        for name, size in (("small", 10), ("large", 300_000)):
            (self.folder / name).write_bytes(b"x" * size)
        return [required_program("nghttpd"), "--no-tls", f"--htdocs={self.folder}", str(self.port)]


def h2load(port: int, requests: int, clients: int, streams: int, *paths: str) -> None:
    output = subprocess.run(
        [required_program("h2load"), f"-n{requests}", f"-c{clients}", f"-m{streams}"]
        + [f"http://127.0.0.1:{port}{path}" for path in paths],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout
    if not re.search(rf"{requests} succeeded|{requests} done", output):
        raise AssertionError(output)


class Http2Test(unittest.TestCase):
    def assert_clean(self, agent: Agent) -> None:
        metrics = agent.quiet_metrics()
        self.assertEqual(metrics.total("beyla_events_lost_total"), 0)
        self.assertEqual(metrics.total("beyla_exchanges_incomplete_total"), 0, metrics.text)
        self.assertEqual(metrics.total("beyla_exchanges_unpaired_total"), 0)
        self.assertEqual(metrics.total("beyla_connection_gaps_total"), 0)

    def check_load(self, requests: int, clients: int, streams: int, *paths: str) -> None:
        with Nghttpd() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            h2load(server.port, requests, clients, streams, *paths)
            settle(lambda: agent.scrape().total(EXCHANGES) == requests, 10)
            self.assertEqual(agent.scrape().total(EXCHANGES, role="server"), requests)
            self.assert_clean(agent)

    def test_every_stream_of_a_load(self) -> None:
        with Nghttpd() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            h2load(server.port, 10_000, 4, 100, "/small", "/missing")
            settle(lambda: agent.scrape().total(EXCHANGES) == 10_000, 10)
            metrics = agent.quiet_metrics()
            statuses = {key[0]: count for key, count in metrics.by(COUNT, "http_status_code").items()}
            self.assertEqual(statuses, {"200": 5000, "404": 5000})
            self.assert_clean(agent)

    def test_large_bodies_between_the_heads(self) -> None:
        self.check_load(1000, 2, 10, "/large", "/small")

    def test_paths_of_traces(self) -> None:
        with Nghttpd() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            h2load(server.port, 20, 1, 10, "/small?q=secret")
            settle(lambda: len(agent.traces()) == 20, 10)
            for trace in agent.traces():
                self.assertEqual((trace.method, trace.path, trace.status), ("GET", "/small", 200))
            self.assertNotIn("secret", agent.stdout())

    def test_an_agent_that_comes_late(self) -> None:
        """On one connection /small was asked for 100 times before: of it nobody knows the path any more."""
        with Nghttpd() as server:
            client = LateClient(server.port)
            for _ in range(100):
                client.get()
            with Agent({"OPEN_PORT": str(server.port)}) as agent:
                for _ in range(50):
                    client.get()
                settle(lambda: agent.scrape().total(EXCHANGES) == 50, 10)
                paths = {trace.path for trace in agent.traces()}
                self.assertEqual(paths, {""})
                metrics = agent.quiet_metrics()
                self.assertEqual(metrics.total(COUNT, http_status_code="200"), 50)
                self.assertEqual(metrics.total("beyla_exchanges_partly_unknown_total"), 50)
                client.get("/other")
                client.get("/other")
                settle(lambda: len(agent.traces()) == 52, 10)
                self.assertEqual([trace.path for trace in agent.traces()[50:]], ["/other"] * 2)
                self.assertEqual(agent.quiet_metrics().total("beyla_exchanges_partly_unknown_total"), 50)
            client.close()


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class LateClient:
    """One connection. A path that differs from the one before is indexed (RFC 7541 section 6.2.1)."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(8, 0, 0, (2**30).to_bytes(4, "big")))
        self._stream = 1
        self._received = b""
        self._path = ""

    def get(self, path: str = "/small") -> None:
        is_new, self._path = path != self._path, path
        field = b"\x44" + bytes((len(path),)) + path.encode() if is_new else b"\xbe"
        self._socket.sendall(frame(1, 5, self._stream, b"\x82\x86" + field + b"\x01\x01h"))
        while not self._answered():
            received = self._socket.recv(65_536)
            if not received:
                raise ConnectionError("nghttpd closed the connection")
            self._received += received
        self._stream += 2

    def _answered(self) -> bool:
        while len(self._received) >= 9:
            size = 9 + int.from_bytes(self._received[:3], "big")
            if len(self._received) < size:
                return False
            kind, flags, stream = self._received[3], self._received[4], int.from_bytes(self._received[5:9], "big")
            self._received = self._received[size:]
            if kind in (0, 1) and flags & 1 and stream == self._stream:
                return True
        return False

    def close(self) -> None:
        self._socket.close()


if __name__ == "__main__":
    main()
