"""The clients of the matrix: one row says how a runtime is started as a client, under a path of its own.

A client is called with URL COUNT keep-alive|close MIX SEED CONNECTIONS and prints how many answers of each
"METHOD STATUS" it got, as JSON; it fails if a request did.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping

import workshop
from harness import clean_environment, required_program
from mix import Counts
from workshop import PROGRAMS

CLIENTS_FOLDER = PROGRAMS / "clients"
TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class ClientRuntime:
    name: str
    # Makes the runtime's own executable under the folder.
    settle_in: Callable[[Path], Path]
    # What is started, given that executable.
    command: Callable[[Path], list[str | Path]]
    environment: Callable[[], Mapping[str, str]] = dict
    in_ci: bool = True


def real(path: str | Path) -> Path:
    return Path(os.path.realpath(path))


def duplicate_into(source: Callable[[], str | Path]) -> Callable[[Path], Path]:
    return lambda folder: workshop.duplicate(real(source()), folder / real(source()).name)


def duplicate_java(folder: Path) -> Path:
    """The launcher finds its libraries beside itself: the whole runtime is linked."""
    java = real(required_program("java"))
    home = java.parents[1]
    shutil.copytree(home, folder / home.name, symlinks=True, copy_function=workshop.duplicate)
    return folder / home.name / "bin" / java.name


def java_command(executable: Path) -> list[str | Path]:
    allow_close = "-Djdk.httpclient.allowRestrictedHeaders=connection"
    return [executable, allow_close, "-cp", workshop.java_classes("clients/java"), "Client"]


def python_environment() -> dict[str, str]:
    """The packages are found though the executable stands elsewhere."""
    (packages,) = (workshop.CACHE / "python" / "lib").glob("python3*/site-packages")
    return {"PYTHONHOME": sys.base_prefix, "PYTHONPATH": str(packages)}


GO = ClientRuntime(
    "Go client", duplicate_into(lambda: workshop.go_program("go_client", "clients/go")), lambda executable: [executable]
)

CLIENTS = (
    ClientRuntime(
        "curl", duplicate_into(lambda: required_program("curl")),
        lambda executable: [sys.executable, CLIENTS_FOLDER / "curl" / "client.py", executable],
    ),
    ClientRuntime(
        "Python requests", duplicate_into(lambda: workshop.python_packages() / "python"),
        lambda executable: [executable, CLIENTS_FOLDER / "requests" / "client.py"], python_environment,
        in_ci=False,
    ),
    ClientRuntime(
        "Node fetch", duplicate_into(lambda: required_program("node")),
        lambda executable: [executable, CLIENTS_FOLDER / "node" / "client.js"],
    ),
    GO,
    ClientRuntime("Java HttpClient", duplicate_java, java_command),
)


@dataclass(frozen=True)
class Call:
    port: int
    count: int
    keep_alive: bool
    mix: Path
    seed: int
    connections: int

    def arguments(self) -> list[str]:
        mode = "keep-alive" if self.keep_alive else "close"
        rest = [str(self.mix), str(self.seed), str(self.connections)]
        return [f"http://127.0.0.1:{self.port}", str(self.count), mode, *rest]


def run_client(client: ClientRuntime, executable: Path, call: Call) -> Counts:
    """What the client says it got."""
    command = [str(word) for word in (*client.command(executable), *call.arguments())]
    done = subprocess.run(
        command, env=clean_environment(client.environment()), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        raise AssertionError(f"{client.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    counts: Counts = Counter()
    for key, count in json.loads(done.stdout).items():
        method, status = key.split()
        counts[method, int(status)] += count
    return counts
