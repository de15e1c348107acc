"""Calls of gRPC-Web over HTTP/1.1, all on one connection, made by hand.

Usage: web_client.py call PORT AT_ONCE <CALLS; the lines and what is printed are those of README.md. An odd call goes as text."""
import base64
import http.client
import sys

TRAILERS = 0x80


def code_in(body: bytes) -> int:
    """Of the last frame."""
    while body:
        flags, size = body[0], int.from_bytes(body[1:5], "big")
        if flags & TRAILERS:
            lines = dict(line.split(":", 1) for line in body[5 : 5 + size].decode().split("\r\n") if line)
            return int(lines["grpc-status"])
        body = body[5 + size :]
    raise ValueError("no trailers")


def decoded(text: bytes) -> bytes:
    """Pieces that were encoded, and padded, each for itself."""
    return b"".join(base64.b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


def call(connection: http.client.HTTPConnection, line: str, as_text: bool) -> int:
    method, _, size, *_, query = line.split()
    message = query.encode()
    if (missing := int(size) - len(message)) > 0:
        message += b"&pad=" + b"p" * missing
    body = b"\0" + len(message).to_bytes(4, "big") + message
    kind = "application/grpc-web-text" if as_text else "application/grpc-web+proto"
    headers = {"Content-Type": kind, "Accept": kind, "X-Grpc-Web": "1"}
    connection.request("POST", f"/targets.Calls/{method}", base64.b64encode(body) if as_text else body, headers)
    answer = connection.getresponse()
    content = answer.read()
    if code := answer.getheader("grpc-status"):
        connection.close()  # the server does so where it answered before it had read all
        return int(code)
    return code_in(decoded(content) if as_text else content)


if __name__ == "__main__":
    client = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
    for index, each in enumerate(sys.stdin.read().splitlines()):
        print(index, call(client, each, index % 2 == 1))
