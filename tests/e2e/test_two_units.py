"""The processor as a service of its own: started by a service manager, here a few lines of Python, for a connection."""
from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

from harness import BEYLA_BINARY, Agent, end_process, main, wait_until
from http_client import Request, send_once
from processes import status_of
from targets import GoServer

FIRST_HANDED_FD = 3  # SD_LISTEN_FDS_START


class Manager:
    """Listens, and keeps one processor running while there is a connection to accept, as a systemd socket unit does."""

    def __init__(self, path: Path) -> None:
        self.started: list[subprocess.Popen[bytes]] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listening.bind(str(path))
        path.chmod(0o666)  # the broker is nobody by then
        path.parent.chmod(0o755)
        self._listening.listen()
        self._ends = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Manager:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self._listening.shutdown(socket.SHUT_RDWR)
        for process in self.started:
            end_process(process)
        self._thread.join()
        self._listening.close()

    def _run(self) -> None:
        fd = self._listening.fileno()
        script = f"exec 9<{shlex.quote(str(BEYLA_BINARY))}; exec {FIRST_HANDED_FD}<&{fd}; LISTEN_PID=$$ LISTEN_FDS=1 exec {shlex.quote(str(BEYLA_BINARY))} processor"
        while not self._ends:
            process = subprocess.Popen(["sh", "-c", script], pass_fds=[fd], stdin=subprocess.DEVNULL)
            self.started.append(process)
            process.wait()


class TwoUnitsTest(unittest.TestCase):
    def test_a_processor_that_is_not_our_child(self) -> None:
        with tempfile.TemporaryDirectory(prefix="beyla-units-") as folder, GoServer() as server:
            path = Path(folder) / "processor.sock"
            command = [str(BEYLA_BINARY), "--processor-socket", str(path)]
            with Manager(path) as manager, Agent({"OPEN_PORT": str(server.port)}, command, False) as agent:
                self.ask(server, agent, 1)
                first = manager.started[-1].pid
                status = status_of(first)
                self.assertEqual((int(status["CapEff"], 16), status["NoNewPrivs"], status["Seccomp"]), (0, "1", "2"))
                held = [os.readlink(entry) for entry in Path(f"/proc/{first}/fd").iterdir()]
                listening = f"socket:[{os.fstat(manager._listening.fileno()).st_ino}]"
                self.assertNotIn(listening, held, "the next connection is for a successor")
                self.assertNotIn(str(BEYLA_BINARY), held, "what the manager left open")
                os.kill(first, signal.SIGKILL)
                wait_until(lambda: len(manager.started) == 2, 5, "another processor")
                self.ask(server, agent, 2)

    def ask(self, server: GoServer, agent: Agent, expected: int) -> None:
        """The requests of all processors so far are counted."""
        send_once(server.port, Request("GET", "/hello"))

        def counted() -> bool:
            try:
                return agent.scrape().requests().total() == expected
            except OSError:
                return False

        wait_until(counted, 10, f"{expected} requests are counted")


if __name__ == "__main__":
    sys.exit(main())
