"""The conversations of the HTTP/1 matrix: each builder returns one, all its paths below `path`."""
from __future__ import annotations

from collections import Counter
from typing import Callable

from raw_http import POISON, Conversation, Seen, Step, body_of, chunked, client, closing, do, head, server

Builder = Callable[[str, int], Conversation]  # path, size of the bodies
CHUNK_SIZES = (1, 9, 15, 16, 300, 4096, 5)
TRAILERS = ("Checksum: 0", "Expires: never")
PIPELINED = 64
LARGE_HEAD_BYTES = 16_000  # near the 16 KiB that servers accept
HEAD_SEGMENTS = 32
AFTER_STATUS = 418

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


def content_length(path: str, size: int) -> Conversation:
    sent = request("POST", path, f"Content-Length: {size}") + body_of(size)
    return with_following(path, [client(sent), server(plain_answer(201, size))], [Seen("POST", path, 201, size)])


def in_chunks(path: str, size: int, trailers: tuple[str, ...] = ()) -> Conversation:
    body = chunked(body_of(size), CHUNK_SIZES, trailers)
    sent = request("PUT", path, "Transfer-Encoding: chunked") + body
    answered = answer(202, "Transfer-Encoding: chunked") + body
    return with_following(path, [client(sent), server(answered)], [Seen("PUT", path, 202, size)])


def with_trailers(path: str, size: int) -> Conversation:
    return in_chunks(path, size, TRAILERS)


def with_continue(path: str, size: int) -> Conversation:
    steps = [
        client(request("POST", path, f"Content-Length: {size}", "Expect: 100-continue")), server(CONTINUE),
        client(body_of(size)), server(plain_answer(200, size)),
    ]
    return with_following(path, steps, [Seen("POST", path, 200, size)])


def upgrade(path: str, size: int) -> Conversation:
    """After 101 it is no HTTP any more, whatever the bytes look like."""
    steps = [
        client(request("GET", path, "Connection: Upgrade", "Upgrade: websocket")),
        server(answer(101, "Connection: Upgrade", "Upgrade: websocket")),
        client(POISON[5:] + body_of(size)), server(POISON[POISON.index(b"HTTP/1.1 599"):] + body_of(size)),
        get("/poison"), server(OK_EMPTY),
    ]
    return Conversation(steps + closing(), [Seen("GET", path, 101, 0)], opaque=1)


def pipelined(path: str, size: int) -> Conversation:
    """Many requests before the first answer; methods, sizes and statuses differ so that a shift shows."""
    small = min(size, 40)
    requests, answers, exchanges = [], [], []
    for index in range(PIPELINED):
        own, status = f"{path}/{index}", 200 + index
        if index % 4 == 1:
            requests.append(request("POST", own, f"Content-Length: {small}") + body_of(small))
        elif index % 4 == 2:
            coded = request("PUT", own, "Transfer-Encoding: chunked") + chunked(body_of(small), (7, 16))
            requests.append(coded)
        else:
            requests.append(request("GET" if index % 4 == 0 else "HEAD", own))
        method = ("GET", "POST", "PUT", "HEAD")[index % 4]
        bodiless = method == "HEAD" or status == 204
        answers.append(answer(status) if status == 204 else
                       answer(status, "Content-Length: 20") + (b"" if bodiless else body_of(20)))
        exchanges.append(Seen(method, own, status, small if method in ("POST", "PUT") else 0))
    return Conversation([client(b"".join(requests)), server(b"".join(answers))] + closing(), exchanges)


def pipelined_small(path: str, _: int) -> Conversation:
    """As deep, but so short that no budget of copied bytes ends in it."""
    short = f"/{len(path)}"
    requests = [head(f"GET {short}/{index} HTTP/1.1", "Host: a") for index in range(PIPELINED)]
    answers = [head(f"HTTP/1.1 {204 if index % 2 else 304} N") for index in range(PIPELINED)]
    exchanges = [Seen("GET", f"{short}/{index}", 204 if index % 2 else 304, 0) for index in range(PIPELINED)]
    return Conversation([client(b"".join(requests)), server(b"".join(answers))] + closing(), exchanges)


def half_closed(path: str, size: int) -> Conversation:
    steps = [
        client(request("POST", path, f"Content-Length: {size}") + body_of(size)), do("client", "end_sending"),
        do("server", "receive_end"), server(plain_answer(203, size)), do("server", "close"),
        do("client", "receive_end"), do("client", "close"),
    ]
    return Conversation(steps, [Seen("POST", path, 203, size)])


