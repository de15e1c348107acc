"""docs/tutorial.md: every command of it is run, in its order, and does what the text says.

Commands run as written but for the ports (free ones take the place of 8080 and 8999) and the place of installation.
"""
from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Callable

from harness import BEYLA_BINARY, REPOSITORY, Agent, clean_environment, free_port, is_listening, main, wait_until
from observed import Metrics, Trace
from targets import go_environment

TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
LOOPBACK = ("::1", "127.0.0.1")
GO_RUN_TIMEOUT_SECONDS = 60  # compiles
LOAD_SECONDS = 2.5
DURATION = "http_server_duration_seconds"
LABELS = r'http_method="(GET|POST)",http_status_code="\d{3}",service_name="server"'


def tutorial_commands() -> list[str]:
    return [line[2:] for line in TUTORIAL.read_text().splitlines() if line.startswith("$ ")]


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


class Walk(contextlib.ExitStack):
    """A reader who types the tutorial's commands: one method for each kind of command."""

    def __init__(self, test: unittest.TestCase) -> None:
        super().__init__()
        self.test = test
        self.port, self.metrics_port = free_port(), free_port()
        self.prefix = Path(self.enter_context(tempfile.TemporaryDirectory(prefix="beyla-tutorial-")))
        self.environment = clean_environment({})
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # this test may run below `make test`
            self.environment.pop(name, None)

    def with_ports(self, command: str) -> str:
        return command.replace("8080", str(self.port)).replace("8999", str(self.metrics_port))

    def shell(self, command: str) -> str:
        return run(["bash", "-c", self.with_ports(command)], self.environment)

    def install_dependencies(self, command: str) -> None:
        self.test.assertEqual(self.shell(command), "", "all is installed: nothing to do")

    def build(self, _: str) -> None:
        self.test.assertTrue(os.access(BEYLA_BINARY, os.X_OK), f"{BEYLA_BINARY} must be built before its tests run")

    def install(self, _: str) -> None:
        # What `make install` runs, into a folder that goes away; and from the build that is under test.
        run(["cmake", "--install", str(BEYLA_BINARY.parent), "--prefix", str(self.prefix)], self.environment)
        self.test.assertTrue(os.access(self.prefix / "bin" / "beyla", os.X_OK))

    def run_server(self, command: str) -> None:
        # `go run` starts the server as its child: both are ended by the id of their own process group.
        server = subprocess.Popen(
            [*command.split(), str(self.port)], cwd=REPOSITORY, stdin=subprocess.DEVNULL, start_new_session=True,
            env=go_environment() | {"GOTMPDIR": str(self.prefix)},  # a `go run` that is ended leaves its folder behind
        )
        self.callback(server.wait)
        self.callback(os.killpg, server.pid, signal.SIGTERM)
        wait_until(lambda: is_listening(self.port), GO_RUN_TIMEOUT_SECONDS, "the tutorial's server listens")

    def run_agent(self, command: str) -> None:
        installed = str(self.prefix / "bin" / "beyla")
        replaced = f"sudo -E {installed}" if shutil.which("sudo") else installed
        typed = self.with_ports(command).replace("sudo -E beyla", f"{replaced}")
        ports = {"BEYLA_PROMETHEUS_PORT": str(self.metrics_port)}
        self.agent = self.enter_context(Agent(ports, command=["bash", "-c", typed], print_traces=False))

    def request(self, command: str, path: str) -> Trace:
        self.shell(command)
        trace = Trace.parse(self.agent.wait_for_line(f" {path} "))
        self.test.assertIn(trace.peer, LOOPBACK)
        self.test.assertEqual((trace.host, trace.port, trace.path), ("localhost", self.port, path))
        self.test.assertLess(0, trace.handler)
        self.test.assertLessEqual(trace.handler, trace.total)
        return trace

    def get(self, command: str) -> None:
        path = re.findall(r"8080(/\w+)", command)[0]
        trace = self.request(command, path)
        self.test.assertEqual((trace.status, trace.method, trace.size), (200, "GET", 0))

    def post(self, command: str) -> None:
        trace = self.request(command, "/post")
        self.test.assertEqual((trace.status, trace.method, trace.size), (200, "POST", 6))
        self.test.assertGreaterEqual(trace.handler, 0.2)

    def get_missing(self, command: str) -> None:
        trace = self.request(command, "/missing")
        self.test.assertEqual((trace.status, trace.method, trace.size), (404, "GET", 0))

    def load(self, command: str) -> None:
        """An endless loop: the reader presses Ctrl-C after a while, here `timeout` does."""
        typed = self.with_ports(command)
        subprocess.run(["timeout", str(LOAD_SECONDS), "bash", "-c", typed], env=self.environment, capture_output=True)
        trace = Trace.parse(self.agent.wait_for_line(" /service "))
        self.test.assertGreaterEqual(trace.handler, 1.0)

    def read_metrics(self, command: str) -> None:
        text = self.shell(command)
        lines = text.splitlines()
        self.test.assertIn(f"# HELP {DURATION} duration of HTTP service calls from the server side, in seconds", lines)
        self.test.assertIn(f"# TYPE {DURATION} histogram", lines)
        for shape in (
            rf'{DURATION}_bucket{{{LABELS},le="0\.005"}} \d+', rf'{DURATION}_bucket{{{LABELS},le="\+Inf"}} \d+',
            rf"{DURATION}_sum{{{LABELS}}} [\d.e-]+", rf"{DURATION}_count{{{LABELS}}} \d+",
        ):
            self.test.assertTrue(any(re.fullmatch(shape, line) for line in lines), f"no line like {shape}:\n{text}")
        self.check_values(Metrics(text))

    def check_values(self, metrics: Metrics) -> None:
        counts = metrics.requests()
        self.test.assertEqual((counts["POST", 200], counts["GET", 404]), (1, 1))
        self.test.assertGreaterEqual(counts["GET", 200], 3)  # hello, bye and the load
        self.test.assertGreaterEqual(metrics.total(f"{DURATION}_sum", http_method="POST"), 0.2)
        self.test.assertEqual(metrics.bucket(DURATION, 0.1, http_method="POST"), 0)
        self.test.assertEqual(metrics.total("http_server_request_size_bytes_sum"), 6)

    def read_books(self, command: str) -> None:
        metrics = Metrics(self.shell(command))
        self.test.assertGreater(metrics.total("beyla_events_generated_total"), 0)
        self.test.assertEqual(metrics.total("beyla_events_lost_total"), 0)


