"""Targets written in C, built once into the cache."""
import fcntl
import subprocess
from pathlib import Path

from harness import CACHE
from targets import PROGRAMS, Server


def build_c_target(name: str, *libraries: str) -> Path:
    """Path of the built tests/targets/NAME.c; builds only when it is missing or older than its source."""
    CACHE.mkdir(parents=True, exist_ok=True)
    built, source = CACHE / name, PROGRAMS / f"{name}.c"
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
            command = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(built), str(source), *libraries]
            subprocess.run(command, check=True)
    return built


class CServer(Server):
    def __init__(self, executable: Path, *arguments: str) -> None:
        super().__init__()
        self.name = " ".join([executable.name, *arguments])
        self._command = [str(executable), str(self.port), *arguments]

    def command(self) -> list[str]:
        return self._command
