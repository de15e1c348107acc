"""The agent comes to a connection of HTTP/2 that has had 100 requests: no path is wrong, what cannot be known is counted, and
from the moment that a path is said anew it is known.

ROWS=all takes every server, in clear text and behind TLS."""
from __future__ import annotations

import os
import unittest

from harness import Agent, main, settle
from http2_client import INDEXED_PATH, LITERAL_PATH, NEWEST, ROOT, Http2Connection, said
from http2_targets import SERVERS, GoHttp2, Http2Server, Nghttpd, NodeHttp2
from test_http2_matrix import EXCHANGES, line_of, wait_for_tls, way

BEFORE = 100
ASKED = 50  # of each path
# Of the first requests after the agent has come some may pass before the kernel is told that there are frames, and where
# TLS is in memory before it is proved whose it is.
MAY_MISS = 3


class LateTest(unittest.TestCase):
    def ask_and_see(self, agent: Agent, connection: Http2Connection, fields: list[bytes], may_miss: int = 0) -> list[str]:
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
            connection = Http2Connection(server.port, server.secure)
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
