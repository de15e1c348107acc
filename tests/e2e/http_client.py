"""A load client that knows exactly what it sent and what it got back.

`run_load` sends a fixed number of requests, `BackgroundLoad` sends until it is stopped; both return what the client
saw: a count for each (method, status), and every error. Plain sockets, one thread per connection.
"""
from __future__ import annotations

import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable, Iterable

RECEIVE_BYTES = 65536
SOCKET_TIMEOUT_SECONDS = 20.0
STATUSES_WITHOUT_BODY = (204, 304)


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    body: bytes = b""

    def encode(self, keep_alive: bool) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: localhost"]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        if not keep_alive:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


Mix = Callable[[int], Request]  # the n-th request of a load


@dataclass
class LoadResult:
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)  # (method, status)
    errors: list[str] = field(default_factory=list)

    def merge(self, other: LoadResult) -> None:
        self.counts += other.counts
        self.errors += other.errors

    def method(self, name: str) -> int:
        return sum(count for (method, _), count in self.counts.items() if method == name)


class Connection:
    """One TCP connection; `exchange` sends one request and reads its whole answer."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port), SOCKET_TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def exchange(self, request: Request, keep_alive: bool = True) -> int:
        self._socket.sendall(request.encode(keep_alive))
        status, body_bytes = parse_head(self._read_head())
        self._skip(body_bytes)
        return status

    def _read_head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        return head

    def _skip(self, count: int) -> None:
        while len(self._buffer) < count:
            self._receive()
        self._buffer = self._buffer[count:]

    def _receive(self) -> None:
        received = self._socket.recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionError("closed by the server in an answer")
        self._buffer += received


def parse_head(head: bytes) -> tuple[int, int]:
    """The status and the length of the body; answers in chunks are refused, no target sends them."""
    status_line, *lines = head.split(b"\r\n")
    status = int(status_line.split(b" ", 2)[1])
    if status in STATUSES_WITHOUT_BODY:
        return status, 0
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return status, int(value)
    raise ValueError(f"no Content-Length in the answer {head!r}")


def send_once(port: int, request: Request) -> int:
    """One request on a connection of its own; returns the status."""
    with Connection(port) as connection:
        return connection.exchange(request, keep_alive=False)


def run_load(port: int, total: int, connections: int, mix: Mix, keep_alive: bool = True) -> LoadResult:
    """Sends exactly `total` requests, the n-th being mix(n), over `connections` threads."""
    shares = [range(first, total, connections) for first in range(connections)]
    results = [LoadResult() for _ in shares]
    send = send_over_one_connection if keep_alive else send_over_many_connections
    threads = [
        threading.Thread(target=send, args=(port, map(mix, share), result))
        for share, result in zip(shares, results)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    merged = LoadResult()
    for result in results:
        merged.merge(result)
    return merged


def send_over_one_connection(port: int, requests: Iterable[Request], result: LoadResult) -> None:
    try:
        with Connection(port) as connection:
            for request in requests:
                result.counts[request.method, connection.exchange(request)] += 1
    except (OSError, ValueError) as error:
        result.errors.append(repr(error))


def send_over_many_connections(port: int, requests: Iterable[Request], result: LoadResult) -> None:
    for request in requests:
        try:
            result.counts[request.method, send_once(port, request)] += 1
        except (OSError, ValueError) as error:
            result.errors.append(repr(error))


class BackgroundLoad:
    """Keep-alive requests from `connections` threads until stop()."""

    def __init__(self, port: int, connections: int, mix: Mix) -> None:
        self._stopping = threading.Event()
        self._results = [LoadResult() for _ in range(connections)]
        self._threads = [
            threading.Thread(target=send_over_one_connection, args=(port, self._endless(mix), result), daemon=True)
            for result in self._results
        ]

    def __enter__(self) -> BackgroundLoad:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answered(self) -> int:
        return sum(result.counts.total() for result in self._results)

    def stop(self) -> LoadResult:
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        merged = LoadResult()
        for result in self._results:
            merged.merge(result)
        return merged

    def _endless(self, mix: Mix) -> Iterable[Request]:
        index = 0
        while not self._stopping.is_set():
            yield mix(index)
            index += 1
