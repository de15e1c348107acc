"""Programs of tests/targets that cargo builds, once, into the cache."""
from __future__ import annotations

import fcntl
import functools
import subprocess
from pathlib import Path

from harness import CACHE, REPOSITORY, clean_environment, required_program

TARGETS = REPOSITORY / "tests" / "targets"


@functools.cache
def rustls_programs() -> Path:
    """The folder of async_server, blocking_server and client."""
    folder, built = TARGETS / "rustls_programs", CACHE / "rustls_programs"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "rustls_programs.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [required_program("cargo"), "build", "--release", "--locked", "-j", "2"]
        subprocess.run(command, cwd=folder, env=clean_environment({"CARGO_TARGET_DIR": str(built)}), check=True)
    return built / "release"
