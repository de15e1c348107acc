"""Go programs that nobody here wrote, as Debian ships them: each with what to ask it and what it says of that itself.

All are stripped and built with Go 1.19. `own_account` is the program's word, `told_alike` what the clients know of the
same requests in the same terms: the two must be equal before the agent is judged by them.
"""
from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Sequence

from curl_client import HTTP1, TLS_HTTP1, TLS_HTTP2, Ask, Curl, Sent, Way, by_method_and_status
from harness import FULL, required_program, wait_until
from observed import Metrics
from targets import ServerWithFolder

MANY = 2000 if FULL else 100  # requests of a kind, for each way
Account = Counter[tuple[str | int, ...]]
Rpcs = Counter[tuple[str, int]]  # (method, status)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key; the elliptic curve makes it in milliseconds."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [required_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )
    return certificate, key


class GoProgram(ServerWithFolder):
    executable = ""  # as found in PATH, unless `program` says otherwise
    asks: Sequence[Ask] = ()

    def __init__(self, tls: bool = False) -> None:
        super().__init__()
        self.tls = tls
        self.unseen_rpcs: Rpcs = Counter()  # calls that were answered and that the program does not count

    @property
    def ways(self) -> tuple[Way, ...]:
        return (TLS_HTTP1, TLS_HTTP2) if self.tls else (HTTP1,)

    @property
    def ports(self) -> list[int]:
        return [self.port]

    def program(self) -> Path:
        return Path(required_program(self.executable))

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def command(self) -> list[str]:
        self.prepare()
        return [str(self.program()), *self.arguments()]

    def prepare(self) -> None:
        """Writes what the program reads at its start."""
        self.certificate, self.key = make_certificate(self.folder)

    def wait_served(self) -> None:
        """Until requests are answered as they should be, where that is later than the first that connects."""

    def drive(self, curl: Curl) -> None:
        for way in self.ways:
            for ask in self.asks:
                curl.ask(way, ask)

    def own_account(self, curl: Curl) -> Account:
        raise NotImplementedError

    def told_alike(self, sent: Sent) -> Account:
        return Counter(by_method_and_status(sent))

    def own_rpcs(self, curl: Curl) -> Rpcs:
        return Counter()

    def rpcs_alike(self, rpcs: Rpcs) -> Rpcs:
        """The same for calls that may end as one thing or another."""
        return rpcs

    def passed_on(self, sent: Sent) -> Counter[tuple[str, int]]:
        """By (method, status), the requests that it made itself to answer these."""
        return Counter()

    def passed_on_rpcs(self, curl: Curl) -> Rpcs:
        """The gRPC calls that it made itself, by its own account."""
        return Counter()


class Prometheus(GoProgram):
    """net/http; its own counter is by handler and status."""

    name = "prometheus"
    executable = "prometheus"
    counted_paths = ("/api/v1/query", "/-/healthy", "/-/ready")
    asks = (
        Ask("GET", "/api/v1/query?query=up", MANY),
        Ask("GET", "/api/v1/query?query=u%7Bp", MANY // 2),  # 400
        Ask("POST", "/api/v1/query", MANY // 2, "query=1", ("content-type: application/x-www-form-urlencoded",)),
        Ask("HEAD", "/-/healthy", 3),
        Ask("GET", "/-/ready", 5),
        Ask("GET", "/nothing/here", 7),  # 404, which no counter of its own knows
        Ask("POST", "/-/quit", 2),  # 403
    )

    def prepare(self) -> None:
        super().prepare()
        (self.folder / "p.yml").write_text("global: {scrape_interval: 1h}\n")
        server = {"cert_file": str(self.certificate), "key_file": str(self.key)}
        (self.folder / "web.yml").write_text(json.dumps({"tls_server_config": server} if self.tls else {}))

    def arguments(self) -> list[str]:
        return [
            f"--config.file={self.folder}/p.yml", f"--web.config.file={self.folder}/web.yml",
            f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def wait_served(self) -> None:
        log = self.folder / "data" / "wal"
        wait_until(log.exists, 20, "prometheus has opened its store")

    def own_account(self, curl: Curl) -> Account:
        counted = Metrics(curl.fetch(self.ways[0], "/metrics")).by("prometheus_http_requests_total", "handler", "code")
        return Counter({
            (handler, int(code)): int(count) for (handler, code), count in counted.items()
            if handler in self.counted_paths
        })

    def told_alike(self, sent: Sent) -> Account:
        account: Account = Counter()
        for (path, _, status), count in sent.items():
            if path in self.counted_paths:
                account[path, status] += count
        return account


class DockerRegistry(GoProgram):
    """gorilla/mux; writes an access log in Apache's format."""

    name = "docker-registry"
    executable = "docker-registry"
    asks = (
        Ask("GET", "/v2/", MANY),
        Ask("GET", "/v2/_catalog", MANY // 2),
        Ask("GET", "/v2/some/name/tags/list", MANY // 2),  # 404
        Ask("HEAD", "/v2/some/name/manifests/latest", 5),  # 404
        Ask("POST", "/v2/some/name/blobs/uploads/", 9),  # 202
        Ask("PUT", "/v2/some/name/manifests/latest", 4, "no manifest"),  # 400
        Ask("DELETE", "/v2/some/name/manifests/latest", 3),  # 404 or 400
        Ask("GET", "/elsewhere", 3),  # 404, no route
    )

    def prepare(self) -> None:
        super().prepare()
        # Without draintimeout version 2.8 ignores SIGTERM.
        http = {"addr": f"127.0.0.1:{self.port}", "draintimeout": "1s", "secret": "not one"}
        if self.tls:
            http["tls"] = {"certificate": str(self.certificate), "key": str(self.key)}
        settings = {
            "version": 0.1, "log": {"level": "error"}, "http": http,
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
        }
        (self.folder / "registry.yml").write_text(json.dumps(settings))

    def command(self) -> list[str]:
        # Its access log is its standard output.
        return ["sh", "-c", 'exec "$0" serve "$1/registry.yml" >"$1/access.log" 2>/dev/null', super().command()[0],
                str(self.folder)]

    def arguments(self) -> list[str]:
        return []

    def own_account(self, curl: Curl) -> Account:
        lines = (self.folder / "access.log").read_text().splitlines()
        found = [re.search(r'"(\S+) \S+ HTTP/[\d.]+" (\d+) ', line) for line in lines]
        return Counter((match[1], int(match[2])) for match in found if match)
