"""How soon the agent has a process that starts, and how soon it sees traffic after its own start.

The moments lie in several processes, so both ends are stamped with CLOCK_BOOTTIME. Where an event cannot be stamped
itself, a moment before it is: the times are upper limits.
"""
from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from figures import Figure
from harness import clean_environment, end_process, free_port
from http_client import Connection, Request
from stamped_agent import StampedAgent

SELECTED = "instrumenting service="
NS_PER_MS = 1e6
SELECTION_GOAL_MS = 1.0
START_GOAL_MS = 300.0
PAUSE_SECONDS = 0.001  # between the requests of the loop that the agent starts into
REQUEST = Request("GET", "/hello")


@dataclass(frozen=True)
class Stamps:
    before_exec: int
    in_main: int
    listening: int


class LateServer:
    """bench_late_server under a path that no other process on the machine has."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def __enter__(self) -> LateServer:
        self._folder = tempfile.TemporaryDirectory(prefix="beyla-bench-")
        self.path = Path(self._folder.name) / "late_server"
        shutil.copy(self._binary, self.path)
        self.name = self.path.parent.name
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()

    def launch(self) -> Stamps:
        self._process = subprocess.Popen(
            [str(self._binary), "launch", str(self.path), str(self.port)], env=clean_environment({}),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )
        return Stamps(*map(int, self._process.stdout.readline().split()))

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        if self._process:
            end_process(self._process)
            self._process.stdout.close()
            self._process = None


def selection_times(server: LateServer, settings: dict[str, str], rounds: int) -> list[tuple[Stamps, int]]:
    """For each start of the server: its stamps, and when the agent's line about it arrived.

    Each start also sends one request as soon as the server listens, which must not be missed.
    """
    found = []
    with StampedAgent(settings) as agent:
        agent.wait_ready()
        for number in range(rounds):
            stamps = server.launch()
            with Connection(server.port) as connection:
                connection.exchange(Request("GET", f"/first/{number}"))
            found.append((stamps, agent.log.wait_for(f"pid={server.pid} ")))
            agent.traces.wait_for(f"/first/{number} ")
            server.stop()
    return found


def measure_selection(binary: Path, rounds: int) -> list[Figure]:
    with LateServer(binary) as server:
        by_name = selection_times(server, {"EXECUTABLE_NAME": server.name}, rounds)
        by_port = selection_times(server, {"OPEN_PORT": str(server.port)}, rounds)
    execs = [(stamps.in_main - stamps.before_exec) / NS_PER_MS for stamps, _ in by_name]
    note = "from before execve(2) until its log line is read; the first request after listen() was reported each time"
    return [
        Figure(
            "exec -> selected by name", "ms",
            [(selected - stamps.before_exec) / NS_PER_MS for stamps, selected in by_name], SELECTION_GOAL_MS, note,
        ),
        Figure("of this: until the new image's main()", "ms", execs),
        Figure(
            "listen -> selected by port", "ms",
            [(selected - stamps.in_main) / NS_PER_MS for stamps, selected in by_port], SELECTION_GOAL_MS,
            "from main(), before socket() and listen(); else as above",
        ),
    ]


class RequestLoop:
    """Sends one request after the other on one connection while the block runs."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with Connection(self._port) as connection:
            while not self._ended.wait(PAUSE_SECONDS):
                connection.exchange(REQUEST)

    def __enter__(self) -> RequestLoop:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def measure_start(binary: Path, rounds: int) -> list[Figure]:
    ready, first = [], []
    with LateServer(binary) as server:
        server.launch()
        with RequestLoop(server.port):
            for _ in range(rounds):
                with StampedAgent({"OPEN_PORT": str(server.port)}) as agent:
                    first.append((agent.traces.wait_for("200 GET /hello ") - agent.started_ns) / NS_PER_MS)
                    ready.append((agent.wait_ready() - agent.started_ns) / NS_PER_MS)
    note = "from before fork until the line is read; a request about every millisecond on an older connection"
    return [
        Figure("agent start -> first trace line", "ms", first, START_GOAL_MS, note),
        Figure("agent start -> 'instrumentation ready'", "ms", ready),
    ]
