"""A CPU profile that nobody measured: it says that a program does nothing but certain calls, so that the compiler inlines each of
them that it can.

A call is known to the compiler by the names of caller and callee and its line, counted from that of the caller's `func`
(cmd/internal/pgo); hot ones are inlined up to a cost of 2000 instead of 80 (cmd/compile/internal/inline, inlineHotMaxBudget; Go
1.20 to 1.26). The format is that of github.com/google/pprof, proto/profile.proto.
"""
from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

# Hot is what has a larger share than the call with which 99 % of all samples are reached: there have to be some that are less so.
HOT, WARM, HOT_FOR_EACH_WARM = 1_000_000, 500_000, 10
FUNCTION = re.compile(r"func (?:\((?:\w+ )?(\*?)(\w+)\) )?(\w+)\(")
CLOSURE = re.compile(r"\bfunc\(")


@dataclass(frozen=True)
class Call:
    """A line of the sources on which `caller`, whose first line is `start`, calls `callee`."""

    caller: str
    callee: str
    line: int
    start: int


def linker_name(package: str, header: re.Match) -> str:
    pointer, receiver, name = header.groups()
    if not receiver:
        return f"{package}.{name}"
    return f"{package}.(*{receiver}).{name}" if pointer else f"{package}.{receiver}.{name}"


# What ends a request of net/http and of golang.org/x/net/http2, and what begins one of HTTP/1: the function that calls, its word
# for the callee, and the callee.
NET_HTTP = "net/http", (
    ("(*conn).serve", "finishRequest", "(*response).finishRequest"),
    ("(*conn).serve", "ServeHTTP", "serverHandler.ServeHTTP"),
    ("(*http2serverConn).runHandler", "handlerDone", "(*http2responseWriter).handlerDone"),
)
XNET = "golang.org/x/net/http2", (("(*serverConn).runHandler", "handlerDone", "(*responseWriter).handlerDone"),)


def calls_in(source: str, package: str, wanted: tuple[tuple[str, str, str], ...]) -> list[Call]:
    """A line in a closure is said to be of each closure that begins above it, and of the function itself: a caller that is not there
    says nothing."""
    found, callers = [], []
    for number, text in enumerate(source.splitlines(), 1):
        if header := FUNCTION.match(text):
            callers = [(linker_name(package, header), number)]
        elif CLOSURE.search(text) and callers:
            callers.append((f"{callers[0][0]}.func{len(callers)}", number))
        for caller, word, callee in wanted:
            if callers and callers[0][0] == f"{package}.{caller}" and re.search(rf"\.{word}\(", text):
                found += [Call(name, f"{package}.{callee}", number, start) for name, start in callers]
    return found


def calls_of_package(folder: Path, package: str, wanted: tuple[tuple[str, str, str], ...]) -> list[Call]:
    sources = [path for path in sorted(folder.glob("*.go")) if not path.name.endswith("_test.go")]
    return [call for path in sources for call in calls_in(path.read_text(), package, wanted)]


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


class _Profile:
    def __init__(self) -> None:
        self.texts = {"": 0}
        self.functions = 0
        self.body = b"".join(_bytes(1, _number(1, self._text(kind)) + _number(2, self._text(unit)))
                             for kind, unit in (("samples", "count"), ("cpu", "nanoseconds")))

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))

    def _location(self, function: str, line: int, start: int) -> int:
        # One for each call: where a closure begins we are not sure.
        self.functions += 1
        index, name = self.functions, self._text(function)
        self.body += _bytes(5, _number(1, index) + _number(2, name) + _number(3, name) + _number(5, start))
        self.body += _bytes(4, _number(1, index) + _bytes(4, _number(1, index) + _number(2, line)))
        return index

    def add(self, call: Call, count: int) -> None:
        stack = [self._location(call.callee, 2, 1), self._location(call.caller, call.line, call.start)]
        self.body += _bytes(2, _bytes(1, b"".join(map(_varint, stack))) + _bytes(2, _varint(count) + _varint(count)))

    def written(self) -> bytes:
        return gzip.compress(self.body + b"".join(_bytes(6, text.encode()) for text in self.texts))


def write_profile(path: Path, calls: list[Call]) -> None:
    profile = _Profile()
    for call in calls:
        profile.add(call, HOT)
    for line in range(2, len(calls) // HOT_FOR_EACH_WARM + 4):
        profile.add(Call("runtime.nobody", "runtime.nothing", line, 1), WARM)
    path.write_bytes(profile.written())
