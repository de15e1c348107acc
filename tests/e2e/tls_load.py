"""A load over TLS of which is known what was asked on which connection: its own port, path, status and size.

Kept connections and one for each request; TLS 1.2 and 1.3, full and resumed handshakes; pipelined requests; bodies up to
1 MiB both ways, some of them read slowly, so that the server's writes are partial; half-closed connections.
"""
from __future__ import annotations

import itertools
import random
import ssl
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

from tls_connection import Connection

SMALL, LARGE, HUGE = 6, 100_000, 1_048_576  # bytes; the last two are more than a TLS record holds (RFC 8446 §5.1)
KEPT_REQUESTS = 40  # of one connection
PIPELINED = 4
THREADS = 4


class Told(NamedTuple):
    """One request as the agent must tell it."""

    kind: str  # SERVER or CLIENT
    method: str
    path: str
    status: int
    size: int | None  # of the request's body; None: said to be unknown
    client_port: int
    server_port: int


@dataclass(frozen=True)
class Ask:
    method: str
    path: str
    status: int = 200
    size: int = 0

    def encode(self, ends: bool) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        if self.size:
            lines.append(f"Content-Length: {self.size}")
        if ends:
            lines.append("Connection: close")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + b"x" * self.size


@dataclass(frozen=True)
class Abilities:
    """What a server can take; what it cannot is not asked."""

    echoes: bool = True  # or else answers /file/N with N bytes
    pipelining: bool = True
    half_close: bool = False  # answers although the client will send nothing more
    keeps: bool = True  # connections for more than one request
    versions: tuple[ssl.TLSVersion, ...] = (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)


@dataclass(frozen=True)
class Plan:
    """One connection."""

    requests: int
    version: ssl.TLSVersion
    closes: bool = False  # asks the server to close it
    pipelined: int = 1
    half_closes: bool = False
    slow: bool = False


def ask_of(index: int, port: int, abilities: Abilities) -> Ask:
    """The index-th request; most paths are of this request alone, and name the connection."""
    own = f"{port}/{index}"
    if index % 500 == 499:
        return large_ask(own, HUGE, abilities)
    if index % 100 == 99:
        return large_ask(own, LARGE, abilities)
    return (
        Ask("GET", f"/hello/{own}"), Ask("POST", f"/hello/{own}", size=SMALL), Ask("GET", "/status/404", 404),
        Ask("HEAD", f"/hello/{own}"), Ask("PUT", f"/hello/{own}", size=5_000), Ask("GET", "/status/502", 502),
        Ask("GET", f"/hello/{own}"), Ask("GET", "/status/204", 204), Ask("DELETE", f"/hello/{own}"),
    )[index % 9]


def large_ask(own: str, size: int, abilities: Abilities) -> Ask:
    return Ask("POST", f"/hello/{own}", size=size) if abilities.echoes else Ask("GET", f"/file/{size}")


def plans(total: int, abilities: Abilities) -> Iterator[Plan]:
    """Connections with `total` requests together."""
    for number in itertools.count():
        if total <= 0:
            return
        # Each version has its turn with each kind of connection.
        version = abilities.versions[(number + number // 4) % len(abilities.versions)]
        plan = Plan(1, version, closes=True, half_closes=abilities.half_close and number % 4 == 2)
        if number % 4 == 0 and abilities.keeps:
            turn = number // 4 % 3
            pipelined = PIPELINED if turn == 1 and abilities.pipelining else 1
            plan = Plan(min(KEPT_REQUESTS, total), version, pipelined=pipelined, slow=turn == 2)
        total -= plan.requests
        yield plan


def batches(asks: Sequence[Ask], pipelined: int) -> Iterator[list[Ask]]:
    """What is sent at once. Requests with long bodies go alone: one behind the part of a body that is not copied may
    be told as a gap, with TLS or without."""
    batch: list[Ask] = []
    for ask in asks:
        if batch and (len(batch) == pipelined or ask.size > SMALL or batch[-1].size > SMALL):
            yield batch
            batch = []
        batch.append(ask)
    yield batch


@dataclass
class Sent:
    told: Counter[Told] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    connections: int = 0
    resumed: int = 0

    def merge(self, other: Sent) -> None:
        self.told += other.told
        self.errors += other.errors
        self.connections += other.connections
        self.resumed += other.resumed


class Worker(threading.Thread):
    def __init__(self, port: int, share: Sequence[tuple[int, Plan]], abilities: Abilities, authority: Path) -> None:
        super().__init__(daemon=True)
        self.sent = Sent()
        self._port, self._share, self._abilities = port, share, abilities
        self._contexts = {version: context_for(version, authority) for version in abilities.versions}
        self._sessions: dict[ssl.TLSVersion, ssl.SSLSession | None] = {}

    def run(self) -> None:
        for first, plan in self._share:
            try:
                self._play(first, plan)
            except (OSError, ValueError) as error:
                self.sent.errors.append(f"{plan}: {error!r}")

    def _play(self, first: int, plan: Plan) -> None:
        session = self._sessions.pop(plan.version, None)
        connection = Connection(self._port, plan.slow, self._contexts[plan.version], session)
        asks = [ask_of(first + turn, connection.port, self._abilities) for turn in range(plan.requests)]
        try:
            connection.shake_hands()
            self.sent.connections += 1
            self.sent.resumed += connection.is_resumed
            for batch in batches(asks, plan.pipelined):
                self._exchange(connection, plan, batch)
            self._sessions[plan.version] = None if session else connection.session
        finally:
            connection.close()

    def _exchange(self, connection: Connection, plan: Plan, asks: Sequence[Ask]) -> None:
        connection.send(b"".join(ask.encode(plan.closes) for ask in asks))
        if plan.half_closes:
            connection.end_sending()
        for ask in asks:
            status = connection.receive_answer(ask.method)
            if status != ask.status:
                raise ValueError(f"{ask} was answered by {status}")
            self.sent.told["SERVER", ask.method, ask.path, status, ask.size, connection.port, self._port] += 1


def context_for(version: ssl.TLSVersion, authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority))
    context.minimum_version = context.maximum_version = version
    return context


def run_tls_load(port: int, total: int, abilities: Abilities, authority: Path) -> Sent:
    """Sends exactly `total` requests. The certificate must be for "localhost" and signed by `authority`."""
    shares: list[list[tuple[int, Plan]]] = [[] for _ in range(THREADS)]
    first = 0
    for number, plan in enumerate(plans(total, abilities)):
        shares[number // 4 % THREADS].append((first, plan))
        first += plan.requests
    for share in shares:
        random.shuffle(share)
    workers = [Worker(port, share, abilities, authority) for share in shares]
    for worker in workers:
        worker.start()
    merged = Sent()
    for worker in workers:
        worker.join()
        merged.merge(worker.sent)
    merged.told = Counter({Told(*key): count for key, count in merged.told.items()})
    return merged
