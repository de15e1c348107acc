"""The servers under load, each pinned to one core, and the load generator on another."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from cpu_time import tree
from harness import CACHE, Agent, required_program
from targets import Server, ServerWithFolder, go_environment

BENCH = Path(__file__).resolve().parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
LOAD_CORE = CORES[-1]
WRK_TIMEOUT = "30s"  # on a busy machine a pinned server waits for its core


def pinned(core: int, command: list[str]) -> list[str]:
    return [required_program("taskset"), "-c", str(core), *command]


def pin_agent(agent: Agent) -> None:
    """Beside the load generator, so that the server's core shows the programs alone."""
    for task in Path(f"/proc/{agent.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {LOAD_CORE})


class Pinned:
    """Mixed in before a Server: its command runs on SERVER_CORE."""

    connections = 32  # enough to keep the server's core busy
    goal_percent = 3.0

    def command(self) -> list[str]:
        return pinned(SERVER_CORE, self.program())  # type: ignore[attr-defined]

    def worker_pids(self) -> list[int]:
        return tree(self.process.pid)  # type: ignore[attr-defined]


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

    def program(self) -> list[str]:
        configuration = self.folder / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(folder=self.folder, port=self.port))
        return [required_program("nginx"), "-e", str(self.folder / "error.log"), "-c", str(configuration)]


class GoHello(Pinned, Server):
    name = "go"
    goal_percent = 10.0

    def program(self) -> list[str]:
        CACHE.mkdir(parents=True, exist_ok=True)
        built = CACHE / "bench_hello"
        command = ["go", "build", "-o", str(built), "hello.go"]
        subprocess.run(command, cwd=BENCH / "targets", env=go_environment() | {"GO111MODULE": "off"}, check=True)
        return [str(built), str(self.port)]


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


def run_wrk(port: int, connections: int, seconds: int) -> int:
    """Loads the server from LOAD_CORE; returns how many requests were answered, all with 2xx."""
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", WRK_TIMEOUT]
    wrk = [required_program("wrk"), *options, f"http://127.0.0.1:{port}/hello"]
    output = subprocess.run(pinned(LOAD_CORE, wrk), check=True, capture_output=True, text=True).stdout
    match = re.search(r"(\d+) requests in", output)
    if not match or "Non-2xx" in output or "Socket errors" in output:
        raise AssertionError(f"wrk failed:\n{output}")
    return int(match[1])
