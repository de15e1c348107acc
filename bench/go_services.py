"""Go servers under load by each of the protocols that probes in the process see, and the load generator for them."""
from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from cpu_time import tree
from harness import CACHE, REPOSITORY, required_program
from services import BENCH, LOAD_CORE, Load, Pinned, go_program, pinned, run_load
from targets import Server, go_environment

sys.path.insert(0, str(REPOSITORY / "tests" / "matrix"))

from go_builds import Cell, program_of  # noqa: E402

GO = "1.26"
RPC, HTTP = "rpc_server_duration_seconds_count", "http_server_duration_seconds_count"


@cache
def load_program() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    built = CACHE / "bench_go_load"
    command = [required_program("go"), "build", "-o", str(built), "."]
    subprocess.run(command, cwd=BENCH / "go_load", env=go_environment(), check=True)
    return built


def run_go_load(server: Pinned, way: str, milliseconds: int) -> Load:
    """As services.run_load, by bench/go_load."""
    processes = [str(pid) for pid in tree(server.process.pid)]
    options = [way, str(server.port), str(server.connections), str(milliseconds), *processes]
    command = pinned(LOAD_CORE, [str(load_program()), *options])
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    requests, bursts, p5_ns, median_ns = output.split()
    return Load(int(requests), int(bursts), float(p5_ns), float(median_ns))


class GoService(Pinned, Server):
    """A target of tests/targets/go; `way` is how go_load asks it, "" for bench_load's plain HTTP/1."""

    framework = "nethttp"
    way = ""
    counter = HTTP
    goals_us = {"metrics": 6.0, "metrics + traces": 6.0}  # of programs and traps, for each request
    connections = 16
    # The load generator's calls for each request. HTTP/2 puts several requests into one call: then all is told as if it
    # were the server's.
    pairs_at_the_load = 0

    def program(self) -> list[str]:
        cell = Cell(GO, "default", self.framework)
        return [str(program_of(cell)), *cell.flags, str(self.port)]

    def load(self, milliseconds: int) -> Load:
        """From LOAD_CORE; every request was answered as it should be."""
        return run_go_load(self, self.way, milliseconds) if self.way else run_load(self, milliseconds)


class GoHttp1(GoService):
    """It could serve TLS."""

    name = "Go HTTP/1, TLS linked"
    goals_us = {"metrics": 2.5, "metrics + traces": 2.5}
    pairs_at_the_load = 1


class GoRoutes(GoHttp1):
    """The common case: no TLS, a ServeMux with patterns."""

    name = "Go HTTP/1"

    def program(self) -> list[str]:
        return [str(go_program("routes")), str(self.port)]


class GoBare(GoHttp1):
    """No TLS, and nothing that could tell a route."""

    name = "Go HTTP/1 without routes"
    goals_us = {"metrics": 1.2, "metrics + traces": 2.5}

    def program(self) -> list[str]:
        return [str(go_program("hello")), str(self.port)]


class GoJoined(GoHttp1):
    """Of Go 1.19, whose requests end at finishRequest, with TLS or not; they have no routes."""

    name = "Go 1.19 HTTP/1"

    def program(self) -> list[str]:
        return [str(program_of(Cell("1.19", "default", "nethttp"))), str(self.port)]


class GoTls(GoService):
    name = "Go TLS, HTTP/1"
    framework, way = "tls", "https1"
    pairs_at_the_load = 1


class GoHttp2(GoService):
    name = "Go TLS, HTTP/2"
    framework, way = "tls", "https2"


class GoUnary(GoService):
    name = "gRPC unary"
    framework, way, counter = "grpc", "unary", RPC


class GoStream(GoService):
    name = "gRPC stream of 10"
    framework, way, counter = "grpc", "stream", RPC
