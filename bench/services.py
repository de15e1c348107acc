"""The servers under load, each pinned to one core, and the load generator on another."""
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cpu_time import tree
from harness import BEYLA_BINARY, CACHE, Agent, required_program
from targets import Server, ServerWithFolder, go_environment

BENCH = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[-1]
LOAD_BINARY = BEYLA_BINARY.parent / "bench" / "bench_load"


def pinned(core: int, command: list[str]) -> list[str]:
    return [required_program("taskset"), "-c", str(core), *command]


def pin_agent(agent: Agent) -> None:
    """Beside the load generator, so that the server's core shows the programs alone."""
    for pid in agent.pids:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {LOAD_CORE})
        except (FileNotFoundError, ProcessLookupError):
            continue  # a worker that has read an executable ends at any time


class Pinned:
    """Mixed in before a Server: its command runs on SERVER_CORE."""

    connections = 32  # requests that wait for the server at once
    goal_percent = 3.0
    pairs_at_the_load = 1  # sends and receives of the load generator for each request

    def load(self, milliseconds: int) -> Load:
        """From LOAD_CORE; every request was answered with 200."""
        return run_load(self, milliseconds)

    def wait_probed(self, agent: Agent) -> None:
        """Nothing to wait for, where sockets tell all."""

    def command(self) -> list[str]:
        return pinned(SERVER_CORE, self.program())  # type: ignore[attr-defined]


NGINX_CONFIGURATION = """
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ return 200 "hello\\n"; }}
  }}
}}
"""


class Nginx(Pinned, ServerWithFolder):
    name = "nginx"
    goal_percent = 8.0

    def configuration(self) -> str:
        return NGINX_CONFIGURATION.format(folder=self.folder, port=self.port)

    def program(self) -> list[str]:
        configuration = self.folder / "nginx.conf"
        configuration.write_text(self.configuration())
        return [required_program("nginx"), "-e", str(self.folder / "error.log"), "-c", str(configuration)]


def go_program(name: str) -> Path:
    """One of bench/targets, built."""
    CACHE.mkdir(parents=True, exist_ok=True)
    built = CACHE / f"bench_{name}"
    command = ["go", "build", "-o", str(built), f"{name}.go"]
    subprocess.run(command, cwd=BENCH / "targets", env=go_environment() | {"GO111MODULE": "off"}, check=True)
    return built


class GoHello(Pinned, Server):
    name = "go"
    goal_percent = 10.0

    def program(self) -> list[str]:
        return [str(go_program("hello")), str(self.port)]


class NodeHello(Pinned, Server):
    name = "node"

    def program(self) -> list[str]:
        return [required_program("node"), str(BENCH / "targets" / "hello.js"), str(self.port)]


class PythonHello(Pinned, Server):
    name = "python"
    connections = 4  # each is a thread, and they share one interpreter lock

    def program(self) -> list[str]:
        return [sys.executable, str(BENCH / "targets" / "hello.py"), str(self.port)]


SERVICES = (Nginx, GoHello, NodeHello, PythonHello)


@dataclass(frozen=True)
class Load:
    requests: int
    bursts: int
    p5_ns: float  # the server's CPU time for each request, 5th percentile over the bursts
    median_ns: float


def run_load(server: Pinned, milliseconds: int) -> Load:
    """Loads the server from LOAD_CORE; every request was answered with 200."""
    processes = [str(pid) for pid in tree(server.process.pid)]
    options = [str(LOAD_CORE), str(server.port), str(server.connections), str(milliseconds), *processes]
    output = subprocess.run([str(LOAD_BINARY), *options], check=True, capture_output=True, text=True).stdout
    requests, bursts, p5_ns, median_ns = output.split()
    return Load(int(requests), int(bursts), float(p5_ns), float(median_ns))
