"""The agent of the test build, whose processor or configuration worker was taken over: see src/agent/pwned/."""
from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Sequence

from harness import BEYLA_BINARY, required_program
from targets import GoServer, build_go_server

PWNED_BINARY = Path(os.environ.get("BEYLA_PWNED_BINARY", BEYLA_BINARY.parent / "beyla_pwned")).resolve()
NOBODY = 65534
SOMEBODY = 12345  # no user of this machine
CAPABILITIES = ("dac_read_search", "sys_ptrace", "perfmon", "bpf")


def as_user(uid: int, capabilities: Sequence[str] = ()) -> list[str]:
    """Starts a command as this user, with no power but these."""
    given = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    return [
        required_program("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", f"--inh-caps={given}",
        f"--ambient-caps={given}", f"--bounding-set={given}",
    ]


class VictimServer(GoServer):
    """Runs as the very user that the attacker has become: only the sandbox stands between them."""

    def __init__(self, uid: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="beyla-victim-")
        os.chmod(self._folder.name, 0o755)
        executable = Path(shutil.copy(build_go_server(), self._folder.name))
        super().__init__(None, None, executable)
        self._uid = uid

    def command(self) -> list[str]:
        return as_user(self._uid) + super().command()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._folder.cleanup()
