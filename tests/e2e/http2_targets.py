"""The servers of the HTTP/2 matrix, each in clear text (by prior knowledge) and behind TLS."""
from __future__ import annotations

import fcntl
import functools
import subprocess
import sys
from pathlib import Path

from go_programs import make_certificate
from harness import CACHE, REPOSITORY, required_program
from targets import Nginx, ServerWithFolder

sys.path.insert(0, str(REPOSITORY / "tests" / "matrix"))

from workshop import go_program  # noqa: E402

PROGRAMS = REPOSITORY / "tests" / "targets" / "http2"
FILES = {"small": 10, "large": 300_000, "huge": 2**20}
# What every server answers; and those whose paths are a program of ours.
OF_FILES = ("small", "missing", "huge", "head", "unmodified", "put", "fill", "fresh", "priority", "stop")
OF_GO = ("small", "missing", "huge", "head", "empty", "same", "echo", "trailing", "early", "expect", "trailers",
         "hints", "bighead", "fill", "fresh", "priority")
OF_NODE = (*OF_GO, "unmodified", "put", "cancel", "stop", "reset")


class Http2Server(ServerWithFolder):
    cases: tuple[str, ...] = OF_FILES  # of tests/targets/http2/client.js
    library = "openssl"  # its TLS library, as the agent's log calls it
    upload = "/small"  # files are answered at once
    upgrades = False  # by HTTP/1's Upgrade: h2c
    pushes = ""  # a path whose answer comes with a pushed one

    def __init__(self, secure: bool) -> None:
        super().__init__()
        self.secure = secure

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    def url(self, path: str = "") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def make_files(self) -> None:
        for name, size in FILES.items():
            (self.folder / name).write_bytes(b"x" * size)

    def certificate(self) -> tuple[Path, Path]:
        return make_certificate(self.folder)


class Nghttpd(Http2Server):
    name = "nghttpd"
    pushes = "/large"

    def command(self) -> list[str]:
        self.make_files()
        flags = [f"--htdocs={self.folder}", "--push=/large=/small", "-m", "250", "-b", "100"]
        if not self.secure:
            return [required_program("nghttpd"), "--no-tls", *flags, str(self.port)]
        certificate, key = self.certificate()
        return [required_program("nghttpd"), *flags, str(self.port), str(key), str(certificate)]


class NginxHttp2(Nginx, Http2Server):
    name = "nginx"
    cases = (*OF_FILES, "empty", "same")
    pushes = "/large"

    def configuration(self) -> str:
        self.make_files()
        tls = ""
        if self.secure:
            certificate, key = self.certificate()
            tls = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        more = (
            f"root {self.folder}; output_buffers 4 256k; http2_max_concurrent_streams 250; if_modified_since before; "
            f"large_client_header_buffers 4 64k; http2_recv_timeout 60s; {tls} location /empty {{ return 204; }} "
            "location /same { return 304; } location /large { http2_push /small; }"
        )
        return (
            super().configuration().replace("backlog=1024;", f"backlog=1024 http2 {'ssl' if self.secure else ''}; {more}")
            .replace('location / { return 200 "answered\\n"; }', "")
        )


@functools.cache
def h2o_program() -> Path:
    """From Debian's package, but not installed: that would bring a service."""
    folder = CACHE / "h2o"
    program = folder / "usr" / "bin" / "h2o"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            folder.mkdir(exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", "h2o"], cwd=folder, check=True, capture_output=True)
            (package,) = folder.glob("h2o_*.deb")
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True, capture_output=True)
    return program


class H2o(Http2Server):
    name = "h2o"
    upgrades = True

    def command(self) -> list[str]:
        self.make_files()
        lines = [
            "user: root", "num-threads: 2", "http2-max-concurrent-requests-per-connection: 250",
            f"pid-file: {self.folder}/pid", f"error-log: {self.folder}/errors", "listen:", "  host: 127.0.0.1",
            f"  port: {self.port}",
        ]
        if self.secure:
            certificate, key = self.certificate()
            lines += ["  ssl:", f"    certificate-file: {certificate}", f"    key-file: {key}", "    minimum-version: TLSv1.2"]
        lines += ["hosts:", "  default:", "    paths:", "      /:", f"        file.dir: {self.folder}"]
        configuration = self.folder / "h2o.conf"
        configuration.write_text("\n".join(lines) + "\n")
        return [str(h2o_program()), "-c", str(configuration)]


class NodeHttp2(Http2Server):
    name = "node"
    cases = OF_NODE
    upload = "/echo"

    def command(self) -> list[str]:
        files = [str(path) for path in self.certificate()] if self.secure else []
        return [required_program("node"), str(PROGRAMS / "server.js"), str(self.port), *files]


class GoHttp2(Http2Server):
    """In clear text without probes, which would tell of it by themselves; behind TLS nobody else can."""

    name = "go"
    cases = OF_GO
    upload = "/echo"

    def command(self) -> list[str]:
        files = [str(path) for path in self.certificate()] if self.secure else []
        return [str(go_program("http2_go", "http2/go")), str(self.port), *files]


SERVERS: tuple[type[Http2Server], ...] = (Nghttpd, NginxHttp2, H2o, NodeHttp2, GoHttp2)
