"""A target that answers with what it was told: cookies, reason, body, chunk extensions and trailers.

Usage: mirror_server.py PORT [ANYTHING]. The values of X-Reason, X-Cookie, X-Header, X-Body, X-Extension and X-Trailer
come back in their places; with X-Extension the answer is in chunks.
"""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        self.read_body()
        told = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(200, told.get("x-reason", "OK"))
        self.send_header("Set-Cookie", f"session={told.get('x-cookie')}; HttpOnly")
        self.send_header("WWW-Authenticate", f"Digest nonce={told.get('x-header')}")
        body = f'{{"token": "{told.get("x-body")}"}}\n'.encode()
        if extension := told.get("x-extension"):
            self.send_header("Transfer-Encoding", "chunked")
            trailer = told.get("x-trailer")
            body = b"%x;e=%s\r\n%s\r\n0\r\nX-Sum: %s\r\n\r\n" % (
                len(body), extension.encode(), body, str(trailer).encode())
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
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
