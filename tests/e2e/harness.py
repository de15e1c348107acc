"""Starts and ends the agent for the end-to-end tests, and what all of them need.

Every process is ended by its own pid. Nothing sleeps for a fixed time: `wait_until` polls. Needs root; as another user
`main` starts the script again through sudo.
"""
from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence, TypeVar

from observed import PROCESS_EVENTS, Metrics, Trace, books
from processes import PROCESSOR, family, named

REPOSITORY = Path(__file__).resolve().parents[2]
BEYLA_BINARY = Path(os.environ.get("BEYLA_BINARY", REPOSITORY / "build" / "release" / "beyla")).resolve()
CACHE = Path(os.environ.get("BEYLA_E2E_CACHE", REPOSITORY / "build" / "e2e_cache"))
FULL = os.environ.get("FULL") == "1"  # the acceptance sizes

# Below the kernel's range for outgoing connections: a client that connects before the server listens must not get
# this very port as its own and so talk to itself.
PORTS = range(15000, 32000)
POLL_SECONDS = 0.02
STDERR_LINES_SHOWN = 20
READY = "instrumentation ready"
QUIET_SECONDS = 0.3  # longer than a record waits in the ring

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout: float, what: str = "the condition") -> T:
    """Polls until condition() is true and returns its value; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(POLL_SECONDS)


def settle(condition: Callable[[], bool], timeout: float) -> None:
    """Polls like wait_until but never fails: the assertions that follow say what is wrong."""
    try:
        wait_until(condition, timeout)
    except AssertionError:
        pass


def free_port() -> int:
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port found")


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any setting of the agent, plus `extra`."""
    settings = re.compile(r"(.*_)?(OPEN_PORT|EXECUTABLE_NAME|PRINT_TRACES|SERVICE_NAME|LOG_LEVEL)$|(BEYLA|OTEL)_")
    kept = {name: value for name, value in os.environ.items() if not settings.match(name)}
    return kept | dict(extra)


def end_process(process: subprocess.Popen[bytes], signal_number: int = signal.SIGTERM, timeout: float = 5.0) -> int:
    """Ends a process that we started and returns its exit code; kills it when it doesn't obey in time."""
    if process.poll() is None:
        process.send_signal(signal_number)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Agent:
    """The agent as a context manager: ready inside the block, ended by SIGTERM with exit code 0 after it."""

    def __init__(
        self, environment: Mapping[str, str], command: Sequence[str] | None = None, print_traces: bool = True
    ) -> None:
        self.metrics_port = int(environment.get("BEYLA_PROMETHEUS_PORT") or free_port())
        defaults = {"BEYLA_PROMETHEUS_PORT": str(self.metrics_port)}
        if print_traces:
            defaults["PRINT_TRACES"] = "true"
        self._environment = clean_environment(defaults | dict(environment))
        self._command = list(command or [str(BEYLA_BINARY)])
        self._stdout = tempfile.NamedTemporaryFile(prefix="beyla-stdout-")
        self._stderr = tempfile.NamedTemporaryFile(prefix="beyla-stderr-")
        self._ended = False

    def __enter__(self) -> Agent:
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=self._stdout, stderr=self._stderr
        )
        try:
            wait_until(self._is_ready, 20, f"'{READY}' on the agent's stderr")
        except AssertionError as error:
            end_process(self.process)
            raise AssertionError(f"{error}; stderr:\n{self.stderr()}") from None
        return self

    def __exit__(self, error_type: object, *_: object) -> None:
        try:
            if not self._ended:
                exit_code = self.stop()
                if error_type is None and exit_code != 0:
                    raise AssertionError(f"the agent's exit code is {exit_code}; stderr:\n{self.stderr()}")
            if error_type is not None:
                last = "\n".join(self.stderr().splitlines()[-STDERR_LINES_SHOWN:])
                print(f"last lines of the agent's stderr:\n{last}", file=sys.stderr)
        finally:
            self._stdout.close()
            self._stderr.close()

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}")
        return READY in self.stderr()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def pids(self) -> list[int]:
        """Of all its processes, the broker first."""
        return family(self.pid)

    @property
    def processor_pid(self) -> int:
        """Of the process that parses; the only one with --single-process."""
        if "--single-process" in self._command:
            return self.pid
        return wait_until(lambda: named(self.pid, PROCESSOR), 5, "the agent has a processor")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """None of its processes runs inside the block."""
        pids = self.pids
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Ends the agent and returns its exit code."""
        self._ended = True
        return end_process(self.process, signal_number)

    def wait_for_end(self, timeout: float = 5.0) -> int:
        """Of an agent that ends by itself; returns its exit code."""
        self._ended = True
        return self.process.wait(timeout)

    def stdout(self) -> str:
        return Path(self._stdout.name).read_text(errors="replace")

    def stderr(self) -> str:
        return Path(self._stderr.name).read_text(errors="replace")

    def lines(self) -> list[str]:
        """The complete lines on stdout so far."""
        # Split before decoding: the file may end in the middle of a character.
        return [line.decode() for line in Path(self._stdout.name).read_bytes().split(b"\n")[:-1]]

    def traces(self) -> list[Trace]:
        return [Trace.parse(line) for line in self.lines()]

    def wait_for_line(self, text: str, timeout: float = 5.0) -> str:
        """The first line of stdout with `text` in it."""
        return wait_until(
            lambda: next((line for line in self.lines() if text in line), None), timeout, f"a trace line with {text!r}"
        )

    def scrape(self) -> Metrics:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as response:
            return Metrics(response.read().decode())

    def quiet_metrics(self, timeout: float = 15.0) -> Metrics:
        """The metrics once traffic has ended: nothing new, and generated = delivered + lost for every kind."""
        # With a name selector every exec and exit of the machine is an event, and others may be at work on it.
        ignored = {PROCESS_EVENTS} if self._environment.get("EXECUTABLE_NAME") else set()

        def settled() -> Metrics | None:
            before = books(self.scrape(), ignored)
            time.sleep(QUIET_SECONDS)
            metrics = self.scrape()
            after = books(metrics, ignored)
            generated, accounted = after
            return metrics if before == after and generated == accounted else None

        return wait_until(settled, timeout, "the traffic ends and the books balance")

    def wait_for_requests(self, expected: Mapping[tuple[str, int], int], timeout: float = 10.0) -> Metrics:
        """Scrapes until the counted requests equal `expected` or the time is over; the caller asserts."""
        settle(lambda: self.scrape().requests() == expected, timeout)
        return self.scrape()


def required_program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not path:
        raise AssertionError(f"{name} is missing: run tools/install_dependencies.sh test")
    return path


def main() -> None:
    """Runs the tests of the calling script, as root."""
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        if not sudo:
            sys.exit("the end-to-end tests load eBPF programs: run them as root, or install sudo")
        # sudo sets a PATH of its own: without ours it wouldn't find go or node.
        os.execv(sudo, ["sudo", "-E", "env", f"PATH={os.environ['PATH']}", sys.executable, *sys.argv])
    unittest.main(verbosity=2)
