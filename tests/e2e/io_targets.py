"""Targets and clients of the tests about the ways of I/O: a C server whose words choose how it reads and writes."""
from __future__ import annotations

import ctypes
import fcntl
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Sequence

from harness import CACHE, free_port, required_program, wait_until
from targets import PROGRAMS, Server

SOURCES = (PROGRAMS / "io_server.c", PROGRAMS / "io_ways.c")
HEADERS = (PROGRAMS / "io_ways.h",)
CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
TIMEOUT_SECONDS = 20.0
FILLER = f"User-Agent: {'a' * 300}\r\n"  # a head as long as those of browsers


def build_io_server() -> Path:
    """Path of the built server; builds only when it is missing or older than its sources."""
    CACHE.mkdir(parents=True, exist_ok=True)
    built = CACHE / "io_server"
    newest = max(file.stat().st_mtime for file in SOURCES + HEADERS)
    with open(CACHE / "io_server.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not built.exists() or built.stat().st_mtime < newest:
            command = [required_program("cc"), "-O2", "-Wall", "-Wextra", "-o", str(built), *map(str, SOURCES)]
            subprocess.run(command, check=True)
    return built


class IoServer(Server):
    name = "io"

    def __init__(self, words: Sequence[str], port: int | None = None) -> None:
        super().__init__(port)
        self.words = tuple(words)

    def command(self) -> list[str]:
        return [str(build_io_server()), str(self.port), *self.words]

    def wait_ready(self) -> None:
        wait_until(self._listens, 15, f"io_server {self.words} listens on port {self.port}")

    def _listens(self) -> bool:
        """Looks at its network namespace's table: connecting would be a connection more for the agent."""
        if self.process.poll() is not None:
            raise AssertionError(f"io_server {self.words} ended with {self.process.returncode}")
        wanted = f":{self.port:04X} "
        try:
            tables = [Path(f"/proc/{self.process.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
        except FileNotFoundError:  # while it moves to its own namespace
            return False
        listening = [line for table in tables for line in table.splitlines() if wanted in line and " 0A " in line]
        return len(listening) == (2 if "reuseport" in self.words else 1)


class SelfClient(Server):
    """Sends itself `count` requests as soon as it listens."""

    name = "self"

    def __init__(self, port: int, count: int) -> None:
        super().__init__(port)
        self._count = count

    def command(self) -> list[str]:
        return [sys.executable, str(PROGRAMS / "self_client.py"), str(self.port), str(self._count)]


class Exchanger:
    """One keep-alive connection; `exchange` returns the status and the whole body of the answer."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(TIMEOUT_SECONDS)
        self._socket = connection
        self._buffer = b""

    def __enter__(self) -> Exchanger:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def exchange(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        sent = f"{method} {path} HTTP/1.1\r\nHost: io\r\n{FILLER}{length}\r\n".encode() + body
        sender = threading.Thread(target=self._socket.sendall, args=(sent,))  # the answer may begin before the end
        sender.start()
        try:
            return self.read_answer()
        finally:
            sender.join()

    def read_answer(self) -> tuple[int, bytes]:
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return int(head.split(b" ")[1]), body

    def _receive(self) -> None:
        received = self._socket.recv(65536)
        if not received:
            raise ConnectionError("closed by the server")
        self._buffer += received


def connect(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), TIMEOUT_SECONDS)


def free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return list(ports)


def connect_unix(port: int) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"\0{port}")
    return connection


def connect_in_namespace(pid: int, port: int, fast_open: bytes = b"") -> socket.socket:
    """A connection whose client's end is in the network namespace of process `pid`; its SYN carries `fast_open`."""
    libc = ctypes.CDLL(None, use_errno=True)
    result: list[socket.socket | OSError] = []

    def enter_and_connect() -> None:
        # setns() moves only the calling thread, and this one ends with the call.
        try:
            with open(f"/proc/{pid}/ns/net") as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            result.append(connect_fast(port, fast_open) if fast_open else connect("127.0.0.1", port))
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=enter_and_connect)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]


def connect_fast(port: int, data: bytes) -> socket.socket:
    connection = socket.socket()
    connection.sendto(data, socket.MSG_FASTOPEN, ("127.0.0.1", port))
    return connection


def fast_opens_in(pid: int) -> int:
    """Connections accepted with data in their SYN, in the network namespace of process `pid`."""
    names, values = (
        line.split() for line in Path(f"/proc/{pid}/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")
    )
    return int(values[names.index("TCPFastOpenPassive")])
