"""The services that the agent watches in the end-to-end tests: each a process of its own on a free port."""
from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Mapping

from harness import (
    CACHE, REPOSITORY, clean_environment, end_process, free_port, is_listening, required_program, wait_until,
)
from http_client import Request

PROGRAMS = REPOSITORY / "tests" / "targets"
EXAMPLES = REPOSITORY / "examples"


class Server:
    """A target: a process that listens on a port. As a context manager it runs inside the block."""

    name = "server"

    def __init__(self, port: int | None = None, environment: Mapping[str, str] | None = None) -> None:
        self.port = port or free_port()
        self._environment = clean_environment(environment or {})
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def mix(self, index: int) -> Request:
        """The index-th request of a load: methods, bodies and statuses that this server answers."""
        return MIXED_REQUESTS[index % len(MIXED_REQUESTS)]

    def start(self, wait: bool = True) -> None:
        self.process = subprocess.Popen(
            self.command(), env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        # Connecting sends no request: the agent has nothing to count.
        wait_until(self._answers, 15, f"{self.name} listens on port {self.port}")

    def _answers(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}")
        return is_listening(self.port)

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        if self.process:
            end_process(self.process, signal_number)
            self.process = None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


BODY = b"abcdef"  # the tutorial's six bytes
MIXED_REQUESTS = (
    *[Request("GET", f"/items/{number}") for number in range(5)],
    *[Request("POST", "/post", BODY)] * 2,
    Request("GET", "/none?status=404"),
    Request("POST", "/broken?status=500", BODY),
    Request("GET", "/made?status=201"),
)


class GoServer(Server):
    """The tutorial's server.go, built once into the cache; with `executable` under another file name."""

    name = "Go"

    def __init__(
        self, port: int | None = None, environment: Mapping[str, str] | None = None, executable: Path | None = None
    ) -> None:
        super().__init__(port, environment)
        self._executable = executable or build_go_server()

    def command(self) -> list[str]:
        return [str(self._executable), str(self.port)]


def go_environment() -> dict[str, str]:
    return clean_environment({"GOCACHE": str(CACHE / "go"), "GOFLAGS": "", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"})


def build_go_server() -> Path:
    """Path of the built examples/server.go; builds only when it is missing or older than its source."""
    CACHE.mkdir(parents=True, exist_ok=True)
    built, source = CACHE / "testserver", EXAMPLES / "server.go"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
            command = ["go", "build", "-o", str(built), "server.go"]
            subprocess.run(command, cwd=EXAMPLES, env=go_environment(), check=True)
    return built


class PythonServer(Server):
    name = "Python"

    def command(self) -> list[str]:
        return [sys.executable, str(PROGRAMS / "http_server.py"), str(self.port)]


class EchoServer(Server):
    name = "echo"

    def command(self) -> list[str]:
        return [sys.executable, str(PROGRAMS / "echo_server.py"), str(self.port)]


class NodeServer(Server):
    name = "Node"

    def command(self) -> list[str]:
        return [required_program("node"), str(PROGRAMS / "node_server.js"), str(self.port)]


class ServerWithFolder(Server):
    """A server that needs a folder of its own while it runs."""

    def start(self, wait: bool = True) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=f"beyla-{self.name}-")
        self.folder = Path(self._folder.name)
        super().start(wait)

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        if self.process:
            super().stop(signal_number)
            self._folder.cleanup()


NGINX_CONFIGURATION = """
daemon off;
master_process on;
worker_processes 2;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ return 200 "answered\\n"; }}
    location /post {{ return 204; }}
    location /missing {{ return 404; }}
  }}
}}
"""
NGINX_REQUESTS = (
    *[Request("GET", f"/items/{number}") for number in range(6)],
    *[Request("POST", "/post", BODY)] * 3,
    Request("GET", "/missing"),
)


class Nginx(ServerWithFolder):
    name = "nginx"

    def command(self) -> list[str]:
        configuration = self.folder / "nginx.conf"
        configuration.write_text(self.configuration())
        return [required_program("nginx"), "-e", str(self.folder / "error.log"), "-c", str(configuration)]

    def configuration(self) -> str:
        return NGINX_CONFIGURATION.format(folder=self.folder, port=self.port)

    def mix(self, index: int) -> Request:
        return NGINX_REQUESTS[index % len(NGINX_REQUESTS)]


class RedisServer(ServerWithFolder):
    name = "redis"

    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        return [required_program("redis-server"), *options]


class ExecServer(Server):
    """Its listener is opened by one program and served by the one that replaces it."""

    name = "exec"

    def command(self) -> list[str]:
        return [sys.executable, str(PROGRAMS / "exec_server.py"), str(self.port)]
