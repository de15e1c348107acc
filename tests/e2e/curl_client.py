"""Sends requests through curl, over HTTP/1 and HTTP/2, plain and TLS, and counts what was answered.

curl is no Go program and has its own HTTP/2, so that neither end shares code with what is judged.
"""
from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from harness import required_program

LIMIT_SECONDS = 60
PARALLEL = 4  # connections of HTTP/1, or requests at once on one connection of HTTP/2


@dataclass(frozen=True)
class Way:
    """How curl speaks to a server."""

    name: str
    options: tuple[str, ...]
    version: str  # as curl's %{http_version} says
    scheme: str = "http"


HTTP1 = Way("HTTP/1", ("--http1.1",), "1.1")
TLS_HTTP1 = Way("HTTP/1 over TLS", ("--http1.1",), "1.1", "https")
TLS_HTTP2 = Way("HTTP/2 over TLS", ("--http2",), "2", "https")


@dataclass(frozen=True)
class Ask:
    """One kind of request, and how many times for each way of the program."""

    method: str
    target: str
    count: int = 1
    body: str | bytes = ""
    headers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


Sent = Counter[tuple[str, str, int]]  # (path, method, status)


class Curl:
    """Remembers in `sent` each answered request; one that is not answered is an error of the test."""

    def __init__(self, port: int) -> None:
        self.sent: Sent = Counter()
        self._port = port

    def ask(self, way: Way, ask: Ask) -> None:
        target, parallel = ask.target, []
        if ask.count > 1:
            target += f"{'&' if '?' in ask.target else '?'}n=[1-{ask.count}]"
            parallel = ["--parallel", "--parallel-max", str(PARALLEL)]
        with tempfile.NamedTemporaryFile(prefix="beyla-body-") as body:
            body.write(ask.body.encode() if isinstance(ask.body, str) else ask.body)
            body.flush()
            data = ["--data-binary", f"@{body.name}"] if ask.body else []
            method = ["--head"] if ask.method == "HEAD" else ["--request", ask.method]
            headers = [word for header in ask.headers for word in ("--header", header)]
            options = [*method, *data, *headers, *ask.options, *parallel]
            answers = self._run(way, [*options, self._url(way, target)], Path("/dev/null"))
        if len(answers) != ask.count:
            raise AssertionError(f"{way.name} {ask}: {len(answers)} answers")
        for status in answers:
            self.sent[ask.path, ask.method, status] += 1

    def fetch(self, way: Way, target: str) -> str:
        """The body of a GET, which counts like any other request."""
        with tempfile.NamedTemporaryFile(prefix="beyla-fetched-") as fetched:
            (status,) = self._run(way, [self._url(way, target)], Path(fetched.name))
            self.sent[target.partition("?")[0], "GET", status] += 1
            return Path(fetched.name).read_text()

    def _url(self, way: Way, target: str) -> str:
        return f"{way.scheme}://localhost:{self._port}{target}"

    def _run(self, way: Way, words: Sequence[str], output: Path) -> list[int]:
        # One line for each answer. --ipv4: the servers listen on 127.0.0.1.
        shown = "%{http_code} %{http_version} %{errormsg}\n"
        command = [
            required_program("curl"), "--silent", "--no-progress-meter", "--insecure", "--ipv4", "--noproxy", "*",
            "--output", str(output), "--write-out", shown, *way.options, *words,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
        statuses = []
        for line in done.stdout.splitlines():
            status, version, error = line.split(" ", 2)
            if version != way.version:
                raise AssertionError(f"{way.name}: HTTP/{version} with status {status} {error} to {words}")
            statuses.append(int(status))
        return statuses


def by_method_and_status(sent: Sent) -> Counter[tuple[str, int]]:
    counts: Counter[tuple[str, int]] = Counter()
    for (_, method, status), count in sent.items():
        counts[method, status] += count
    return counts
