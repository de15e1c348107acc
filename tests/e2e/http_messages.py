"""The messages that the conversations of the HTTP/1 matrix are made of."""
from __future__ import annotations

from typing import Callable

from raw_http import Conversation, Seen, Step, body_of, client, closing, head, server

Builder = Callable[[str, int], Conversation]  # path, size of the bodies
CHUNK_SIZES = (1, 9, 15, 16, 300, 4096, 5)
AFTER_STATUS = 418
LAST_CHUNK = b"0\r\n\r\n"

OK_EMPTY = head("HTTP/1.1 200 OK", "Content-Length: 0")
CONTINUE = head("HTTP/1.1 100 Continue")


def request(method: str, path: str, *fields: str) -> bytes:
    return head(f"{method} {path}?poison=GET%20/poison HTTP/1.1", "Host: matrix.test", *fields)


def answer(status: int, *fields: str) -> bytes:
    return head(f"HTTP/1.1 {status} Reason", "Server: script", *fields)


def get(path: str) -> Step:
    return client(request("GET", path))


def plain_answer(status: int, size: int) -> bytes:
    return answer(status, f"Content-Length: {size}") + body_of(size)


def following(path: str) -> tuple[list[Step], list[Seen]]:
    """One more exchange on the connection: whoever lost the framing before misses it."""
    after = f"{path}/after"
    return [client(request("DELETE", after)), server(plain_answer(AFTER_STATUS, 3))], [
        Seen("DELETE", after, AFTER_STATUS, 0)
    ]


def with_following(path: str, steps: list[Step], exchanges: list[Seen]) -> Conversation:
    more_steps, more_exchanges = following(path)
    return Conversation(steps + more_steps + closing(), exchanges + more_exchanges)
