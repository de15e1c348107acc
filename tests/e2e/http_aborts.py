"""Conversations of the HTTP/1 matrix that end early, or whose bodies look like requests."""
from __future__ import annotations

from collections import Counter

from http_messages import (
    CHUNK_SIZES, CONTINUE, LAST_CHUNK, OK_EMPTY, answer, plain_answer, request, with_following,
)
from raw_http import POISON, Conversation, Seen, body_of, chunked, client, closing, do, server

POISONED_UPLOAD_BYTES = 60_000


def poisoned_upload(path: str, *fields: str) -> tuple[bytes, list[bytes], int]:
    """A chunked upload in writes: one too long to be copied whole, then one that looks like a request; its size."""
    data = POISON[POISON.index(b"GET") :]
    filler = b"x" * POISONED_UPLOAD_BYTES
    upload = chunked(filler, (POISONED_UPLOAD_BYTES // 3, 7))[: -len(LAST_CHUNK)]
    writes = [upload, f"{len(data):x}\r\n".encode(), data, b"\r\n" + LAST_CHUNK]
    return request("POST", path, "Transfer-Encoding: chunked", *fields), writes, len(filler) + len(data)


def poison_after_continue(path: str, _: int) -> Conversation:
    """The server has said 100 before: that is no reason to take what follows for the next request."""
    head_bytes, writes, size = poisoned_upload(path, "Expect: 100-continue")
    steps = [client(head_bytes), server(CONTINUE), *[client(write) for write in writes], server(plain_answer(200, 5))]
    return with_following(path, steps, [Seen("POST", path, 200, size)])


def poison_in_the_answer(path: str, _: int) -> Conversation:
    """The answer begins before the upload ends."""
    head_bytes, writes, size = poisoned_upload(path)
    steps = [
        client(head_bytes + writes[0]), server(answer(200, "Transfer-Encoding: chunked") + b"5\r\nearly\r\n"),
        *[client(write) for write in writes[1:]], server(LAST_CHUNK),
    ]
    return with_following(path, steps, [Seen("POST", path, 200, size)])


def poison_behind_a_false_end(path: str, _: int) -> Conversation:
    """As after the answer, but what stands before the poison looks like the last chunk."""
    head_bytes, (upload, _, poison, rest), size = poisoned_upload(path)
    false_end = b"\r\n" + LAST_CHUNK
    size_line = f"{len(false_end) + len(poison):x}\r\n".encode()
    writes = [size_line + false_end, poison, rest]
    steps = [client(head_bytes + upload), server(plain_answer(413, 5)), *[client(write) for write in writes]]
    return with_following(path, steps, [Seen("POST", path, 413, size + len(false_end))])


def poison_after_the_answer(path: str, _: int) -> Conversation:
    """The whole answer is there before the upload ends."""
    head_bytes, writes, size = poisoned_upload(path)
    steps = [client(head_bytes + writes[0]), server(plain_answer(413, 5)), *[client(write) for write in writes[1:]]]
    return with_following(path, steps, [Seen("POST", path, 413, size)])


def aborts(path: str) -> dict[str, Conversation]:
    """The connection ends at every stage. Only a complete head is a request; a status that was sent is an answer."""
    size = 3000
    whole = request("POST", path, f"Content-Length: {size}") + body_of(size)
    coded = request("POST", path, "Transfer-Encoding: chunked") + chunked(body_of(size), CHUNK_SIZES)
    reset = [do("client", "reset"), do("server", "receive_reset"), do("server", "close")]
    dropped = [do("server", "reset"), do("client", "receive_reset"), do("client", "close")]
    ended = [do("server", "close"), do("client", "receive_end"), do("client", "close")]
    answered = plain_answer(200, size)
    no_answer = Counter(no_answer=1)
    seen = [Seen("POST", path, 200, size)]
    return {
        "before-any-byte": Conversation(closing(), []),
        "reset-in-request-line": Conversation([client(whole[:7]), *reset], []),
        "reset-in-head": Conversation([client(whole[:40]), *reset], []),
        "reset-in-body": Conversation([client(whole[:-1000]), *reset], [], no_answer),
        "reset-in-chunks": Conversation([client(coded[:-1000]), *reset], [], no_answer),
        "reset-before-answer": Conversation([client(whole), *reset], [], no_answer),
        "reset-after-continue": Conversation([client(whole[:-size]), server(CONTINUE), *reset], [], no_answer),
        "reset-in-answer-body": Conversation([client(whole), server(answered[:-1000]), *reset], seen),
        "reset-in-answer-head": Conversation([client(whole), server(answered[:30]), *reset], seen),
        "close-in-head": Conversation([client(whole[:40]), *closing()], []),
        "close-in-body": Conversation([client(whole[:-1000]), *closing()], [], no_answer),
        "server-resets-before-answer": Conversation([client(whole), *dropped], [], no_answer),
        "server-closes-before-answer": Conversation([client(whole), *ended], [], no_answer),
        "server-closes-in-status-line": Conversation([client(whole), server(b"HTTP/1.1 2"), *ended], [], no_answer),
        "server-closes-in-answer-head": Conversation([client(whole), server(answered[:30]), *ended], seen),
        "server-closes-in-answer-body": Conversation([client(whole), server(answered[:-1000]), *ended], seen),
        "server-closes-in-chunks": Conversation(
            [client(coded), server(answer(200, "Transfer-Encoding: chunked") + b"5\r\nhe"), *ended], seen
        ),
        "answer-before-body-ends": Conversation(
            [client(whole[:-1000]), server(plain_answer(413, 5)), *ended], [Seen("POST", path, 413, size)]
        ),
        "answer-before-chunks-end": Conversation(
            [client(coded[:-1000]), server(plain_answer(413, 5)), *ended], [Seen("POST", path, 413, None)]
        ),
        "second-without-answer": Conversation(
            [client(whole), server(answered), client(request("GET", f"{path}/second")), *reset], seen, no_answer
        ),
        "pipelined-without-answers": Conversation(
            [client(b"".join(request("GET", f"{path}/{number}") for number in range(5))), server(OK_EMPTY * 2), *reset],
            [Seen("GET", f"{path}/0", 200, 0), Seen("GET", f"{path}/1", 200, 0)], Counter(no_answer=3),
        ),
    }
