"""Target: Python's grpcio in both roles; see ../README.md."""
import concurrent.futures
import os
import sys
import threading
import time
import urllib.parse
from typing import Any, Iterable, Iterator

import grpc

SERVICE = "targets.Calls"
THREADS = 64
KINDS = {
    "Unary": "unary_unary", "ServerStream": "unary_stream", "ClientStream": "stream_unary", "Bidirectional": "stream_stream",
}


def obey(message: bytes, context: Any) -> dict[str, int]:
    asked = {key: int(value) for key, value in urllib.parse.parse_qsl(message.decode()) if key != "pad"}
    time.sleep(asked.get("delay", 0) / 1000)
    if "exit" in asked:
        os._exit(0)
    if code := asked.get("code", 0):
        if padding := asked.get("trailer", 0):
            context.set_trailing_metadata((("padding", "~" * padding),))
        context.abort(next(status for status in grpc.StatusCode if status.value[0] == code), "as asked: 100 %, ü\n")
    return asked


def answer(asked: dict[str, int]) -> bytes:
    return b"x" * asked.get("size", 0)


def unary(message: bytes, context: Any) -> bytes:
    return answer(obey(message, context))


def server_stream(message: bytes, context: Any) -> Iterator[bytes]:
    asked = obey(message, context)
    for _ in range(asked.get("count", 0)):
        time.sleep(asked.get("interval", 0) / 1000)
        yield answer(asked)


def client_stream(messages: Iterator[bytes], context: Any) -> bytes:
    asked: dict[str, int] = {}
    for message in messages:
        asked = obey(message, context)
    return answer(asked)


def bidirectional(messages: Iterator[bytes], context: Any) -> Iterator[bytes]:
    for message in messages:
        yield answer(obey(message, context))


def serve(port: int) -> None:
    options = [("grpc.max_metadata_size", 1 << 16), ("grpc.absolute_max_metadata_size", 1 << 17)]
    if age := os.environ.get("MAX_AGE_MS"):
        options.append(("grpc.max_connection_age_ms", int(age)))
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS), options=options)
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


def begin(channel: grpc.Channel, line: str) -> Any:
    """A call that is under way."""
    method, messages, size, timeout, cancel, metadata, compress, query = line.split()
    message = query.encode()
    if (missing := int(size) - len(message)) > 0:
        message += b"&pad=" + b"p" * missing
    kind = KINDS.get(method, "unary_unary")
    stub = getattr(channel, kind)(f"/{SERVICE}/{method}")
    requests: bytes | Iterable[bytes] = message
    if kind.startswith("stream_"):
        requests = iter([message] * int(messages))
    options = {
        "timeout": int(timeout) / 1000 or None,
        "metadata": [("padding", "~" * int(metadata))] if int(metadata) else None,
        "compression": grpc.Compression.Gzip if int(compress) else None,
    }
    call = stub(requests, **options) if kind.endswith("_stream") else stub.future(requests, **options)
    if int(cancel):
        threading.Timer(int(cancel) / 1000, call.cancel).start()
    return call


def code_of(channel: grpc.Channel, line: str) -> int:
    call = begin(channel, line)
    try:
        for _ in call if KINDS.get(line.split()[0], "").endswith("_stream") else ():
            pass
    except (grpc.RpcError, grpc.FutureCancelledError):
        pass
    return call.code().value[0]  # waits for the end


def call_all(port: int, at_once: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            codes = list(pool.map(lambda line: code_of(channel, line), sys.stdin.read().splitlines()))
    for index, code in enumerate(codes):
        print(index, code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        call_all(int(sys.argv[2]), int(sys.argv[3]))