MATRIX: dict[str, Builder] = {
    "content-length": content_length, "chunked": in_chunks, "trailers": with_trailers, "continue": with_continue,
    "upgrade": upgrade, "pipelined": pipelined, "pipelined-small": pipelined_small, "half-closed": half_closed,
}


def bodiless(path: str, _: int) -> Conversation:
    """HEAD, 204 and 304 have no body, whatever Content-Length says; two 1xx come before an answer."""
    steps = [
        client(request("HEAD", f"{path}/head")), server(answer(200, "Content-Length: 12345")),
        get(f"{path}/none"), server(answer(204)),
        get(f"{path}/old"), server(answer(304, "Content-Length: 777", "ETag: \"x\"")),
        client(request("HEAD", f"{path}/chunked")), server(answer(200, "Transfer-Encoding: chunked")),
        get(f"{path}/early"), server(head("HTTP/1.1 103 Early Hints", "Link: </a>")), server(CONTINUE),
        server(plain_answer(200, 9)),
    ]
    expected = [
        Seen("HEAD", f"{path}/head", 200, 0), Seen("GET", f"{path}/none", 204, 0), Seen("GET", f"{path}/old", 304, 0),
        Seen("HEAD", f"{path}/chunked", 200, 0), Seen("GET", f"{path}/early", 200, 0),
    ]
    return with_following(path, steps, expected)


def authority_of(path: str) -> str:
    return path.strip("/").replace("/", "-") + ".test:443"


def connect_opened(path: str, size: int) -> Conversation:
    authority = authority_of(path)
    steps = [
        client(head(f"CONNECT {authority} HTTP/1.1", f"Host: {authority}")), server(head("HTTP/1.1 200 Opened")),
        client(body_of(size)), server(body_of(size)), get("/poison"), server(OK_EMPTY),
    ]
    return Conversation(steps + closing(), [Seen("CONNECT", authority, 200, 0)], opaque=1)


def connect_refused(path: str, _: int) -> Conversation:
    """A refused CONNECT opens no tunnel: HTTP goes on."""
    authority = authority_of(path)
    steps = [
        client(head(f"CONNECT {authority} HTTP/1.1", f"Host: {authority}")), server(plain_answer(407, 30)),
    ]
    return with_following(path, steps, [Seen("CONNECT", authority, 407, 0)])


def old_version(path: str, size: int) -> Conversation:
    steps = [
        client(head(f"GET {path} HTTP/1.0", "Host: old")),
        server(head("HTTP/1.0 200 OK", f"Content-Length: {size}") + body_of(size)), do("server", "close"),
        do("client", "receive_end"), do("client", "close"),
    ]
    return Conversation(steps, [Seen("GET", path, 200, 0)])


def until_close(path: str, size: int) -> Conversation:
    steps = [
        get(path), server(answer(206, "Connection: close") + body_of(size)), do("server", "close"),
        do("client", "receive_end"), do("client", "close"),
    ]
    return Conversation(steps, [Seen("GET", path, 206, 0)])


def large_fields(count: int, total: int) -> list[str]:
    length = total // count
    return [f"X-{index:02}: ".ljust(length - 2, "a") for index in range(count)]


def large_heads(path: str, _: int) -> Conversation:
    """Heads near the limit, each in 32 segments, with bodies behind them."""
    fields = large_fields(HEAD_SEGMENTS, LARGE_HEAD_BYTES - 300)
    sent = request("POST", path, *fields, "Content-Length: 11") + body_of(11)
    answered = answer(200, *fields, "Content-Length: 13") + body_of(13)
    return with_following(
        path, [client(sent), server(answered)], [Seen("POST", path, 200, 11)]
    )


def vectors(path: str, _: int) -> Conversation:
    """Several chunks and the heads in one sendmsg, and chunk headers cut in the middle."""
    parts = (b"5\r\nhello\r\n", b"3;name=value\r\nyou\r", b"\n", b"A", b"\r\n0123456789\r\n", b"0\r\n\r\n")
    steps = [
        Step("client", vector=(request("POST", path, "Transfer-Encoding: chunked"), *parts)),
        Step("server", vector=(answer(200, "Transfer-Encoding: chunked"), *parts)),
    ]
    return with_following(path, steps, [Seen("POST", path, 200, 18)])


