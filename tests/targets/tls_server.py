"""An HTTPS server in one of several ways: tls_server.py PORT CERTIFICATE nested|memory|late.

nested: a thread per connection, TLS on the socket. memory: asyncio, TLS on buffers of its own. late: plain HTTP on PORT;
GET /load loads the TLS library, and answers with the port where the same is served by HTTPS from then on.
"""
from __future__ import annotations

import sys
import threading
from pathlib import PurePosixPath

PORT, CERTIFICATE, WAY = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if WAY == "late":
    sys.modules["ssl"] = None  # type: ignore[assignment]  # http.client goes without where it cannot be imported
import http.server
STATUS_BY_PATH = {"/missing": 404, "/broken": 500}


def status_of(target: str) -> int:
    return STATUS_BY_PATH.get(str(PurePosixPath(target.split("?")[0])), 200)


def make_context():
    if sys.modules.get("ssl", 0) is None:
        del sys.modules["ssl"]
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = str(serve_tls(0)).encode() if self.path == "/load" else b"x" * 100
        self.send_response(status_of(self.path))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve_tls(port: int) -> int:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.socket = make_context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


async def answer(reader, writer) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            status = status_of(head.split(b" ")[1].decode())
            writer.write(b"HTTP/1.1 %d Status\r\nContent-Length: 100\r\n\r\n" % status + b"x" * 100)
            await writer.drain()
    except (EOFError, ConnectionError):
        writer.close()


async def serve_memory() -> None:
    import asyncio

    server = await asyncio.start_server(answer, "127.0.0.1", PORT, ssl=make_context())
    await server.serve_forever()


if WAY == "memory":
    import asyncio

    asyncio.run(serve_memory())
elif WAY == "late":
    http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
else:
    serve_tls(PORT)
    threading.Event().wait()
