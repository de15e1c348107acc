"""gRPC calls without a gRPC library: h2load sends the frames, so no protoc and no Go client is needed."""
from __future__ import annotations

import re
import subprocess
import tempfile
from typing import Iterable

from harness import required_program

LIMIT_SECONDS = 60
HEADERS = ("content-type: application/grpc", "te: trailers")
# As grpc-go's metrics spell them, and as they travel: codes/codes.go, codes/code_string.go.
CODES = {
    "OK": 0, "Canceled": 1, "Unknown": 2, "InvalidArgument": 3, "DeadlineExceeded": 4, "NotFound": 5,
    "AlreadyExists": 6, "PermissionDenied": 7, "ResourceExhausted": 8, "FailedPrecondition": 9, "Aborted": 10,
    "OutOfRange": 11, "Unimplemented": 12, "Internal": 13, "Unavailable": 14, "DataLoss": 15, "Unauthenticated": 16,
}
CLIENTS = 2
STREAMS = 5  # of each client, at once


def framed(message: bytes) -> bytes:
    """The gRPC-over-HTTP/2 specification: not compressed, length, message."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def many_calls(port: int, scheme: str, method: str, message: bytes, count: int, headers: Iterable[str] = ()) -> None:
    """Unary calls; each was answered with HTTP status 200. Their gRPC status is the server's to say."""
    with tempfile.NamedTemporaryFile(prefix="beyla-message-") as body:
        body.write(framed(message))
        body.flush()
        options = [word for header in (*HEADERS, *headers) for word in ("--header", header)]
        command = [
            required_program("h2load"), "-n", str(count), "-c", str(CLIENTS), "-m", str(STREAMS), "-d", body.name,
            *options, f"{scheme}://127.0.0.1:{port}{method}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if not re.search(rf"^status codes: {count} 2xx", done.stdout, re.MULTILINE):
        raise AssertionError(f"{method}: {done.stdout} {done.stderr}")
