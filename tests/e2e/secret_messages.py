"""Messages with a canary in every place that can hold one, but for the path: it is what a trace line shows."""
from __future__ import annotations

import base64
from dataclasses import dataclass, field

from canaries import Canaries
from raw_http import Conversation, Step, client, closing, server

OVERLONG = 20_000  # more than the head that the agent reads


def request(make: Canaries, path: str, variant: int) -> bytes:
    """A whole request that servers understand; `variant` chooses the form of target and body."""
    query = f"{make.make('query key')}={make.make('query value')}&b={make.make('query value')}"
    target = f"{path}?{query}"
    if variant % 4 == 1:
        target = f"http://user:{make.make('userinfo')}@localhost{target}"
    elif variant % 4 == 2:
        target += f"#{make.make('fragment')}"
    scheme = f"Basic {make.basic('Basic')}" if variant % 2 else f"Bearer {make.make('Bearer')}"
    fields = [
        "Host: localhost",
        f"Authorization: {scheme}",
        f"Cookie: a={make.make('Cookie')}; b={make.make('Cookie')}",
        f"X-Api-Key: {make.make('X-Api-Key')}",
        f"Proxy-Authorization: Basic {make.basic('Proxy-Authorization')}",
        f"X-Custom: {make.make('custom value')}",
        f"{make.make('header name')}: 1",
        f"Referer: http://localhost/?{make.make('Referer')}",
        f"User-Agent: agent/{make.make('User-Agent')}",
        f"X-Reason: {make.make('reason')}",
        f"X-Cookie: {make.make('Set-Cookie')}",
        f"X-Header: {make.make('WWW-Authenticate')}",
        f"X-Body: {make.make('answer body')}",
    ]
    if variant % 3 == 0:
        fields += [f"X-Extension: {make.make('answer extension')}", f"X-Trailer: {make.make('answer trailer')}"]
        body = (
            f"30;e={make.make('chunk extension')}\r\n{make.make('chunk'):0<48}\r\n0\r\n"
            f"X-Sum: {make.make('trailer')}\r\n\r\n"
        )
        fields.append("Transfer-Encoding: chunked")
    else:
        body = f"a=1&password={make.make('form')}" if variant % 3 == 1 else f'{{"token": "{make.make("JSON")}"}}'
        fields.append(f"Content-Length: {len(body)}")
    return "\r\n".join([f"POST {target} HTTP/1.1", *fields, "", body]).encode()


