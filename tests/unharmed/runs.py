"""A program that works by the line, and the prober beside it."""
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
for folder in ("e2e", "matrix"):
    sys.path.insert(0, str(REPOSITORY / "tests" / folder))

PROBER = Path(os.environ.get("PROBER", REPOSITORY / "build" / "dev" / "tests" / "unharmed" / "prober")).resolve()
KINDS = ("entries", "exits", "calls", "returns", "compared")


class Program:
    """Does its work once for each line it is given."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.output: list[str] = []

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def begin(self) -> None:
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def read_line(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the program ended with {self._process.wait()} after {self.output}")
        self.output.append(line)
        return line

    def finish(self) -> tuple[list[str], int]:
        """All its lines and its exit code."""
        self._process.stdin.close()
        self.output += self._process.stdout.readlines()
        return self.output, self._process.wait()


@dataclass
class Hits:
    """Of one function; -1: there is no such site."""

    entries: int
    exits: int
    calls: int
    returns: int
    compared: int
    troubles: tuple[int, ...]


class Prober:
    """Probes a process while it is open, unless it is killed."""

    def __init__(self, pid: int, file: Path, symbols: Path, *options: str) -> None:
        self._process = subprocess.Popen(
            [PROBER, str(pid), file, symbols, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.sites: dict[str, dict[str, str]] = {}
        self.places = 0

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.stdin.close()
        self._process.stdout.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def wait_ready(self) -> None:
        for line in self._process.stdout:
            words = line.split()
            if words[0] == "ready":
                self.places = int(words[2].partition("=")[2])
                return
            self.sites[words[1]] = dict(word.split("=", 1) for word in words[2:])
        raise AssertionError(f"the prober ended with {self._process.wait()}")

    def finish(self) -> dict[str, Hits]:
        """Takes the probes away and tells what they counted."""
        self._process.stdin.close()
        hits = {}
        for line in self._process.stdout:
            words = line.split()
            if words[0] != "function":
                continue
            found = dict(word.split("=", 1) for word in words[2:] if "=" in word)
            numbers = [-1 if found[kind] == "none" else int(found[kind]) for kind in KINDS]
            hits[words[1]] = Hits(*numbers, tuple(int(number) for number in found["troubles"].split(",")))
        if self._process.wait() != 0:
            raise AssertionError(f"the prober ended with {self._process.returncode}")
        return hits


def known_calls(output: Sequence[str]) -> dict[str, int]:
    """What a program says of itself: "calls NAME COUNT"."""
    return {words[1]: int(words[2]) for words in map(str.split, output) if words[0] == "calls"}
