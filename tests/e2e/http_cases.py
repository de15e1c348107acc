"""The conversations of the HTTP/1 matrix: each builder returns one, all its paths below `path`."""
from __future__ import annotations

from http_messages import (
    CHUNK_SIZES, CONTINUE, OK_EMPTY, Builder, answer, get, plain_answer, request, with_following,
)
from raw_http import POISON, Conversation, Seen, Step, body_of, chunked, client, closing, do, head, server

TRAILERS = ("Checksum: 0", "Expires: never")
PIPELINED = 64
LARGE_HEAD_BYTES = 16_000  # near the 16 KiB that servers accept
HEAD_SEGMENTS = 32


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
    pieces = (
        b"0\r\n\r\n", b"\r\n\r\n", b"GET /poison HTTP/1.1\r\n\r\n", b"HTTP/1.1 599 Poison\r\n\r\n", POISON,
        b"\r\n0\r\n\r\n",
    )
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


def empty_lines_first(path: str, _: int) -> Conversation:
    """RFC 9112 §2.2: empty lines before a request are ignored."""
    return with_following(
        path, [client(b"\r\n\r\n" + request("GET", path)), server(plain_answer(200, 4))], [Seen("GET", path, 200, 0)]
    )


def empty_lines_between(path: str, _: int) -> Conversation:
    """Clients that send CRLF behind a body; and a bare LF ends a line."""
    steps = [
        client(request("POST", f"{path}/one", "Content-Length: 4") + b"body\r\n"), server(plain_answer(200, 4)),
        client(request("GET", f"{path}/lf").replace(b"\r\n", b"\n")), server(plain_answer(200, 4)),
    ]
    return with_following(path, steps, [Seen("POST", f"{path}/one", 200, 4), Seen("GET", f"{path}/lf", 200, 0)])


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
    "empty-lines-first": empty_lines_first, "empty-lines-between": empty_lines_between,
    "other-methods": other_methods,
}


def by_sendfile(path: str, size: int) -> Conversation:
    steps = [
        get(path), server(answer(200, f"Content-Length: {size}")), do("server", "send_file", size),
    ]
    return with_following(path, steps, [Seen("GET", path, 200, 0)])