COMMANDS: dict[str, Callable[[Walk, str], None]] = {
    "tools/install_dependencies.sh build": Walk.install_dependencies,
    "make build": Walk.build,
    "sudo make install": Walk.install,
    "go run examples/server.go": Walk.run_server,
    "BEYLA_PROMETHEUS_PORT=8999 PRINT_TRACES=true OPEN_PORT=8080 sudo -E beyla": Walk.run_agent,
    'curl "http://localhost:8080/hello"': Walk.get,
    'curl "http://localhost:8080/bye"': Walk.get,
    'curl -X POST -d "abcdef" "http://localhost:8080/post?delay=200ms"': Walk.post,
    'curl "http://localhost:8080/missing?status=404"': Walk.get_missing,
    'while true; do curl "http://localhost:8080/service?delay=1s"; done': Walk.load,
    "curl http://localhost:8999/metrics": Walk.read_metrics,
    'curl -s http://localhost:8999/metrics | grep "^beyla_events_"': Walk.read_books,
}


class TutorialTest(unittest.TestCase):
    def test_each_command_of_the_tutorial_is_in_the_table(self) -> None:
        self.assertEqual(tutorial_commands(), list(COMMANDS))

    def test_each_sample_line_has_the_shape_of_a_trace(self) -> None:
        samples = [line for line in TUTORIAL.read_text().splitlines() if re.match(r"\d{4}-", line)]
        self.assertEqual([Trace.parse(line).path for line in samples], ["/hello", "/bye", "/post", "/missing"])

    def test_the_commands_do_what_the_tutorial_says(self) -> None:
        with Walk(self) as walk:
            for command in tutorial_commands():
                print(f"$ {command}", flush=True)
                COMMANDS[command](walk, command)


if __name__ == "__main__":
    main()
