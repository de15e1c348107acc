"""Series end with their service and never before; what finds no room is counted all the same."""
from __future__ import annotations

import contextlib
import itertools
import re
import socket
import time
import unittest
from dataclasses import dataclass

from harness import FULL, Agent, main, settle, wait_until
from http_client import BackgroundLoad, Request, run_load, send_once
from observed import Metrics
from processes import cpu_seconds
from targets import GoServer, Nginx, PythonServer, Server

COUNT = "http_server_duration_seconds_count"
SIZE_COUNT = "http_server_request_size_bytes_count"
TTL_SECONDS = 3.0
# The tidy interval of half a second, and a machine that does other things, too.
LATE_SECONDS = 2.0
MILLION = 1_000_000 if FULL else 20_000
MAX_GROWN_BYTES = 4 * 1024 * 1024
CONNECTIONS = 8
METHODS = ("GET", "POST", "PUT", "DELETE")
ALL_STATUSES = range(200, 600)
SCRAPES = 10
MAX_SCRAPE_MILLISECONDS = 60


def named_server(name: str, port: int | None = None) -> PythonServer:
    return PythonServer(port, {"OTEL_SERVICE_NAME": name})


def watch(*servers: Server, **settings: str) -> Agent:
    return Agent({"OPEN_PORT": ",".join(str(server.port) for server in servers), **settings}, print_traces=False)


def get(server: Server, times: int, status: int = 200) -> None:
    for _ in range(times):
        assert send_once(server.port, Request("GET", f"/x?status={status}")) == status


def counted(agent: Agent, service: str) -> float:
    return agent.scrape().total(COUNT, service_name=service)


def has_series(agent: Agent, service: str) -> bool:
    return bool(agent.scrape().select(COUNT, service_name=service))


class ExpiryTest(unittest.TestCase):
    def test_series_end_ttl_after_their_process_and_come_back(self) -> None:
        with named_server("till") as till, named_server("shop") as shop:
            with watch(till, shop, BEYLA_PROMETHEUS_TTL=f"{TTL_SECONDS:g}s") as agent:
                get(till, 4)
                get(shop, 5)
                wait_until(lambda: counted(agent, "shop") == 5 and counted(agent, "till") == 4, 5, "all are counted")
                self.check_end(agent, shop)
                self.check_new_beginning(agent, shop.port)
                self.assertEqual(counted(agent, "till"), 4, "what lives stays, however long it is silent")

    def check_end(self, agent: Agent, shop: Server) -> None:
        killed = time.monotonic()
        shop.stop()
        wait_until(lambda: not has_series(agent, "shop"), TTL_SECONDS + LATE_SECONDS, "the series end")
        self.assertGreaterEqual(time.monotonic() - killed, TTL_SECONDS)
        metrics = agent.scrape()
        self.assertFalse([labels for (_, labels) in metrics.samples if ("service_name", "shop") in labels])
        for metric in ("http_server_duration_seconds", "http_server_request_size_bytes"):
            self.assertEqual(metrics.total("beyla_series_expired_total", metric=metric), 1)
            self.assertEqual(metrics.total("beyla_series", metric=metric), 1)

    def check_new_beginning(self, agent: Agent, port: int) -> None:
        with named_server("shop", port) as shop:
            get(shop, 2)
            wait_until(lambda: counted(agent, "shop") == 2, 5, "the new process counts from zero")

    def test_counts_never_fall_while_processes_come_and_go(self) -> None:
        with named_server("till") as till, named_server("shop") as shop:
            with watch(till, shop, BEYLA_PROMETHEUS_TTL="500ms") as agent:
                get(till, 1)
                wait_until(lambda: has_series(agent, "till"), 5, "the first request is counted")
                with BackgroundLoad(till.port, 2, till.mix) as load:
                    self.restart_and_watch(agent, shop)
                    sent = load.stop()
                self.assertEqual(sent.errors, [])
                total = sent.counts.total() + 1
                settle(lambda: counted(agent, "till") == total, 5)
                self.assertEqual(counted(agent, "till"), total)

    def restart_and_watch(self, agent: Agent, shop: Server) -> None:
        """Three lives of the shop, while each series of the till only rises."""
        before: dict = {}
        for _ in range(3):
            get(shop, 3)
            wait_until(lambda: has_series(agent, "shop"), 5, "the shop is counted")
            shop.stop()
            ended = False
            while not ended:
                metrics = agent.scrape()
                now = metrics.select(COUNT, service_name="till")
                self.assertLessEqual(before.keys(), now.keys())
                self.assertEqual({labels for labels, value in before.items() if now[labels] < value}, set())
                before = now
                ended = not metrics.select(COUNT, service_name="shop")
            shop.start()


