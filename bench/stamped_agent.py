"""The agent with its two output streams read line by line, each line stamped when it arrives."""
from __future__ import annotations

import subprocess
import threading
import time
from typing import IO, Mapping

from harness import BEYLA_BINARY, READY, clean_environment, end_process

LIMIT_SECONDS = 20.0


def boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class StampedLines:
    """Reads a stream in a thread; `wait_for` gives the arrival of the first line that holds a text."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: list[tuple[int, str]] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._stream:
            stamp = boot_ns()
            with self._changed:
                self._lines.append((stamp, line.decode(errors="replace")))
                self._changed.notify_all()

    def _find(self, text: str) -> int | None:
        return next((stamp for stamp, line in self._lines if text in line), None)

    def wait_for(self, text: str) -> int:
        with self._changed:
            found = self._changed.wait_for(lambda: self._find(text), LIMIT_SECONDS)
        if found is None:
            raise AssertionError(f"no line with {text!r} within {LIMIT_SECONDS} s: {self._lines[-5:]}")
        return found

    def close(self) -> None:
        self._thread.join()
        self._stream.close()


class StampedAgent:
    """Started inside the block, which does not wait until it is ready."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._environment = clean_environment({"PRINT_TRACES": "true", **settings})

    def __enter__(self) -> StampedAgent:
        self.started_ns = boot_ns()
        self._process = subprocess.Popen(
            [str(BEYLA_BINARY)], env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.traces = StampedLines(self._process.stdout)
        self.log = StampedLines(self._process.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        end_process(self._process)
        self.traces.close()
        self.log.close()

    def wait_ready(self) -> int:
        return self.log.wait_for(READY)
