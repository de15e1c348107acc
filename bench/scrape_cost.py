"""What a scrape of /metrics costs with a few and with 10,000 series, of an agent that really saw them."""
from __future__ import annotations

import sys
import time
import urllib.request
from contextlib import ExitStack
from itertools import islice, product

from cpu_time import memory_kib, tree_ns
from figures import Figure
from harness import Agent
from http_client import Connection, Request
from services import BENCH
from targets import Server

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PURGE")  # the last counts as _OTHER
STATUSES = range(200, 600)
SERVERS = 3
SERIES = 10_000  # label sets; each has two histograms
SCRAPE_GOAL_MS = 60.0


class AnyStatus(Server):
    name = "any_status"

    def command(self) -> list[str]:
        return [sys.executable, str(BENCH / "targets" / "any_status.py"), str(self.port)]


def open_series(servers: list[AnyStatus], count: int) -> None:
    """One request for each label set, over all servers."""
    labels = islice(product(servers, METHODS, STATUSES), count)
    connection: Connection | None = None
    current: AnyStatus | None = None
    with ExitStack() as stack:
        for server, method, status in labels:
            if server is not current:
                current, connection = server, stack.enter_context(Connection(server.port))
            connection.exchange(Request(method, f"/{status}"))


def scrape(port: int) -> tuple[float, bytes]:
    """Milliseconds of wall time, and the text."""
    start = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        text = response.read()
    return (time.perf_counter() - start) * 1e3, text


def sample_lines(text: bytes) -> int:
    return sum(1 for line in text.splitlines() if line and not line.startswith(b"#"))


def measure(rounds: int) -> list[Figure]:
    servers = [AnyStatus(environment={"OTEL_SERVICE_NAME": f"service-{number}"}) for number in range(SERVERS)]
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
        ports = ",".join(str(server.port) for server in servers)
        agent = stack.enter_context(Agent({"OPEN_PORT": ports, "BEYLA_METRICS_CARDINALITY_LIMIT": str(SERIES + 1)}, print_traces=False))
        empty = [scrape(agent.metrics_port)[0] for _ in range(rounds)]
        open_series(servers, SERIES)
        opened = len(agent.quiet_metrics(60).select("http_server_duration_seconds_count"))
        if opened != SERIES:
            raise AssertionError(f"{opened} series instead of {SERIES}")
        return [Figure("scrape without series", "ms", empty), *_scrape_full(agent, rounds)]


def _scrape_full(agent: Agent, rounds: int) -> list[Figure]:
    times, cpu_ms = [], []
    text = b""
    for _ in range(rounds):
        before = tree_ns(agent.pid)
        taken, text = scrape(agent.metrics_port)
        times.append(taken)
        cpu_ms.append((tree_ns(agent.pid) - before) / 1e6)
    rss = memory_kib(agent.pid)["VmRSS"] / 1024
    note = f"{sample_lines(text)} samples, {len(text) / 1e6:.1f} MB; agent's RSS after it {rss:.0f} MiB"
    return [
        Figure(f"scrape of {SERIES} series", "ms", times, SCRAPE_GOAL_MS, note),
        Figure(f"agent: CPU of a scrape of {SERIES} series", "ms", cpu_ms),
    ]
