"""Each request of each runtime is counted once on each side: see tests/matrix/README.md.

ROWS chooses rows by name, separated by semicolons; ROWS=all is the whole matrix (`make test-matrix`); without it the
rows that need Debian packages only. FULL=1 sends the acceptance numbers.
"""
import os
import socket
import sys
import unittest
from pathlib import Path
from typing import BinaryIO, Callable, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))

from clients import CLIENTS, ClientRuntime
from harness import Agent, main
from http_client import Request, parse_head
from rows import TABLE_HEAD, Outcome, run_client_row, run_server_row, table_line
from servers import NGINX_ANSWERS, SERVERS, RunningServer, Runtime

ROWS = os.environ.get("ROWS", "")
NAMES = [name.strip() for name in ROWS.split(";")]
Row = Runtime | ClientRuntime


def chosen(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if ROWS == "all" or row.name in NAMES or (not ROWS and row.in_ci)]


class MatrixTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        unknown = set(NAMES) - {row.name for row in (*SERVERS, *CLIENTS)} - {"", "all"}
        if unknown:
            raise AssertionError(f"no row is called {unknown}")
        print(f"\n{TABLE_HEAD}", flush=True)

    def check(self, run: Callable[[], Outcome]) -> None:
        outcome = run()
        print(table_line(outcome), flush=True)
        if outcome.wrong:
            self.fail("\n".join([outcome.name, *outcome.wrong]))

    def test_servers(self) -> None:
        for runtime in chosen(SERVERS):
            for agent_first in (False, True):
                with self.subTest(runtime=runtime.name, agent_first=agent_first):
                    self.check(lambda: run_server_row(runtime, agent_first))

    def test_clients(self) -> None:
        for client in chosen(CLIENTS):
            with self.subTest(client=client.name):
                self.check(lambda: run_client_row(client))


def read_answer(stream: BinaryIO) -> None:
    head = b"".join(iter(stream.readline, b"\r\n"))
    _, body_bytes = parse_head(head.rstrip())
    stream.read(body_bytes)


class EarlyAnswerTest(unittest.TestCase):
    """nginx's `return` answers before it reads the body, which then uses up what is copied until the next answer."""

    SENT_BEFORE = 300  # bytes; the rest follows the answer
    # Beyond what is copied of a new connection. nginx reads 4 KiB at once: the last piece of the body is some 2 KiB
    # long, so that a request behind it in the same piece is not at its beginning.
    LONG_BODY = b"x" * (17 * 4096 + 2100)
    FILLER = b"\r\nUser-Agent: " + b"u" * 100  # a head longer than what is copied of a record without credit

    def encode(self, method: str, target: str, body: bytes = b"", chunked: bool = False) -> bytes:
        request = Request(method, target, b"" if chunked else body).encode(keep_alive=True)
        request = request.replace(b"\r\nHost: localhost", b"\r\nHost: localhost" + self.FILLER, 1)
        if not chunked:
            return request
        head = request.removesuffix(b"\r\n\r\n") + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    def sizes_after(self, first: bytes, second: bytes, at_once: bool) -> list[tuple[str, str]]:
        """Path and size of each line once both requests are answered."""
        with RunningServer(NGINX_ANSWERS) as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                answers = connection.makefile("rb")
                connection.sendall(first[: self.SENT_BEFORE])
                read_answer(answers)
                rest = first[self.SENT_BEFORE :]
                for piece in [rest + second] if at_once else [rest, second]:
                    connection.sendall(piece)
                read_answer(answers)
            agent.quiet_metrics()
            return [(line.split()[5], line.rsplit("size:", 1)[1]) for line in agent.lines()]

    def test_the_request_behind_a_long_body_has_its_size(self) -> None:
        first, second = self.encode("PUT", "/long", self.LONG_BODY), self.encode("POST", "/next", b"abcdef")
        lines = self.sizes_after(first, second, at_once=False)
        self.assertEqual(lines, [("/long", f"{len(self.LONG_BODY)}B"), ("/next", "6B")])

    def test_the_request_received_with_the_end_of_a_body_in_chunks_is_counted(self) -> None:
        first, second = self.encode("PUT", "/long", self.LONG_BODY, chunked=True), self.encode("GET", "/next")
        lines = self.sizes_after(first, second, at_once=True)
        self.assertEqual([path for path, _ in lines], ["/long", "/next"])


if __name__ == "__main__":
    main()
