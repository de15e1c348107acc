"""A Go program whose calls are probed by go_records, and what that has printed."""
from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterable
from urllib.parse import unquote

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests" / folder) for folder in ("e2e", "matrix")]

from harness import wait_until  # noqa: E402

GO_RECORDS = os.environ.get("GO_RECORDS", str(REPOSITORY / "build" / "dev" / "tests" / "go_kernel" / "go_records"))
WAIT_SECONDS = 30


class Record(dict[str, str]):
    """One printed line: `what` is its kind, of a transfer its direction."""

    def __init__(self, line: str) -> None:
        head, _, text = line.partition(" line=")
        sort, self.what, *fields = head.split(" ")
        super().__init__((key, unquote(value)) for key, value in (field.split("=", 1) for field in fields))
        self.is_call = sort == "call"
        self.text = unquote(text)

    def number(self, key: str) -> int:
        return int(self[key])


class Watch:
    """Probes a process inside the block; all of its records are there after it."""

    def __init__(self, pid: int, probes: Iterable[int] = (), mode: str = "loud") -> None:
        self._command = [GO_RECORDS, str(pid), ",".join(map(str, probes)), mode]

    def __enter__(self) -> Watch:
        self._file = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=self._file)
        wait_until(lambda: self._process.poll() is not None or "ready" in self.output(), WAIT_SECONDS, "probes stand")
        assert self._process.poll() is None, "go_records has ended"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        assert self._process.wait(WAIT_SECONDS) == 0, "go_records has failed"
        self._text = self.output()
        self._file.close()

    def output(self) -> str:
        return os.pread(self._file.fileno(), os.fstat(self._file.fileno()).st_size, 0).decode(errors="replace")

    def wait_for(self, what: str, count: int = 1) -> None:
        """Until so many calls of the kind were printed."""
        wait_until(lambda: self.output().count(f"call {what} ") >= count, WAIT_SECONDS, f"{count} of {what}")

    @property
    def records(self) -> list[Record]:
        return [Record(line) for line in self._text.split("\n") if line.startswith(("call ", "data "))]

    @property
    def calls(self) -> list[Record]:
        return [record for record in self.records if record.is_call]

    def of(self, what: str) -> list[Record]:
        return [record for record in self.records if record.what == what]

    @property
    def books(self) -> dict[str, int]:
        """generated, lost and read."""
        found = {}
        for line in self._text.split("\n"):
            if line.startswith(("books ", "read ")):
                found |= dict(field.split("=") for field in line.replace("read ", "x read=").split(" ")[1:])
        return {key: int(value) for key, value in found.items()}
