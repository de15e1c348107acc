"""An HTTPS target of the matrix: Python's http.server over ssl, a thread for each connection.

Usage: server.py PORT LOG CERTIFICATE KEY.
"""
import socketserver
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, _, CERTIFICATE, KEY = sys.argv[1:]
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(CERTIFICATE, KEY)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"answered\n"
        status = int(self.path.removeprefix("/status/")) if self.path.startswith("/status/") else 200
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204 and self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_: object) -> None:
        pass


class Server(socketserver.ThreadingMixIn, HTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def finish_request(self, request, client_address) -> None:
        try:
            with CONTEXT.wrap_socket(request, server_side=True) as encrypted:
                self.RequestHandlerClass(encrypted, client_address, self)
        except OSError:
            pass  # whoever only looks whether we listen


Server(("127.0.0.1", int(PORT)), Handler).serve_forever()
