"""Small C programs whose identity the tests play with: built once, run under names that nobody else has."""
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Mapping

from harness import CACHE, clean_environment, is_listening, wait_until
from targets import PROGRAMS

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
PID_ATTEMPTS = 2000


def build_c(name: str) -> Path:
    """Path of the built tests/targets/NAME.c; builds only when it is missing or older than its source."""
    CACHE.mkdir(parents=True, exist_ok=True)
    built, source = CACHE / name, PROGRAMS / f"{name}.c"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", str(built), str(source)], check=True)
    return built


def copy_as(program: Path, folder: Path, word: str) -> Path:
    """A copy whose base name is unique on this machine: the temporary folder's name is part of it."""
    copy = folder / f"{word}-{folder.name}"
    shutil.copy(program, copy)
    return copy


class ChosenPid:
    """A server with exactly the process id that was asked for: the kernel is told which it gave last."""

    def __init__(
        self, executable: Path, port: int, pid: int | None = None, environment: Mapping[str, str] | None = None,
        stdin: int | None = None,
    ) -> None:
        self._command = [str(executable), str(port)]
        self._environment = clean_environment(environment or {})
        self._stdin = stdin
        self.pid = self._fork_as(pid) if pid else self._fork()

    def _fork_as(self, wanted: int) -> int:
        for _ in range(PID_ATTEMPTS):  # others on this machine start processes, too
            LAST_PID.write_text(str(wanted - 1))
            pid = self._fork(wanted)
            if pid == wanted:
                return pid
            os.waitpid(pid, 0)
        raise AssertionError(f"process id {wanted} is not to be had")

    def _fork(self, wanted: int | None = None) -> int:
        """Forks; the child runs the server if it has the wanted id, and ends at once if not."""
        child = os.fork()
        if child:
            return child
        try:
            if wanted is None or os.getpid() == wanted:
                null = os.open(os.devnull, os.O_RDWR)
                os.dup2(null if self._stdin is None else self._stdin, 0)
                os.dup2(null, 1)
                os.dup2(null, 2)
                os.execve(self._command[0], self._command, self._environment)
        finally:
            os._exit(1)

    def kill(self) -> None:
        """Ends it and frees its process id."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def ask(port: int, count: int = 1, path: str = "/") -> None:
    """Sends requests, each on a connection of its own; waits for the server to listen."""
    for _ in range(count):
        wait_until(lambda: is_listening_for_request(port, path), 10, f"an answer on port {port}")


def is_listening_for_request(port: int, path: str) -> bool:
    """One request; False when nobody listens. Fails when somebody does but does not answer."""
    with socket.socket() as client:
        client.settimeout(10)
        if client.connect_ex(("127.0.0.1", port)) != 0:
            return False
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = client.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(f"{path} answered {answer!r}")
        return True


def wait_listening(port: int) -> None:
    wait_until(lambda: is_listening(port), 10, f"a server listens on port {port}")