@dataclass
class Talk:
    """A conversation between two scripted peers."""

    make: Canaries
    steps: list[Step] = field(default_factory=list)

    def ask(self, text: str) -> Talk:
        self.steps.append(client(self.fill(text)))
        return self

    def answer(self, text: str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") -> Talk:
        self.steps.append(server(self.fill(text)))
        return self

    def fill(self, text: str) -> bytes:
        """Each {place} becomes a canary of its own."""
        pieces = text.replace("\n", "\r\n").replace("\r\r", "\r").split("{")
        filled = pieces[0]
        for piece in pieces[1:]:
            place, rest = piece.split("}", 1)
            filled += self.make.make(place) + rest
        return filled.encode("latin-1")

    def whole(self) -> Conversation:
        return Conversation([*self.steps, *closing()], [])


def split_talk(make: Canaries) -> Talk:
    """The second write begins inside a canary."""
    talk = Talk(make)
    head = talk.fill("GET /raw/split?a={split query} HTTP/1.1\nCookie: {split Cookie}\nX-A: {split value}\n\n")
    for cut in (20, head.index(b"Cookie") + 14, len(head) - 15):
        talk.steps += [client(head[:cut]), client(head[cut:])]
        talk.answer()
    return talk


def overlong_talk(make: Canaries) -> Talk:
    filler = "f" * OVERLONG
    talk = Talk(make).ask(
        f"GET /raw/long HTTP/1.1\nCookie: {{overlong begin}}\nX-Filler: {filler}{{overlong middle}}\n"
        "X-End: {overlong end}\n\n"
    )
    return talk.answer("HTTP/1.1 431 {overlong reason}\nX-A: {overlong answer}\nContent-Length: 0\n\n")


def tunnel_talks(make: Canaries) -> list[Talk]:
    accepted = "HTTP/1.1 200 OK\nX-A: {tunnel answer}\n\n"
    return [
        Talk(make).ask("CONNECT user:{CONNECT userinfo}@localhost:1 HTTP/1.1\n\n").answer(accepted)
        .ask("{tunnel request}").answer("{tunnel bytes}"),
        Talk(make).ask("CONNECT user:{CONNECT userinfo}?{CONNECT userinfo}@localhost:1 HTTP/1.1\n\n").answer(accepted)
        .ask("GET /?{tunnel request} HTTP/1.1\nCookie: {tunnel request}\n\n").answer("{tunnel bytes}"),
        Talk(make).ask("GET /raw/upgrade HTTP/1.1\nUpgrade: w\nConnection: upgrade\nSec-WebSocket-Key: {upgrade}\n\n")
        .answer("HTTP/1.1 101 {upgrade reason}\nSec-WebSocket-Accept: {upgrade}\n\n{upgrade bytes}")
        .ask("{upgrade bytes}\n{upgrade bytes}"),
    ]


def foreign_talks(make: Canaries) -> list[Talk]:
    """None of them is HTTP/1."""
    preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x04\x04\0\0\0\0\0"
    frame = "\0\0\x18\x01\x04\0\0\0\x01"
    plain = base64.b64encode(b"\0user\0" + make.make("SASL").encode()).decode()
    return [
        Talk(make).ask(preface).answer(frame + "{HTTP/2 answer}").ask(frame + "{HTTP/2 bytes}"),
        Talk(make).ask("\x16\x03\x01\x02\0\x01{TLS-like bytes}").answer("\x16\x03\x03{TLS-like answer}")
        .ask("\x17\x03\x03{TLS-like bytes}"),
        Talk(make).ask("AUTH {other protocol}\r\n").answer("+OK {other protocol}\r\n")
        .ask("SET k {other protocol}\r\n"),
        Talk(make).ask(f"EHLO x\r\nAUTH PLAIN {plain}\r\n").answer("235 {other protocol}\r\n"),
        Talk(make).ask("{other protocol}"),
    ]


def malformed_talks(make: Canaries) -> list[Talk]:
    refused = "HTTP/1.1 400 {malformed reason}\nX-A: {malformed answer}\nContent-Length: 0\n\n"
    return [Talk(make).ask(text).answer(refused).ask("{malformed behind}\n") for text in (
        "GET /raw/bad HTTP/1.1\nno colon {malformed line}\nAuthorization: Bearer {malformed Bearer}\n\n",
        "GET /raw/bad HTTP/1.1\nSpace before : {malformed line}\n\n{malformed body}",
        "GET /raw/bad?{malformed query} {malformed query} HTTP/1.1\nCookie: {malformed Cookie}\n\n",
        "GET /raw/bad HTTP/1.{malformed version}\nCookie: {malformed Cookie}\n\n",
        "GET {malformed target}://localhost/raw HTTP/1.{malformed version}\n\n",
        "POST /raw/bad HTTP/1.1\nContent-Length: 1\nContent-Length: 2\n\n{malformed body}",
        "POST /raw/bad HTTP/1.1\nTransfer-Encoding: chunked\n\nzz{malformed chunk}\n{malformed chunk}\n",
        "{malformed method} /raw/bad HTTP/1.1\nCookie: {malformed Cookie}\n\n",
        "GET /raw/bad HTTP/1.1\nHost: user:{Host userinfo}@localhost\nA(b: {malformed line}\n\n",
    )]


def odd_talks(make: Canaries) -> list[Talk]:
    """Valid, or nearly so."""
    pipelined = "".join(
        f"GET /raw/pipe/{number}?{{pipelined query}} HTTP/1.1\nCookie: {{pipelined Cookie}}\n\n" for number in range(3)
    )
    answers = 3 * "HTTP/1.1 200 {pipelined reason}\nSet-Cookie: {pipelined answer}\nContent-Length: 0\n\n"
    return [
        Talk(make).ask(pipelined).answer(answers),
        Talk(make).ask("GET /raw/fold HTTP/1.1\nX-A: a\n {folded}\n\t{folded}\nHost: h\n {folded}\n\n")
        .answer("HTTP/1.1 200 OK\nContent-Type: text/plain;\n {folded answer}\nContent-Length: 0\n\n"),
        Talk(make).ask("GET #{fragment} HTTP/1.1\n\n").answer().ask("GET ?{query key} HTTP/1.1\n\n").answer()
        .ask("GET /raw/f#{fragment}?{fragment} HTTP/1.1\n\n").answer(),
        Talk(make).ask("GET http://user:{userinfo}@localhost HTTP/1.1\n\n").answer()
        .ask("GET user:{userinfo}@http://user:{userinfo}@localhost/raw HTTP/1.1\n\n").answer(),
        Talk(make).ask("GET /raw/close HTTP/1.0\nCookie: {Cookie}\n\n")
        .answer("HTTP/1.0 200 {reason}\nSet-Cookie: {Set-Cookie}\n\n{answer until close}"),
        Talk(make).ask("PUT /raw/expect HTTP/1.1\nExpect: 100-continue\nContent-Length: 24\n\n")
        .answer("HTTP/1.1 100 Continue\nX-A: {interim answer}\n\n").ask("{expected body}").answer(),
        Talk(make).ask("POST /raw/both HTTP/1.1\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\n"
                       "GET /?{smuggled} HTTP/1.1\n\n")
        .answer("HTTP/1.1 200 OK\nContent-Length: 24\n\n{answer body}")
        .ask("GET /?{smuggled} HTTP/1.1\nCookie: {smuggled}\n\n"),
    ]


def raw_conversations(make: Canaries) -> list[Conversation]:
    talks = [split_talk(make), overlong_talk(make), *tunnel_talks(make), *foreign_talks(make), *malformed_talks(make),
             *odd_talks(make)]
    return [talk.whole() for talk in talks]
