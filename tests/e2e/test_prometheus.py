"""Prometheus accepts what is served: promtool finds no fault, and the tutorial's questions have right answers."""
from __future__ import annotations

import json
import re
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

from harness import (
    REPOSITORY, Agent, clean_environment, end_process, free_port, main, required_program, settle, wait_until,
)
from http_client import Request, run_load, send_once
from targets import PythonServer, Server

METRICS_PAGE = REPOSITORY / "docs" / "metrics.md"
COUNT = "http_server_duration_seconds_count"
# As the environment gives it, and as the label must read.
HOSTILE_NAMES = {
    'say "shop"': 'say "shop"',
    "back\\slash\\": "back\\slash\\",
    "two\nlines # TYPE": "two\nlines # TYPE",
    'end"} 1': 'end"} 1',
    "café 😀": "café 😀",
    "\udcff\udcfe": "\ufffd\ufffd",
    "\udcfe\udcff": "\ufffd\ufffd",  # prints as the one before: one series
    "cut \udce2\udc82": "cut \ufffd\ufffd",
}
SCRAPE_INTERVAL = "200ms"
# Long enough for all that a test does; `rate` over it sees every scrape.
WINDOW = "[5m]"


class HostileTargets:
    """A server for each hostile name, and the agent that watches them all."""

    def __enter__(self) -> Agent:
        self.servers = [PythonServer(None, {"OTEL_SERVICE_NAME": name}) for name in HOSTILE_NAMES]
        for server in self.servers:
            server.start(wait=False)
        for server in self.servers:
            server.wait_ready()
        self.agent = Agent({"OPEN_PORT": ",".join(str(server.port) for server in self.servers)})
        self.agent.__enter__()
        for server in self.servers:
            send_once(server.port, Request("GET", '/"\\?x={}'))
        settle(lambda: self.agent.scrape().total(COUNT) == len(self.servers), 5)
        return self.agent

    def __exit__(self, *error: object) -> None:
        self.agent.__exit__(*error)
        for server in self.servers:
            server.stop()


class Prometheus:
    """Debian's prometheus, scraping one agent, with a database that goes away with it."""

    def __init__(self, agent: Agent) -> None:
        self._agent_port = agent.metrics_port
        self._port = free_port()

    def __enter__(self) -> Prometheus:
        self._folder = tempfile.TemporaryDirectory(prefix="beyla-prometheus-")
        configuration = Path(self._folder.name) / "prometheus.yml"
        configuration.write_text(json.dumps({  # JSON is YAML
            "global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL},
            "scrape_configs": [
                {"job_name": "beyla", "static_configs": [{"targets": [f"127.0.0.1:{self._agent_port}"]}]}
            ],
        }))
        self._log = open(Path(self._folder.name) / "log", "w+b")
        self._process = subprocess.Popen(
            [
                required_program("prometheus"), f"--config.file={configuration}",
                f"--storage.tsdb.path={self._folder.name}/data", f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=warn",
            ],
            env=clean_environment({}), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
        )
        wait_until(self._has_scraped, 30, "prometheus scrapes the agent")
        return self

    def __exit__(self, *_: object) -> None:
        end_process(self._process, timeout=15)
        self._log.close()
        self._folder.cleanup()

    def log(self) -> str:
        self._log.flush()
        return (Path(self._folder.name) / "log").read_text(errors="replace")

    def _has_scraped(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"prometheus ended with {self._process.returncode}:\n{self.log()}")
        try:
            return self.value('up{job="beyla"}') == 1
        except OSError:
            return False

    def _get(self, path: str, **parameters: str) -> object:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/{path}?{query}", timeout=10) as answer:
            body = json.load(answer)
        if body["status"] != "success":
            raise AssertionError(body)
        return body["data"]

    def query(self, promql: str, label: str = "") -> dict[str, float]:
        """The instant vector, by the value of one label."""
        result = self._get("query", query=promql)["result"]
        values = {row["metric"].get(label, ""): float(row["value"][1]) for row in result}
        if len(values) != len(result):
            raise AssertionError(f"{promql}: {label!r} does not tell the rows apart: {result}")
        return values

    def value(self, promql: str) -> float | None:
        return self.query(promql).get("")

    def label_values(self, label: str, series: str) -> list[str]:
        return self._get(f"label/{label}/values", **{"match[]": series})


class PromtoolTest(unittest.TestCase):
    def check(self, agent: Agent) -> None:
        done = subprocess.run(
            [required_program("promtool"), "check", "metrics"], input=agent.scrape().text.encode(), capture_output=True
        )
        self.assertEqual((done.returncode, done.stdout.decode(), done.stderr.decode()), (0, "", ""))

    def test_nothing_to_complain_about_before_traffic(self) -> None:
        with PythonServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            self.check(agent)

    def test_nothing_to_complain_about_with_hostile_names_and_overflow(self) -> None:
        with HostileTargets() as agent:
            self.assertEqual(agent.scrape().total(COUNT), len(HOSTILE_NAMES))
            self.check(agent)
        with PythonServer() as server:
            with Agent({"OPEN_PORT": str(server.port), "BEYLA_METRICS_CARDINALITY_LIMIT": "1"}) as agent:
                send_once(server.port, Request("GET", "/"))
                wait_until(lambda: agent.scrape().select(COUNT, otel_metric_overflow="true"), 5, "overflow")
                self.check(agent)


