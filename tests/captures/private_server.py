"""A target whose answers are as private as the requests: cookies, bodies, reason, chunk extensions and trailers.

Usage: private_server.py PORT. ?status=CODE chooses the status; paths with "chunked" are answered in chunks, paths with
"stream" until the connection ends.
"""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from traffic import body_of, encode_chunks, secret


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        parts = urlsplit(self.path)
        self.read_body()
        status = int(parse_qs(parts.query).get("status", ["200"])[0])
        self.send_response(status, secret("reason"))
        self.send_header("Set-Cookie", f"session={secret('set-cookie')}")
        self.send_header("Location", f"/somewhere?token={secret('location')}")
        body = body_of("answer")
        if "chunked" in parts.path:
            self.send_header("Transfer-Encoding", "chunked")
            body = encode_chunks((body, body))
        elif "stream" in parts.path:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def read_body(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline().strip():
                pass
        self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