class OverflowTest(unittest.TestCase):
    def check(self, metrics: Metrics, limit: int, requests: int, expired: int = 0) -> float:
        """The books of a full family, without `expired` requests; returns what is in its overflow series."""
        self.assertEqual(metrics.total(COUNT), requests)
        self.assertEqual(metrics.total(SIZE_COUNT), requests)
        self.assertEqual(metrics.total("beyla_exchanges_total", role="server"), requests + expired)
        self.assertEqual(len(metrics.select(COUNT)), limit)
        overflow = metrics.select(COUNT, otel_metric_overflow="true")
        self.assertEqual(list(overflow), [frozenset({("otel_metric_overflow", "true")})])
        for metric in ("http_server_duration_seconds", "http_server_request_size_bytes"):
            self.assertEqual(metrics.total("beyla_series", metric=metric), limit)
            self.assertEqual(metrics.total("beyla_series_overflow_total", metric=metric), sum(overflow.values()))
        return sum(overflow.values())

    def test_many_statuses_and_services_keep_their_total(self) -> None:
        limit, names, statuses, times = 8, ("a", "b", "c"), range(200, 220), 3
        servers = [named_server(name) for name in names]
        with servers[0], servers[1], servers[2], watch(*servers, BEYLA_METRICS_CARDINALITY_LIMIT=str(limit)) as agent:
            for server, status in itertools.product(servers, statuses):
                if status not in (204, 205):  # Python sends no body with them; others have one
                    get(server, times, status)
            requests = len(names) * (len(statuses) - 2) * times
            settle(lambda: agent.scrape().total(COUNT) == requests, 10)
            overflowed = self.check(agent.scrape(), limit, requests)
            self.assertEqual(overflowed, requests - (limit - 1) * times)

    def test_room_that_is_free_again_is_used(self) -> None:
        with named_server("shop") as shop, named_server("till") as till:
            with watch(shop, till, BEYLA_METRICS_CARDINALITY_LIMIT="2", BEYLA_PROMETHEUS_TTL="500ms") as agent:
                get(shop, 1)
                wait_until(lambda: has_series(agent, "shop"), 5, "the only free series is taken")
                get(till, 4)
                wait_until(lambda: agent.scrape().total(COUNT) == 5, 5, "all are counted")
                self.assertEqual(self.check(agent.scrape(), 2, 5), 4)
                shop.stop()
                wait_until(lambda: not has_series(agent, "shop"), 5, "the series of the shop end")
                get(till, 3)
                wait_until(lambda: counted(agent, "till") == 3, 5, "the till has its series")
                self.assertEqual(self.check(agent.scrape(), 2, 7, expired=1), 4)

    def test_the_default_limit(self) -> None:
        with named_server("shop") as shop, watch(shop) as agent:
            metrics = agent.scrape()
            for metric in ("http_server_duration_seconds", "http_client_duration_seconds"):
                for name in ("beyla_series", "beyla_series_expired_total", "beyla_series_overflow_total"):
                    self.assertEqual(list(metrics.select(name, metric=metric).values()), [0], f"{name} of {metric}")


def letters(number: int) -> str:
    """A text of A to Z for each number, and for no other."""
    text = ""
    while number >= 0:
        text = chr(ord("A") + number % 26) + text
        number = number // 26 - 1
    return text


@dataclass(frozen=True)
class DistinctRequest(Request):
    host: str = ""

    def encode(self, keep_alive: bool) -> bytes:
        return super().encode(keep_alive).replace(b"Host: localhost", b"Host: " + self.host.encode(), 1)


