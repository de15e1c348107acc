"""A client of HTTP/2 that says each field as its caller wants, byte by byte: one request at a time, on one connection."""
from __future__ import annotations

import socket
import ssl

WINDOW = (2**30).to_bytes(4, "big")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


# Windows of each stream and of all; and the server's settings are acknowledged, or it hangs up after 10 s.
SETTINGS = frame(4, 0, 0, b"\0\4" + WINDOW) + frame(8, 0, 0, WINDOW) + frame(4, 1, 0)
LITERAL_PATH, INDEXED_PATH, NEWEST, ROOT = b"\x04", b"\x44", b"\xbe", b"\x84"  # RFC 7541 section 6 and appendix A


class Http2Connection:
    """One request at a time, whose path is said as the caller wants."""

    def __init__(self, port: int, secure: bool = False) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        if secure:
            context = ssl._create_unverified_context()
            context.set_alpn_protocols(["h2"])
            self._socket = context.wrap_socket(self._socket)
        self._socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
        self._stream, self._received = 1, b""

    def ask(self, path_field: bytes) -> None:
        # GET, http, the authority as a literal that nobody keeps.
        self._socket.sendall(frame(1, 5, self._stream, b"\x82\x86" + path_field + b"\x01\x01h"))
        while not self._answered():
            received = self._socket.recv(65_536)
            if not received:
                raise ConnectionError("the server closed the connection")
            self._received += received
        self._stream += 2

    def _answered(self) -> bool:
        while len(self._received) >= 9:
            size = 9 + int.from_bytes(self._received[:3], "big")
            if len(self._received) < size:
                return False
            kind, flags, stream = self._received[3], self._received[4], int.from_bytes(self._received[5:9], "big")
            self._received = self._received[size:]
            if kind in (0, 1) and flags & 1 and stream == self._stream:
                return True
        return False

    def close(self) -> None:
        self._socket.close()


def said(how: bytes, path: str) -> bytes:
    return how + bytes((len(path),)) + path.encode()


class LateClient(Http2Connection):
    """The path of the request before is named by its place in the table."""

    _path = ""

    def get(self, path: str) -> None:
        is_new, self._path = path != self._path, path
        self.ask(said(INDEXED_PATH, path) if is_new else NEWEST)
