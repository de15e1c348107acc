"""The service of tests/targets/go/calls in Python's grpcio, its server and its client.

Usage: calls.py serve PORT | calls.py call PORT CALLS. The client makes so many calls of all kinds, 50 at once on one
connection, and prints how often each method ended with each code: [[method, code, count], ...]."""
import collections
import concurrent.futures
import json
import sys
import time
import urllib.parse
from typing import Any, Callable, Iterator

import grpc

SERVICE = "targets.Calls"
AT_ONCE = 50
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
PADDING = "&pad=" + "p" * 100_000  # behind one HTTP/2 window and several frames


def to_message(text: str) -> bytes:
    """A google.protobuf.StringValue."""
    content, size = text.encode(), b""
    left = len(content)
    while left >= 128:
        size += bytes((left & 127 | 128,))
        left >>= 7
    return b"\x0a" + size + bytes((left,)) + content


def to_text(message: bytes) -> str:
    at = 1
    while message[at] & 128:
        at += 1
    return message[at + 1 :].decode()


def ask(message: bytes, context: Any) -> tuple[bytes, int]:
    query = to_text(message)
    values = dict(urllib.parse.parse_qsl(query))
    if "delay" in values:
        time.sleep(float(values["delay"].removesuffix("ms")) / 1000)
    if code := int(values.get("code", 0)):
        context.abort(next(status for status in grpc.StatusCode if status.value[0] == code), "as asked")
    return to_message("answer to " + query + "x" * int(values.get("size", 0))), int(values.get("count", 0))


def unary(message: bytes, context: Any) -> bytes:
    return ask(message, context)[0]


def server_stream(message: bytes, context: Any) -> Iterator[bytes]:
    answer, count = ask(message, context)
    for _ in range(count):
        yield answer


def client_stream(messages: Iterator[bytes], context: Any) -> bytes:
    answers = [to_text(ask(message, context)[0]) for message in messages]
    return to_message(";".join(answers))


def bidirectional(messages: Iterator[bytes], context: Any) -> Iterator[bytes]:
    for message in messages:
        yield ask(message, context)[0]


def serve(port: int) -> None:
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(AT_ONCE), options=OPTIONS)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
        "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
        "Bidirectional": grpc.stream_stream_rpc_method_handler(bidirectional),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


def steps(channel: grpc.Channel) -> list[tuple[str, Callable[[], object]]]:
    one = channel.unary_unary(f"/{SERVICE}/Unary")
    down = channel.unary_stream(f"/{SERVICE}/ServerStream")
    up = channel.stream_unary(f"/{SERVICE}/ClientStream")
    both = channel.stream_stream(f"/{SERVICE}/Bidirectional")
    queries = ["size=200000", "n=1", "n=1" + PADDING, "code=2", "code=5", "code=13", "code=14"]
    return [
        *[("Unary", lambda query=query: one(to_message(query))) for query in queries],
        ("Unary", lambda: one(to_message("delay=600ms"), timeout=0.2)),
        ("ServerStream", lambda: list(down(to_message("count=4&size=70000")))),
        ("ServerStream", lambda: list(down(to_message("code=14")))),
        ("ClientStream", lambda: up(iter([to_message("n=1" + PADDING), to_message("n=2")]))),
        ("Bidirectional", lambda: list(both(iter([to_message("size=66000"), to_message("n=2" + PADDING)])))),
        ("Bidirectional", lambda: list(both(iter([to_message("code=13")])))),
    ]


def call(port: int, calls: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as channel:
        kinds = steps(channel)

        def make(index: int) -> tuple[str, int]:
            method, run = kinds[index % len(kinds)]
            try:
                run()
            except grpc.RpcError as error:
                return method, error.code().value[0]
            return method, 0

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            ended = collections.Counter(pool.map(make, range(calls)))
    print(json.dumps([[method, code, count] for (method, code), count in sorted(ended.items())]))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        call(int(sys.argv[2]), int(sys.argv[3]))
