"""Runs `beyla record` around a server and its requests, and keeps what the live agent said of them. Needs root."""
from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Sequence

from replaying import CAPTURES, counted, without_times
from traffic import (
    Conversation, Expected, chunked_requests, pipelined_requests, simple_requests, split_bodies, split_heads,
)

from harness import BEYLA_BINARY, Agent, wait_until
from observed import Trace
from targets import GoServer, Nginx, NodeServer, Server

LINE_TIMEOUT_SECONDS = 15.0

PROXY_CONFIGURATION = """
daemon off;
user root;
pid {folder}/pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{behind}; }}
  }}
}}
"""


class PrivateServer(Server):
    """Python's http.server with private answers."""

    name = "Python"

    def command(self) -> list[str]:
        return [sys.executable, str(CAPTURES / "private_server.py"), str(self.port)]


class Proxy(Nginx):
    """nginx in front of the server above: it answers each request and asks it again."""

    name = "proxy"

    def start(self, wait: bool = True) -> None:
        self.behind = PrivateServer()
        self.behind.start()
        try:
            super().start(wait)
        except AssertionError:
            self.behind.stop()
            raise

    def stop(self, *arguments: object) -> None:
        super().stop(*arguments)
        self.behind.stop()

    def configuration(self) -> str:
        return PROXY_CONFIGURATION.format(folder=self.folder, port=self.port, behind=self.behind.port)


@dataclass(frozen=True)
class Live:
    """What the agent said while it recorded."""

    lines: str
    page: str
    expected: list[Expected]

    def said(self) -> list[Expected]:
        traces = map(Trace.parse, self.lines.splitlines())
        return [Expected(trace.method, trace.path, trace.status, trace.size) for trace in traces]


def expected_of(conversations: Sequence[Conversation], server: Server) -> list[Expected]:
    expected = [request for conversation in conversations for request in conversation.expected]
    if isinstance(server, Proxy):
        expected += expected
    elif isinstance(server, Nginx):  # its statuses are in its configuration
        expected = [replace(request, status=404 if request.path == "/missing" else 200) for request in expected]
    return sorted(expected, key=str)


def record(server: Server, conversations: Sequence[Conversation], file: Path) -> Live:
    """Records one run; the agent has ended when this returns."""
    expected = expected_of(conversations, server)
    command = [str(BEYLA_BINARY), "record", str(file)]
    with server, Agent({"OPEN_PORT": str(server.port), "TZ": "UTC"}, command) as agent:
        for conversation in conversations:
            conversation.run(server.port)
        wait_until(lambda: len(agent.lines()) >= len(expected), LINE_TIMEOUT_SECONDS, "a trace line for each request")
        page = agent.quiet_metrics().text
        exit_code = agent.stop()
        if exit_code != 0:
            raise AssertionError(f"the agent's exit code is {exit_code}; stderr:\n{agent.stderr()}")
        return Live(agent.stdout(), page, expected)


def requests_part(page: str) -> list[str]:
    """What a metrics page says of requests: equal for a live agent and the replay of its recording."""
    of_requests = ("http_", "beyla_exchanges_", "beyla_connection_gaps_", "beyla_request_sizes_")
    return [sample for sample in counted(page) if sample.startswith(of_requests)]


def same_lines(live: str, replayed: str) -> bool:
    return without_times(live) == without_times(replayed)


@dataclass(frozen=True)
class Capture:
    """A recording in this folder: the server, and what it was asked."""

    name: str
    server: Callable[[], Server]
    conversations: Callable[[], list[Conversation]]


def common_conversations() -> list[Conversation]:
    return [simple_requests(), pipelined_requests(), split_heads(), chunked_requests()]


def all_conversations() -> list[Conversation]:
    return [*common_conversations(), split_bodies()]


CAPTURED = (
    Capture("python", PrivateServer, all_conversations),
    Capture("go", GoServer, all_conversations),
    Capture("nginx", Nginx, common_conversations),
    Capture("node", NodeServer, all_conversations),
    Capture("proxy", Proxy, lambda: [simple_requests(), chunked_requests()]),
)
