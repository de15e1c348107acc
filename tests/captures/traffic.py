"""The requests of the recordings: full of secrets, in the shapes that HTTP/1 allows. Plain sockets.

Each place where something private can stand holds a secret of its own, so that a leak says where it came from.
"""
from __future__ import annotations

import http.client
import itertools
import socket
from dataclasses import dataclass, field

TIMEOUT_SECONDS = 20.0
RECEIVE_BYTES = 65536
SECRET_MARK = "canary"  # in every secret


def secret(place: str) -> str:
    return f"{SECRET_MARK}-{place}-7f3a"


@dataclass(frozen=True)
class Expected:
    """What a trace line must say of a request."""

    method: str
    path: str
    status: int
    size: int


@dataclass
class Conversation:
    """One connection: what the client writes, call by call, and which requests that is."""

    calls: list[tuple[bytes, bool]] = field(default_factory=list)  # bytes; then the answer is awaited
    expected: list[Expected] = field(default_factory=list)

    def add(self, head_line: str, *, status: int = 200, body: bytes = b"", chunks: tuple[bytes, ...] = (),
            last: bool = False) -> bytes:
        """Appends a request to `expected` and returns its bytes, for `write`."""
        method, target = head_line.split(" ")
        headers = [
            "Host: localhost",
            f"Authorization: Bearer {secret('authorization')}",
            f"Cookie: session={secret('cookie')}",
            f"X-Forwarded-For: {secret('header')}",
        ]
        if chunks:
            headers.append("Transfer-Encoding: chunked")
        elif body:
            headers.append(f"Content-Length: {len(body)}")
        if last:
            headers.append("Connection: close")
        head = "\r\n".join([f"{method} {target} HTTP/1.1", *headers, "", ""]).encode()
        size = sum(map(len, chunks)) or len(body)
        self.expected.append(Expected(method, target.partition("?")[0], status, size))
        return head + (encode_chunks(chunks) if chunks else body)

    def write(self, *pieces: bytes) -> None:
        """All pieces in one call; the next call follows at once."""
        self.calls.append((b"".join(pieces), False))

    def ask(self, request: bytes) -> None:
        """The request, or the rest of one; the next call waits for its answer."""
        self.calls.append((request, True))

    def run(self, port: int) -> None:
        """Sends all calls and reads until the server closes."""
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece, waits in self.calls:
                connection.sendall(piece)
                if waits:
                    with http.client.HTTPResponse(connection) as answer:
                        answer.begin()
                        answer.read()
            while connection.recv(RECEIVE_BYTES):
                pass


def encode_chunks(chunks: tuple[bytes, ...]) -> bytes:
    """With an extension and a trailer, both secret."""
    encoded = [b"%x;ext=%s\r\n%s\r\n" % (len(chunk), secret("extension").encode(), chunk) for chunk in chunks]
    return b"".join([*encoded, b"0\r\nX-Trailer: ", secret("trailer").encode(), b"\r\n\r\n"])


def body_of(place: str, at_least: int = 0) -> bytes:
    """A body that looks like a request of its own."""
    text = f"GET /{secret(place)} HTTP/1.1\r\nCookie: {secret(place)}\r\n\r\n"
    return "".join(itertools.islice(itertools.cycle([text]), 1 + at_least // len(text))).encode()


def query(path: str, status: int = 200) -> str:
    return f"{path}?token={secret('query')}&status={status}"


def simple_requests() -> Conversation:
    """One after the other on a connection."""
    talk = Conversation()
    talk.ask(talk.add(f"GET {query('/items/1')}"))
    talk.ask(talk.add("POST /orders", body=body_of("body")))
    talk.ask(talk.add(f"GET {query('/missing', 404)}", status=404))
    talk.ask(talk.add(f"PUT {query('/orders/1', 500)}", status=500, body=body_of("put")))
    talk.ask(talk.add("DELETE /orders/1", last=True))
    return talk


def pipelined_requests() -> Conversation:
    """Several in one call, a body among them."""
    talk = Conversation()
    talk.write(
        talk.add("GET /first"), talk.add(f"GET {query('/second')}"), talk.add("POST /third", body=body_of("pipelined")),
        talk.add("GET /fourth"),
    )
    talk.write(talk.add("GET /last", last=True))
    return talk


def in_pieces(talk: Conversation, request: bytes, size: int) -> None:
    """Writes the request in calls of `size` bytes, the last of which waits for the answer."""
    pieces = [request[start : start + size] for start in range(0, len(request), size)]
    for piece in pieces[:-1]:
        talk.write(piece)
    talk.ask(pieces[-1])


def split_heads(size: int = 45) -> Conversation:
    """Cut into calls of so many bytes, in the middle of names and values."""
    talk = Conversation()
    in_pieces(talk, talk.add(f"GET {query('/split')}"), size)
    in_pieces(talk, talk.add("GET /split/again", last=True), size)
    return talk


def chunked_requests() -> Conversation:
    talk = Conversation()
    talk.ask(talk.add("POST /chunked", chunks=(body_of("chunk"), b"x", body_of("chunk"))))
    talk.ask(talk.add("GET /behind/chunks", last=True))
    return talk


def split_bodies() -> Conversation:
    """Bodies that come late and in pieces. For servers that read a body before they answer: an answer that comes
    before makes the size unknown."""
    talk = Conversation()
    in_pieces(talk, talk.add("POST /cut", body=body_of("split")), 45)
    in_pieces(talk, talk.add("POST /cut/chunks", chunks=(body_of("chunk"), b"y")), 61)
    talk.ask(talk.add("GET /behind", last=True))
    return talk


def large_body() -> Conversation:
    """More than the kernel copies, and what comes behind it. For the same servers."""
    talk = Conversation()
    in_pieces(talk, talk.add("POST /large", body=body_of("large", 200_000)), 70_000)
    talk.ask(talk.add("GET /behind/large", last=True))
    return talk
