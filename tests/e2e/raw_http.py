"""Conversations played byte by byte between two scripted processes, and what an observer must say about each.

A `Conversation` is the truth: its steps are exactly what is sent, its `exchanges` and `incomplete` what happened.
"""
from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing import Pipe
from typing import Sequence

from harness import REPOSITORY, clean_environment, end_process

PROGRAM = REPOSITORY / "tests" / "targets" / "scripted_peer.py"
ANSWER_SECONDS = 60.0


class RemotePeer:
    """A scripted_peer.py process."""

    def __init__(self, pace: socket.socket) -> None:
        self._commands, theirs = Pipe()
        fds = (theirs.fileno(), pace.fileno())
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), *map(str, fds)], pass_fds=fds, stdin=subprocess.DEVNULL,
            env=clean_environment({}),
        )
        theirs.close()

    def begin(self, name: str, *arguments: object) -> None:
        self._commands.send((name, arguments))

    def finish(self) -> object:
        if not self._commands.poll(ANSWER_SECONDS):
            raise AssertionError("a peer doesn't answer")
        result, error = self._commands.recv()
        if error:
            raise AssertionError(error)
        return result

    def call(self, name: str, *arguments: object) -> object:
        self.begin(name, *arguments)
        return self.finish()

    def stop(self) -> None:
        self._commands.close()
        end_process(self.process)


@dataclass(frozen=True)
class Pace:
    """How the bytes are cut: one send() per `client_bytes` or `server_bytes`; paced: the kernel merges none."""

    client_bytes: int | None = None
    server_bytes: int | None = None
    paced: bool = True


@dataclass(frozen=True)
class Seen:
    """One exchange as a trace line shows it; size None: said to be unknown."""

    method: str
    path: str
    status: int
    size: int | None


@dataclass(frozen=True)
class Step:
    """`side` sends `data`, in one send() per write size, or as one vector; or it does `action`."""

    side: str
    data: bytes = b""
    action: str = ""
    arguments: tuple = ()
    vector: tuple[bytes, ...] = ()
    whole: bool = False  # one send() whatever the pace


@dataclass
class Conversation:
    steps: list[Step]
    exchanges: list[Seen]
    incomplete: Counter[str] = field(default_factory=Counter)  # requests without answer, by reason
    opaque: int = 0  # becomes a tunnel
    gaps: int = 0  # at most: places where bytes passed that no hook sees


def pieces_of(data: bytes, size: int | None) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)] if size else [data]


class Stage:
    """Two peers. As a context manager they run inside the block. The server's peer listens on `port`, the client's on
    `client_port`: nobody connects there, it is what the client's process can be selected by."""

    def __init__(self, port: int, client_port: int | None = None) -> None:
        self.port = port
        self.client_port = client_port

    def __enter__(self) -> Stage:
        server_pace, client_pace = socket.socketpair()
        with server_pace, client_pace:
            self.server = RemotePeer(server_pace)
            self.client = RemotePeer(client_pace)
        self.server.call("listen", self.port)
        if self.client_port:
            self.client.call("listen", self.client_port)
        return self

    def __exit__(self, *_: object) -> None:
        for peer in (self.client, self.server):
            peer.stop()

    def play(self, conversation: Conversation, pace: Pace) -> None:
        """Plays all steps over one new connection; fails when a peer received anything but the script."""
        self.open()
        for step in conversation.steps:
            self.take(step, pace)

    def open(self) -> None:
        self.server.begin("accept")
        self.client.call("connect", self.port)
        self.server.finish()

    def take(self, step: Step, pace: Pace) -> None:
        sender, receiver = (self.client, self.server) if step.side == "client" else (self.server, self.client)
        if step.action == "send_file":
            receiver.begin("skip", *step.arguments)  # while it is sent
            sender.call(step.action, *step.arguments)
            receiver.finish()
        elif step.action:
            sender.call(step.action, *step.arguments)
        else:
            size = pace.client_bytes if step.side == "client" else pace.server_bytes
            self._transfer(sender, receiver, step, None if step.whole else size, pace.paced)

    def _transfer(
        self, sender: RemotePeer, receiver: RemotePeer, step: Step, size: int | None, paced: bool
    ) -> None:
        data = b"".join(step.vector) or step.data
        receiver.begin("receive", len(data), paced)
        if step.vector:
            sender.begin("send_vector", list(step.vector), paced)
        else:
            sender.begin("send", pieces_of(data, size), paced)
        sender.finish()
        if receiver.finish() != data:
            raise AssertionError("the receiver did not get what was sent")


def client(data: bytes, whole: bool = False) -> Step:
    return Step("client", data, whole=whole)


def server(data: bytes, whole: bool = False) -> Step:
    return Step("server", data, whole=whole)


def do(side: str, action: str, *arguments: object) -> Step:
    return Step(side, action=action, arguments=arguments)


def closing() -> list[Step]:
    """The client closes, then the server."""
    return [do("client", "close"), do("server", "receive_end"), do("server", "close")]


def head(first_line: str, *fields: str) -> bytes:
    return "\r\n".join([first_line, *fields, "", ""]).encode()


def chunked(body: bytes, sizes: Sequence[int], trailers: Sequence[str] = ()) -> bytes:
    """The body in chunks of these sizes in turn."""
    parts, at, turn = [], 0, itertools.cycle(sizes)
    while at < len(body):
        data = body[at : at + next(turn)]
        parts.append(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        at += len(data)
    return b"".join(parts) + "\r\n".join(["0", *trailers, "", ""]).encode()


# What ends messages or begins them elsewhere stands in every body.
POISON = (
    b"0\r\n\r\nGET /poison HTTP/1.1\r\nHost: p\r\n\r\nHTTP/1.1 599 Poison\r\nContent-Length: 0\r\n\r\n"
    b"POST /poison HTTP/1.1\r\nContent-Length: 5\r\n\r\n"
)


def body_of(size: int) -> bytes:
    return (POISON * (size // len(POISON) + 1))[:size]
