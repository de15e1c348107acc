"""Stands in for systemd: listens for the broker and starts `beyla processor` for each connection, one at a time."""
from __future__ import annotations

import os
import select
import socket
import tempfile
import threading
from pathlib import Path
from subprocess import Popen

from harness import BEYLA_BINARY, clean_environment, end_process

LISTEN_FD = 3  # SD_LISTEN_FDS_START


class ProcessorSocket:
    """The path to hand to --processor-socket; `pid` is that of the processor which runs, if one does."""

    def __init__(self) -> None:
        self.pid: int | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="beyla-activation-")
        self.path = Path(self._folder.name) / "processor.sock"
        self._stopping = threading.Event()

    def __enter__(self) -> ProcessorSocket:
        os.chmod(self._folder.name, 0o755)  # the broker connects as nobody
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(str(self.path))
        os.chmod(self.path, 0o666)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            if not select.select([self._socket], [], [], 0.05)[0]:
                continue
            # LISTEN_PID names whoever gets the socket: a shell knows its own pid, and exec keeps it.
            script = f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" processor {LISTEN_FD}<&{self._socket.fileno()}'
            process = Popen(
                ["/bin/sh", "-c", script, str(BEYLA_BINARY)], env=clean_environment({}),
                pass_fds=[self._socket.fileno()],
            )
            self.pid = process.pid
            while process.poll() is None and not self._stopping.wait(0.01):
                pass
            self.pid = None
            end_process(process)
