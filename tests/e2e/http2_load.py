"""Clients of HTTP/2, and what each of them says of its own requests: the truth of the HTTP/2 matrix."""
from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Sequence

from harness import clean_environment, required_program
from http2_targets import PROGRAMS, Http2Server

CLIENT_SECONDS = 300
Ask = tuple[str, str, int]  # method, path, status


@dataclass
class Truth:
    answered: Counter[Ask] = field(default_factory=Counter)
    unanswered: int = 0  # reset by either side before there was an answer

    def add(self, other: Truth) -> None:
        self.answered.update(other.answered)
        self.unanswered += other.unanswered

    @property
    def requests(self) -> int:
        return self.answered.total() + self.unanswered


class Client:
    """One run of a client: a command, and how its output is read."""

    name = ""
    waits = False  # it begins with a line on its standard input

    def __init__(self, server: Http2Server, requests: int) -> None:
        self.server, self.requests = server, requests

    def program(self) -> str:
        return required_program(self.name)

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def truth(self, output: str) -> Truth:
        raise NotImplementedError

    def run(self, program: str | Path | None = None, once_started: Callable[[int], None] = lambda _: None) -> Truth:
        """once_started gets its pid."""
        process = subprocess.Popen(
            [str(program or self.program()), *self.arguments()], env=clean_environment({}), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        )
        try:
            once_started(process.pid)
            output, errors = process.communicate("\n" if self.waits else "", CLIENT_SECONDS)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        if process.returncode != 0:
            raise AssertionError(f"{self.name} ended with {process.returncode}: {errors} {output[-500:]}")
        return self.truth(output)


class H2load(Client):
    name = "h2load"
    paths = {"/small": 200, "/missing": 404, "/large": 200, "/small?secret": 200}

    def arguments(self) -> list[str]:
        urls = [self.server.url(path) for path in self.paths]
        return [f"-n{self.requests}", "-c4", "-t1", "-m100", *urls]

    def truth(self, output: str) -> Truth:
        if not re.search(rf"{self.requests} succeeded|{self.requests} done", output):
            raise AssertionError(output)
        truth = Truth()
        for path, status in self.paths.items():
            truth.answered["GET", path.split("?")[0], status] += self.requests // len(self.paths)
        return truth


class Nghttp(Client):
    """Priorities and padding; and what a server pushes, which is no request."""

    name = "nghttp"
    more: Sequence[str] = ()

    def arguments(self) -> list[str]:
        urls = [self.server.url(path) for path in ("/small", "/missing", "/large")]
        return ["-nsy", f"-m{self.requests // len(urls)}", "-b64", "-HX-Fill: " + "f" * 300, *self.more, *urls]

    def truth(self, output: str) -> Truth:
        """Of the table at its end: what was pushed has a star."""
        rows = re.findall(r"^ *\d+ +\+\S+ +(\*?) *\+\S+ +\S+ +(\d{3}) +\S+ (/\S*)$", output, re.MULTILINE)
        return Truth(Counter(("GET", path, int(status)) for star, status, path in rows if not star))


class NghttpContinuation(Nghttp):
    """Heads of 25 KB. Of many in one call of a server not all would be copied: see kWalkBudgetBytes of the kernel half."""

    more = ("--continuation",)

    def __init__(self, server: Http2Server, requests: int) -> None:
        super().__init__(server, 9)


class NghttpUpload(Nghttp):
    """Not more than the server's first limit of streams: those that wait for room are given up when it answers early."""

    def __init__(self, server: Http2Server, requests: int) -> None:
        super().__init__(server, min(requests, 90))

    def arguments(self) -> list[str]:
        return ["-nsy", f"-m{self.requests}", "-b16", f"-d{PROGRAMS / 'client.js'}", "--trailer=x-sum: 1",
                self.server.url(self.server.upload)]

    def truth(self, output: str) -> Truth:
        asked = super().truth(output).answered
        return Truth(Counter({("POST", path, status): count for (_, path, status), count in asked.items()}))


class Curl(Client):
    """In clear text one request: curl 7.88 fails to use such a connection twice."""

    name = "curl"
    how = "--http2-prior-knowledge"

    def arguments(self) -> list[str]:
        how = "--http2" if self.server.secure else self.how
        one = ["-sS", "-k", how, "-o", "/dev/null", "-w", "GET /small %{http_code} %{http_version}\\n"]
        one.append(self.server.url("/small"))
        return one + ["--next", *one] * (min(self.requests, 100) - 1 if self.server.secure else 0)

    def truth(self, output: str) -> Truth:
        answers = [line.split() for line in output.splitlines()]
        if any(version != "2" for *_, version in answers):
            raise AssertionError(f"not HTTP/2: {answers}")
        return Truth(Counter((method, path, int(status)) for method, path, status, _ in answers))


class CurlUpgrade(Curl):
    """Told as the upgrade that it begins with: what is asked by HTTP/1 and answered by HTTP/2 is not followed (docs/metrics.md)."""

    how = "--http2"

    def truth(self, output: str) -> Truth:
        asked = super().truth(output).answered
        return Truth(Counter({(method, path, 101): count for (method, path, _), count in asked.items()}))


class Node(Client):
    name = "node"
    waits = True

    def arguments(self) -> list[str]:
        return [str(PROGRAMS / "client.js"), self.server.url(), str(self.requests), "120", ",".join(self.server.cases)]

    def truth(self, output: str) -> Truth:
        truth = Truth()
        for method, path, end, count in json.loads(output):
            if isinstance(end, int):
                truth.answered[method, path, end] += count
            else:
                truth.unanswered += count
        return truth


CLIENTS: Sequence[type[Client]] = (H2load, Nghttp, NghttpContinuation, NghttpUpload, Curl, Node)