def distinct(index: int) -> Request:
    if index % 2:
        return DistinctRequest("GET", f"/{index}/{letters(index)}", host=f"host-{index}.example")
    return DistinctRequest(f"X{letters(index)}", f"/{index}?q={letters(index)}", host=f"host-{index}.example")


class CardinalityTest(unittest.TestCase):
    def test_paths_hosts_and_methods_make_no_series(self) -> None:
        with Nginx() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            warm = run_load(server.port, 2_000, CONNECTIONS, distinct)
            self.assertEqual(warm.errors, [])
            settle(lambda: agent.scrape().total(COUNT) == 2_000, 10)
            before = agent.scrape().total("process_resident_memory_bytes")
            sent = run_load(server.port, MILLION, CONNECTIONS, distinct)
            self.assertEqual(sent.errors, [])
            total = 2_000 + MILLION
            settle(lambda: agent.scrape().total(COUNT) == total, 20)
            metrics = agent.scrape()
            grown = metrics.total("process_resident_memory_bytes") - before
            print(f"{MILLION} distinct requests: the agent grew by {grown / 1024:.0f} KiB", flush=True)
            self.assertEqual(metrics.by(COUNT, "http_method"), {("GET",): total // 2, ("_OTHER",): total // 2})
            self.assertEqual(metrics.total("beyla_series", metric="http_server_duration_seconds"), 2)
            self.assertEqual(metrics.total("beyla_series_overflow_total"), 0)
            self.assertLessEqual(grown, MAX_GROWN_BYTES)


@dataclass(frozen=True)
class Scrape:
    """One scrape as Prometheus does it, without what parsing costs."""

    seconds: float
    text: bytes

    @staticmethod
    def of(agent: Agent) -> Scrape:
        parts = []
        with socket.create_connection(("127.0.0.1", agent.metrics_port), 10) as connection:
            started = time.monotonic()
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            while received := connection.recv(1 << 20):
                parts.append(received)
            return Scrape(time.monotonic() - started, b"".join(parts))

    def value(self, sample: bytes) -> int:
        return int(re.findall(rb"^" + re.escape(sample) + rb" (\d+)$", self.text, re.MULTILINE)[0])


class ScrapeCostTest(unittest.TestCase):
    def fill(self, servers: list[Server]) -> int:
        """One request for each series; returns how many."""
        requests = [Request(method, f"/x?status={status}") for method in METHODS for status in ALL_STATUSES]
        for server in servers:
            self.assertEqual(run_load(server.port, len(requests), 2, requests.__getitem__).errors, [])
        return len(servers) * len(requests)

    def test_ten_thousand_series_are_served_in_time(self) -> None:
        servers: list[Server] = [GoServer(None, {"OTEL_SERVICE_NAME": f"service-{number}"}) for number in range(7)]
        with contextlib.ExitStack() as running:
            for server in servers:
                running.enter_context(server)
            agent = running.enter_context(watch(*servers, BEYLA_METRICS_CARDINALITY_LIMIT="100000"))
            wanted = self.fill(servers)
            series = b'beyla_series{metric="http_server_duration_seconds"}'
            settle(lambda: Scrape.of(agent).value(series) == wanted, 10)
            self.assertEqual(Scrape.of(agent).value(series), wanted)
            cpu = cpu_seconds(*agent.pids)
            scrapes = [Scrape.of(agent) for _ in range(SCRAPES)]
            cpu_milliseconds = (cpu_seconds(*agent.pids) - cpu) * 1000 / SCRAPES
        milliseconds = sorted(round(scrape.seconds * 1000) for scrape in scrapes)
        resident = scrapes[-1].value(b"process_resident_memory_bytes") // 2**20
        print(f"{wanted} series, {len(scrapes[0].text) / 1e6:.1f} MB: {milliseconds} ms, "
              f"{cpu_milliseconds:.0f} ms of CPU each; agent {resident} MiB", flush=True)
        self.assertEqual(scrapes[0].text.count(b"\n" + COUNT.encode() + b"{"), wanted)
        self.assertLessEqual(cpu_milliseconds, MAX_SCRAPE_MILLISECONDS)
        if FULL:  # on a machine that does nothing else
            self.assertLessEqual(milliseconds[0], MAX_SCRAPE_MILLISECONDS)


if __name__ == "__main__":
    main()
