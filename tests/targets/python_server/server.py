"""A target of the matrix: Python's http.server, a thread or a process for each connection.

Usage: server.py threads|processes PORT LOG.
"""
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ForkingMixIn, ThreadingMixIn

MODE, PORT, LOG_PATH = sys.argv[1:]
LOG = os.open(LOG_PATH, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(self.read_chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def read_chunks(self):
        while length := int(self.rfile.readline(), 16):
            yield self.rfile.read(length)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def answer(self) -> None:
        body = self.read_body() or b"answered\n"
        status = int(self.path.removeprefix("/status/")) if self.path.startswith("/status/") else 200
        os.write(LOG, f"{self.command} {status}\n".encode())
        self.send_response(status)
        if status == 301:
            self.send_header("Location", "/hello")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


class ThreadingServer(ThreadingMixIn, HTTPServer):
    request_queue_size = 128
    daemon_threads = True


class ForkingServer(ForkingMixIn, HTTPServer):
    request_queue_size = 128
    block_on_close = False


server = {"threads": ThreadingServer, "processes": ForkingServer}[MODE]
server(("127.0.0.1", int(PORT)), Handler).serve_forever()
