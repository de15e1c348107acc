"""A target of the end-to-end tests: Python's own HTTP server, one thread per connection.

Usage: http_server.py PORT. Any path; ?status=CODE chooses the status, ?delay=SECONDS waits before it answers.
"""
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

STATUSES_WITHOUT_BODY = (204, 304)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        status = int(query.get("status", ["200"])[0])
        time.sleep(float(query.get("delay", ["0"])[0]))
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b"" if status in STATUSES_WITHOUT_BODY else b"answered\n"
        self.send_response(status)
        if body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
