"""Runs a client of the TLS matrix, once its probes stand."""
from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Sequence

from harness import clean_environment, end_process
from tls_load import Ask
from tls_targets import TlsClient, certificate

CONNECTIONS = 8
CLIENT_SECONDS = 600


def write_mix(asks: Sequence[Ask], file: Path) -> Path:
    file.write_text("".join(f"{ask.method} {ask.path} {ask.size} sized\n" for ask in asks))
    return file


def curl_input(url: str, asks: Sequence[Ask], folder: Path) -> str:
    for size in {ask.size for ask in asks}:
        (folder / str(size)).write_bytes(b"x" * size)
    blocks = []
    for ask in asks:
        body = f'data-binary = "@{folder / str(ask.size)}"\n' if ask.size else ""
        blocks.append(f'url = "{url}{ask.path}"\nsilent\noutput = "/dev/null"\nrequest = "{ask.method}"\n{body}')
    return "next\n".join(blocks)


class RunningClient:
    """One call of a client, held back until `go`."""

    def __init__(
        self, row: TlsClient, executable: Path, port: int, asks: Sequence[Ask], keeps: bool, folder: Path
    ) -> None:
        url = f"https://127.0.0.1:{port}"
        self._name, self._input = row.name, "\n"
        command: list[str | Path] = [*row.command(executable)]
        if row.speaks == "curl":
            command += ["-q", "-K", "-"]
            self._input = curl_input(url, asks, folder)
        elif row.speaks == "wget":
            command += ["--no-config", "-q", "--tries=1", "-O", "/dev/null", "-i", "-"]
            self._input = "".join(f"{url}{ask.path}\n" for ask in asks)
        else:
            mode = "keep-alive" if keeps else "close"
            mix = write_mix(asks, folder / f"mix-{mode}")
            command += [url, str(len(asks)), mode, mix, "0", str(CONNECTIONS)]
        authority = str(certificate()[0])
        trusted = {name: authority for name in (
            "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")}
        if row.speaks == "wget":
            command.insert(1, f"--ca-certificate={authority}")
        self.process = subprocess.Popen(
            list(map(str, command)), env=clean_environment(trusted | dict(row.environment())), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def __enter__(self) -> RunningClient:
        return self

    def __exit__(self, *_: object) -> None:
        end_process(self.process)

    def go(self) -> None:
        output, errors = self.process.communicate(self._input, timeout=CLIENT_SECONDS)
        # wget ends with 8 where an answer was an error, as it was asked to get.
        if self.process.returncode not in (0, 8 if self._name == "wget" else 0):
            raise AssertionError(f"{self._name} ended with {self.process.returncode}: {output[-500:]} {errors[-2000:]}")
