"""Runs `beyla replay` as a user who may do nothing, and says what it printed."""
from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CAPTURES = Path(__file__).resolve().parent
sys.path.insert(0, str(CAPTURES.parent / "e2e"))

from harness import clean_environment  # noqa: E402
from observed import Metrics  # noqa: E402

MAX_BYTES = 20 * 1024  # of a recording in this folder
NOBODY = "65534"
TIMEOUT_SECONDS = 60
TIME_OF_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ")


@dataclass(frozen=True)
class Replayed:
    exit_code: int
    stdout: str
    stderr: str


def unprivileged() -> list[str]:
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise AssertionError("setpriv is missing: run tools/install_dependencies.sh test")
    return [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]


class Replayer:
    """A folder with a copy of beyla, and of what it reads, for everybody; a context manager that removes it.

    Copies, because the unprivileged user need not have access to where the repository was checked out.
    """

    def __init__(self, beyla: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="beyla-replay-")
        self.folder = Path(self._folder.name)
        self.folder.chmod(0o755)
        self.beyla = Path(shutil.copy(beyla, self.folder / "beyla"))
        self.beyla.chmod(0o755)

    def __enter__(self) -> Replayer:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def take(self, recording: Path) -> Path:
        """A copy of the recording that everybody may read."""
        copy = self.folder / recording.name
        if copy != recording:
            shutil.copy(recording, copy)
        copy.chmod(0o644)
        return copy

    def command(self, recording: Path, *options: str) -> list[str]:
        return [*unprivileged(), str(self.beyla), "replay", str(recording), *options]

    def replay(self, recording: Path, *options: str) -> Replayed:
        done = subprocess.run(
            self.command(recording, *options), env=clean_environment({"TZ": "UTC"}), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
        )
        return Replayed(done.returncode, done.stdout, done.stderr)

    def output(self, recording: Path, *options: str) -> str:
        """What it prints; fails unless it ends well and does so twice alike."""
        first, second = (self.replay(recording, *options) for _ in range(2))
        if first.exit_code != 0 or first.stderr:
            raise AssertionError(f"replay of {recording.name} ended with {first.exit_code}: {first.stderr}")
        if first != second:
            raise AssertionError(f"two replays of {recording.name} differ")
        return first.stdout


def without_times(lines: str) -> list[str]:
    """The trace lines, each without the moment at which it began, in a fixed order."""
    return sorted(TIME_OF_LINE.sub("", line) for line in lines.splitlines())


def counted(page: str) -> list[str]:
    """What a metrics page counts: its samples but for those at zero. A new metric changes nothing here."""
    Metrics(page)  # the page is well-formed
    return [line for line in page.splitlines() if line and not line.startswith("#") and not line.endswith(" 0")]


def summary(page: str) -> str:
    """What a metrics page counts, without the buckets."""
    return "".join(f"{sample}\n" for sample in counted(page) if "_bucket{" not in sample)