def terminators(path: str, _: int) -> Conversation:
    """Each piece of the body is a write of its own that looks like the end of a message, or like the next one."""
    pieces = (b"0\r\n\r\n", b"\r\n\r\n", b"GET /poison HTTP/1.1\r\n\r\n", b"HTTP/1.1 599 Poison\r\n\r\n", POISON, b"\r\n0\r\n\r\n")
    size = sum(map(len, pieces))
    coded = [f"{size:x}\r\n".encode(), *pieces, b"\r\n", b"0\r\n\r\n"]
    plain = request("POST", f"{path}/plain", f"Content-Length: {size}")
    steps = [
        *[client(piece, whole=True) for piece in (plain, *pieces)],
        *[server(piece, whole=True) for piece in (answer(200, f"Content-Length: {size}"), *pieces)],
        *[client(piece, whole=True) for piece in (request("PUT", f"{path}/c", "Transfer-Encoding: chunked"), *coded)],
        *[server(piece, whole=True) for piece in (answer(201, "Transfer-Encoding: chunked"), *coded)],
    ]
    expected = [Seen("POST", f"{path}/plain", 200, size), Seen("PUT", f"{path}/c", 201, size)]
    return with_following(path, steps, expected)


def duplex_poison(path: str, _: int) -> Conversation:
    """The answer begins before the upload ends, and the upload goes on with a write that looks like a request."""
    filler = b"x" * 60_000
    upload = chunked(filler + filler, (20_000, 7, 30_000))
    tail = f"{len(POISON[5:]):x}\r\n".encode(), POISON[5:], b"\r\n0\r\n\r\n"
    upload = upload[: -len(b"0\r\n\r\n")]
    steps = [
        client(request("POST", path, "Transfer-Encoding: chunked") + upload, whole=True),
        server(answer(200, "Transfer-Encoding: chunked") + b"5\r\nearly\r\n"),
        *[client(piece, whole=True) for piece in tail],
        server(b"0\r\n\r\n"),
    ]
    return with_following(path, steps, [Seen("POST", path, 200, 2 * len(filler) + len(POISON[5:]))])


def continue_poison(path: str, _: int) -> Conversation:
    """A long chunked upload after 100-continue whose later write looks like a request."""
    filler = b"x" * 60_000
    upload = chunked(filler, (20_000, 7, 30_000))[: -len(b"0\r\n\r\n")]
    steps = [
        client(request("POST", path, "Transfer-Encoding: chunked", "Expect: 100-continue")), server(CONTINUE),
        client(upload, whole=True),
        *[client(piece, whole=True) for piece in (f"{len(POISON[5:]):x}\r\n".encode(), POISON[5:], b"\r\n0\r\n\r\n")],
        server(plain_answer(200, 5)),
    ]
    return with_following(path, steps, [Seen("POST", path, 200, len(filler) + len(POISON[5:]))])


def empty_lines(path: str, _: int) -> Conversation:
    """RFC 9112 §2.2: empty lines before a request are ignored; and a bare LF ends a line."""
    steps = [
        client(b"\r\n\r\n" + request("GET", f"{path}/crlf")), server(plain_answer(200, 4)),
        client(request("GET", f"{path}/lf").replace(b"\r\n", b"\n")), server(plain_answer(200, 4)),
    ]
    return with_following(path, steps, [Seen("GET", f"{path}/crlf", 200, 0), Seen("GET", f"{path}/lf", 200, 0)])


def other_methods(path: str, _: int) -> Conversation:
    """Targets in every form of RFC 9112 §3.2 and methods that no RFC registers."""
    steps = [
        client(head("OPTIONS * HTTP/1.1", "Host: a")), server(plain_answer(200, 0)),
        client(head(f"GET http://matrix.test{path}/absolute?q HTTP/1.1", "Host: a")), server(plain_answer(200, 1)),
        client(head(f"BREW {path}/pot HTTP/1.1", "Host: a")), server(plain_answer(418, 1)),
    ]
    expected = [
        Seen("OPTIONS", "*", 200, 0), Seen("GET", f"{path}/absolute", 200, 0), Seen("_OTHER", f"{path}/pot", 418, 0),
    ]
    return with_following(path, steps, expected)


SINGLES: dict[str, Builder] = {
    "bodiless": bodiless, "connect-opened": connect_opened, "connect-refused": connect_refused,
    "old-version": old_version, "until-close": until_close, "vectors": vectors, "terminators": terminators,
    "empty-lines": empty_lines, "other-methods": other_methods,
}
# Played with the pace that makes them what they are.
POISONS: dict[str, Builder] = {"duplex-poison": duplex_poison, "continue-poison": continue_poison}


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


def by_sendfile(path: str, size: int) -> Conversation:
    steps = [
        get(path), server(answer(200, f"Content-Length: {size}")), do("server", "send_file", size),
    ]
    return with_following(path, steps, [Seen("GET", path, 200, 0)])
