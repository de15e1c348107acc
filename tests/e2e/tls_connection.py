"""A client's end of one connection with TLS."""
from __future__ import annotations

import socket
import ssl
from typing import Callable, TypeVar

from http_client import parse_head

TIMEOUT_SECONDS = 20.0
SLOW_PIECE_BYTES = 8_192
SLOW_BUFFER_BYTES = 65_536  # of the socket: smaller ones wait for the timer of closed windows

T = TypeVar("T")


class Connection:
    """TLS over memory, so that the end of sending can be said apart from the end of the connection."""

    def __init__(self, port: int, slow: bool, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        self._slow = slow
        self._socket = socket.socket()
        if slow:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BUFFER_BYTES)
        self._socket.settimeout(TIMEOUT_SECONDS)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost", session=session)
        self._buffer = b""

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    @property
    def session(self) -> ssl.SSLSession | None:
        return self._tls.session

    @property
    def is_resumed(self) -> bool:
        return bool(self._tls.session_reused)

    def shake_hands(self) -> None:
        self._drive(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def end_sending(self) -> None:
        try:
            self._tls.unwrap()  # sends close_notify, and would wait for that of the server
        except ssl.SSLWantReadError:
            pass
        try:
            self._flush()
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered and closed the connection already

    def close(self) -> None:
        self._socket.close()

    def receive_answer(self, method: str) -> int:
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        if method == "HEAD":
            return int(head.split(b" ", 2)[1])
        status, wanted = parse_head(head)
        while len(self._buffer) < wanted:
            self._receive()
        self._buffer = self._buffer[wanted:]
        return status

    def _receive(self) -> None:
        received = self._drive(lambda: self._tls.read(65536))
        if not received:
            raise ConnectionError("closed by the server in an answer")
        self._buffer += received

    def _drive(self, step: Callable[[], T]) -> T:
        while True:
            try:
                done = step()
                self._flush()
                return done
            except ssl.SSLWantReadError:
                self._flush()
                data = self._socket.recv(SLOW_PIECE_BYTES if self._slow else 65536)
                self._incoming.write(data) if data else self._incoming.write_eof()

    def _flush(self) -> None:
        while pending := self._outgoing.read():
            self._socket.sendall(pending)
