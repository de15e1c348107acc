"""The requests that every client of the matrix sends, and what must be counted of them."""
from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

Counts = Counter[tuple[str, int]]  # (method, status)


@dataclass(frozen=True)
class Step:
    method: str
    path: str
    status: int
    body_bytes: int = 0
    chunked: bool = False


# Bodies around the bounds of the size histogram, and longer than what the kernel half copies of one request.
STEPS = (
    Step("GET", "/hello", 200),
    Step("GET", "/hello", 200),
    Step("POST", "/echo", 200, 6),
    Step("HEAD", "/hello", 200),
    Step("GET", "/status/404", 404),
    Step("PUT", "/status/201", 201, 32),
    Step("POST", "/echo", 200, 33),
    Step("GET", "/hello", 200),
    Step("DELETE", "/status/204", 204),
    Step("GET", "/status/301", 301),
    Step("POST", "/echo", 200, 5000),
    Step("HEAD", "/status/404", 404),
    Step("GET", "/status/500", 500),
    Step("POST", "/status/500", 500, 100),
    Step("PUT", "/echo", 200, 70_000),
    Step("GET", "/status/204", 204),
    Step("DELETE", "/status/404", 404),
)
CHUNKED_STEPS = (
    Step("POST", "/echo", 200, 300, chunked=True),
    Step("PUT", "/status/201", 201, 9000, chunked=True),
)


@dataclass(frozen=True)
class Mix:
    steps: Sequence[Step]

    def write(self, path: Path) -> None:
        """One line for each step, as the clients read it."""
        framing = {True: "chunked", False: "sized"}
        lines = [f"{step.method} {step.path} {step.body_bytes} {framing[step.chunked]}\n" for step in self.steps]
        path.write_text("".join(lines))

    def sent(self, count: int, seed: int) -> Iterator[Step]:
        return (self.steps[(seed + index) % len(self.steps)] for index in range(count))


def counts_of(steps: Sequence[Step]) -> Counts:
    return Counter((step.method, step.status) for step in steps)


def counts_in_log(path: Path) -> Counts:
    """What a server wrote: a line METHOD STATUS for each request."""
    words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return Counter((method, int(status)) for method, status in words)
