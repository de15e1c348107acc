"""A load on a Go target that runs until the end of a block, or until the driver is told to stop."""
from __future__ import annotations

import json
import signal
import subprocess

from go_targets import GoTarget
from go_builds import driver

AT_MOST_SECONDS = 1800
STOP_SECONDS = 60


class SteadyGoLoad:
    """As a context manager it ends with the block at the latest. REQUIRES: the target listens."""

    def __init__(self, target: GoTarget, connections: int = 4) -> None:
        self._target = target
        self._process = subprocess.Popen(
            [driver(), *map(str, self._load()), "-connections", str(connections), "-seconds", str(AT_MOST_SECONDS)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def __enter__(self) -> SteadyGoLoad:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def _load(self) -> list[str | int]:
        framework = self._target.cell.framework
        if framework == "grpc":
            return ["grpcload", "-address", f"127.0.0.1:{self._target.port}"]
        protocol = {"tls": "h2", "h2c": "h2c"}.get(framework, "h1")
        return ["load", "-url", self._target.url(framework == "tls"), "-protocol", protocol]

    def stop(self) -> dict:
        """The driver's account. Of an HTTP target: in "failed" how many requests did; of a gRPC one: in "wrong" which."""
        self._process.send_signal(signal.SIGTERM)
        output, errors = self._process.communicate(timeout=STOP_SECONDS)
        if self._process.returncode != 0:
            raise AssertionError(f"the driver ended with {self._process.returncode}: {errors}")
        return json.loads(output)
