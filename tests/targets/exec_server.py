"""Listens, then replaces itself by another program that inherits the listener, as a socket-activating parent does.
Usage: exec_server.py PORT"""
import http.server
import os
import socket
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def listen_and_exec(port: str) -> None:
    listener = socket.create_server(("127.0.0.1", int(port)))
    listener.set_inheritable(True)
    os.execv(sys.executable, [sys.executable, __file__, port, str(listener.fileno())])


def serve(listener_fd: str) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=int(listener_fd))
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        listen_and_exec(sys.argv[1])
    else:
        serve(sys.argv[2])
