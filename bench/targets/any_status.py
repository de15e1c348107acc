"""A target of the bench: answers METHOD /STATUS with that status and no body, to open many series quickly.

Usage: any_status.py PORT. One connection at a time, requests without a body.
"""
import socket
import sys


def serve(connection: socket.socket) -> None:
    stream = connection.makefile("rb")
    while line := stream.readline():
        while stream.readline().strip():
            pass
        status = line.split()[1].lstrip(b"/")
        length = b"" if status in (b"204", b"304") else b"Content-Length: 0\r\n"
        connection.sendall(b"HTTP/1.1 " + status + b" -\r\n" + length + b"\r\n")


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        accepted, _ = listener.accept()
        with accepted:
            serve(accepted)
