"""The agent comes to a connection of HTTP/2 that has had 100 requests: no path is wrong, what cannot be known is counted, and
from the moment that a path is said anew it is known.

ROWS=all takes every server, in clear text and behind TLS."""
from __future__ import annotations

import os
import socket
import ssl
import unittest

from harness import Agent, main, settle
from http2_targets import SERVERS, GoHttp2, Http2Server, Nghttpd, NodeHttp2
from test_http2_matrix import EXCHANGES, line_of, wait_for_tls, way

BEFORE = 100
ASKED = 50  # of each path
# Of the first requests after the agent has come some may pass before the kernel is told that there are frames, and where
# TLS is in memory before it is proved whose it is.
MAY_MISS = 3
WINDOW = (2**30).to_bytes(4, "big")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


# Windows of each stream and of all; and the server's settings are acknowledged.
SETTINGS = frame(4, 0, 0, b"\0\4" + WINDOW) + frame(8, 0, 0, WINDOW) + frame(4, 1, 0)
LITERAL_PATH, INDEXED_PATH, NEWEST, ROOT = b"\x04", b"\x44", b"\xbe", b"\x84"  # RFC 7541 section 6 and appendix A


class Connection:
    """One request at a time, whose path is said as the caller wants."""

    def __init__(self, server: Http2Server) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), 10)
        if server.secure:
            context = ssl._create_unverified_context()
            context.set_alpn_protocols(["h2"])
            self._socket = context.wrap_socket(self._socket)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
        self._stream, self._received = 1, b""

    def ask(self, path_field: bytes) -> None:
        # GET, http, the authority as a literal that nobody keeps.
        self._socket.sendall(frame(1, 5, self._stream, b"\x82\x86" + path_field + b"\x01\x01h"))
        while not self._answered():
            received = self._socket.recv(65_536)
            if not received:
                raise ConnectionError("the server closed the connection")
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


def said(how: bytes, path: str) -> bytes:
    return how + bytes((len(path),)) + path.encode()


class LateTest(unittest.TestCase):
    def ask_and_see(self, agent: Agent, connection: Connection, fields: list[bytes], may_miss: int = 0) -> list[str]:
        """The paths that the agent tells of these requests."""
        before = len(agent.lines())
        for field in fields:
            connection.ask(field)
        settle(lambda: len(agent.lines()) - before == len(fields), 3)
        paths = [line_of(line)[1] for line in agent.lines()[before:]]
        self.assertGreaterEqual(len(paths), len(fields) - may_miss)
        return paths

    def check(self, server: Http2Server) -> None:
        with server:
            connection = Connection(server)
            connection.ask(said(INDEXED_PATH, "/small"))
            for _ in range(BEFORE - 1):
                connection.ask(NEWEST)
            with Agent({"OPEN_PORT": str(server.port)}) as agent:
                if server.secure:
                    wait_for_tls(agent, server.process.pid)
                unknown = self.ask_and_see(agent, connection, [NEWEST] * ASKED, MAY_MISS)
                self.assertEqual(set(unknown), {""})
                known = [ROOT, said(LITERAL_PATH, "/literal"), said(INDEXED_PATH, "/missing")] + [NEWEST] * ASKED
                paths = self.ask_and_see(agent, connection, known)
                self.assertEqual(paths, ["/", "/literal"] + ["/missing"] * (ASKED + 1))
                paths = self.ask_and_see(agent, connection, [said(INDEXED_PATH, "/small")] + [NEWEST] * ASKED)
                self.assertEqual(paths, ["/small"] * (ASKED + 1))
                metrics = agent.quiet_metrics()
                self.assertEqual(metrics.total("beyla_exchanges_partly_unknown_total"), len(unknown))
                self.assertEqual(metrics.total(EXCHANGES), len(agent.lines()))
            connection.close()

    def test_servers(self) -> None:
        for make in SERVERS:
            for secure in (False, True):
                if make is GoHttp2:
                    continue  # it reads head and content of a frame by two calls, where we find none: its probes tell
                if os.environ.get("ROWS") == "all" or (make, secure) in ((Nghttpd, True), (NodeHttp2, False), (NodeHttp2, True)):
                    with self.subTest(server=make.name, way=way(secure)):
                        self.check(make(secure))


if __name__ == "__main__":
    main()