class DocumentationTest(unittest.TestCase):
    def test_every_metric_is_documented_and_no_other(self) -> None:
        with PythonServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            send_once(server.port, Request("GET", "/"))
            wait_until(lambda: agent.scrape().select(COUNT), 5, "the request is counted")
            served = set(re.findall(r"^# TYPE (\S+)", agent.scrape().text, re.MULTILINE))
        rows = [line.split("|")[1:3] for line in METRICS_PAGE.read_text().splitlines() if line.startswith("| `")]
        documented = {
            name for names, kind in rows if kind.strip() in ("counter", "gauge", "histogram")
            for name in re.findall(r"`(\w+)", names)
        }
        # A histogram is there once it has a series; no target here is a client or speaks gRPC.
        without_series = {
            "http_client_duration_seconds", "http_client_request_size_bytes",
            "rpc_client_duration_seconds", "rpc_server_duration_seconds",
        }
        self.assertEqual(documented - served, without_series)
        self.assertEqual(served - documented, set())


class ScrapeTest(unittest.TestCase):
    def test_hostile_names_arrive_as_they_are(self) -> None:
        with HostileTargets() as agent, Prometheus(agent) as prometheus:
            expected = sorted(set(HOSTILE_NAMES.values()))
            wait_until(lambda: prometheus.value(f"sum({COUNT})") == len(HOSTILE_NAMES), 10, "all names are scraped")
            self.assertEqual(sorted(prometheus.label_values("service_name", COUNT)), expected)
            counted = prometheus.query(f"sum by (service_name) ({COUNT})", "service_name")
            self.assertEqual(counted, {name: list(HOSTILE_NAMES.values()).count(name) for name in expected})
            self.assertEqual(prometheus.value("scrape_samples_scraped"), len(agent.scrape().samples))
            self.assertEqual(prometheus.log(), "", "prometheus warns of nothing")


class TutorialQueriesTest(unittest.TestCase):
    """What the tutorial's dashboard asks: rate by status, share of errors, average and top percentiles."""

    def send(self, server: Server, answers: int, errors: int) -> None:
        load = run_load(server.port, answers, 10, lambda _: Request("GET", "/ok?delay=0.2"))
        load.merge(run_load(server.port, errors, 10, lambda _: Request("GET", "/broken?status=503&delay=0.2")))
        self.assertEqual(load.errors, [])

    def test_the_dashboard_has_right_answers(self) -> None:
        with PythonServer(None, {"OTEL_SERVICE_NAME": "shop"}) as server:
            with Agent({"OPEN_PORT": str(server.port)}) as agent, Prometheus(agent) as prometheus:
                # `rate` knows no series' first value: each must have been scraped once before it rises.
                self.send(server, 1, 1)
                wait_until(lambda: prometheus.value(f"sum({COUNT})") == 2, 10, "the first two are scraped")
                self.send(server, 30, 10)
                wait_until(lambda: prometheus.value(f"sum({COUNT})") == 42, 10, "the others are scraped")
                self.check_rates(prometheus)
                self.check_durations(prometheus)

    def check_rates(self, prometheus: Prometheus) -> None:
        self.assertEqual(prometheus.label_values("service_name", COUNT), ["shop"])
        counts = prometheus.query(f'sum by (http_status_code) ({COUNT}{{service_name="shop"}})', "http_status_code")
        self.assertEqual(counts, {"200": 31, "503": 11})
        # The first scrapes of both series may differ by one or two: by so much may their rates.
        by_status = prometheus.query(f"sum by (http_status_code) (rate({COUNT}{WINDOW}))", "http_status_code")
        self.assertAlmostEqual(by_status["200"] / by_status["503"], 3, delta=0.5)
        errors = prometheus.value(
            f'100 * sum(rate({COUNT}{{http_status_code=~"5.."}}{WINDOW})) / sum(rate({COUNT}{WINDOW}))'
        )
        self.assertAlmostEqual(errors, 25, delta=4)

    def check_durations(self, prometheus: Prometheus) -> None:
        duration = "http_server_duration_seconds"
        average = prometheus.value(f"sum(rate({duration}_sum{WINDOW})) / sum(rate({duration}_count{WINDOW}))")
        self.assertGreaterEqual(average, 0.2)
        self.assertLess(average, 0.5)
        for quantile in (0.5, 0.99):
            value = prometheus.value(f"histogram_quantile({quantile}, sum by (le) (rate({duration}_bucket{WINDOW})))")
            # All are above 0.2 s: the bucket that ends at 0.25 s, on a slow machine the next one.
            self.assertGreater(value, 0.1)
            self.assertLessEqual(value, 0.5)
        sizes = prometheus.value('sum(http_server_request_size_bytes_bucket{le="0"})')
        self.assertEqual(sizes, 42)


if __name__ == "__main__":
    main()
