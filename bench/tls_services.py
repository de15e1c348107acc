"""Servers of TLS and HTTP/2 that are not Go's, under the load of bench/go_load."""
from __future__ import annotations

from pathlib import Path

from cpu_time import tree
from go_programs import make_certificate
from go_services import run_go_load
from harness import REPOSITORY, Agent, required_program, wait_until
from services import Load, Nginx, Pinned
from targets import ServerWithFolder

ATTACH_SECONDS = 15


class ByGoLoad:
    """Mixed in before a Server; `way` is how go_load asks it."""

    way = "https1"
    connections = 16

    def load(self, milliseconds: int) -> Load:
        return run_go_load(self, self.way, milliseconds)


class WithTls(ByGoLoad):
    def wait_probed(self, agent: Agent) -> None:
        """In all processes of the server: what they do before is seen by their sockets only."""
        loaded = [f"TLS probes in pid={pid} " for pid in tree(self.process.pid)]
        wait_until(lambda: all(line in agent.stderr() for line in loaded), ATTACH_SECONDS, f"{loaded} in the agent's log")


class NginxTls(WithTls, Nginx):
    name = "nginx-tls-http1"
    way = "https1"
    options = "ssl"

    def configuration(self) -> str:
        certificate, key = make_certificate(self.folder)
        files = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        plain = super().configuration()
        return plain.replace("backlog=1024;", f"backlog=1024 {self.options}; {files}")


class NginxHttp2(NginxTls):
    name = "nginx-tls-http2"
    way = "https2"
    options = "ssl http2"
    pairs_at_the_load = 0


class NginxHttp2Clear(ByGoLoad, Nginx):
    name = "nginx-http2"
    way = "http2"
    pairs_at_the_load = 0

    def configuration(self) -> str:
        return super().configuration().replace("backlog=1024;", "backlog=1024 http2;")


class PythonTls(WithTls, Pinned, ServerWithFolder):
    """Debian's, whose module calls SSL_read_ex and SSL_write_ex."""

    name = "python-tls-http1"
    connections = 4  # each is a thread

    def program(self) -> list[str]:
        both = self.folder / "both.pem"
        both.write_bytes(b"".join(part.read_bytes() for part in reversed(make_certificate(self.folder))))
        return ["/usr/bin/python3", str(Path(REPOSITORY, "tests", "targets", "tls_server.py")), str(self.port), str(both),
                "nested"]


TLS_SERVICES = {
    "nginx_tls": NginxTls, "nginx_http2_tls": NginxHttp2, "nginx_http2": NginxHttp2Clear, "python_tls": PythonTls,
}
