"""h2spec, which breaks HTTP/2 in every way that its authors could think of, against servers that are watched: the agent goes
on, invents no request, and counts all of a load that follows.

ROWS=all takes every server; without it nginx only."""
from __future__ import annotations

import os
import subprocess
import unittest
from collections import Counter
from pathlib import Path

from harness import CACHE, Agent, main, required_program, settle
from http2_load import H2load
from http2_targets import SERVERS, GoHttp2, H2o, Http2Server, NginxHttp2
from targets import go_environment
from test_http2_matrix import EXCHANGES, line_of, wait_for_tls, way
from workshop import building

VERSION = "v2.2.1+incompatible"
PATH = "/h2spec"
LEAST_CASES = 90  # of 146: it ends early where a server is odd
LOAD = 400


def h2spec() -> Path:
    """Built by the module proxy. It has no go.mod, so that its dependencies are the newest."""
    program = CACHE / "bin" / "h2spec"
    with building(program) as needed:
        if needed:
            command = [required_program("go"), "install", f"github.com/summerwind/h2spec/cmd/h2spec@{VERSION}"]
            environment = {**go_environment(), "GOBIN": str(program.parent), "GOFLAGS": "-modcacherw"}
            subprocess.run(command, env=environment, check=True, capture_output=True)
    return program


class LoggingNginx(NginxHttp2):
    def configuration(self) -> str:
        log = f"log_format asked '$request_method $uri $status'; access_log {self.folder}/access asked;"
        return super().configuration().replace("access_log off;", log)

    def answered(self) -> Counter[tuple[str, int]]:
        return logged(self.folder / "access")


class LoggingH2o(H2o):
    def command(self) -> list[str]:
        command = super().command()
        with open(command[-1], "a") as configuration:
            configuration.write(f"access-log:\n  path: {self.folder}/access\n  format: '%m %U %>s'\n")
        return command

    def answered(self) -> Counter[tuple[str, int]]:
        return logged(self.folder / "access")


def logged(path: Path) -> Counter[tuple[str, int]]:
    """Path and status of each request in a server's own log."""
    lines = [line.split(" ") for line in path.read_text(errors="replace").splitlines()]
    return Counter((line[-2], int(line[-1])) for line in lines if len(line) >= 3)


class SpecTest(unittest.TestCase):
    def check(self, server: Http2Server) -> None:
        with server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            if server.secure:
                wait_for_tls(agent, server.process.pid)
            flags = ["-t", "-k"] * server.secure
            spec = subprocess.run(
                [h2spec(), "-p", str(server.port), "-P", PATH, "-o", "1", *flags], capture_output=True, text=True, timeout=280
            )
            summary = spec.stdout.strip().splitlines()[-1]
            self.assertRegex(summary, r"^\d+ tests, \d+ passed")
            self.assertGreaterEqual(int(summary.split(" ")[2]), LEAST_CASES, summary)
            agent.quiet_metrics()
            seen = Counter((path, status) for _, path, status in map(line_of, agent.lines()))
            self.assertGreater(seen.total(), 0)
            self.check_seen(server, seen)
            before = agent.scrape().total(EXCHANGES)
            truth = H2load(server, LOAD).run()
            settle(lambda: agent.scrape().total(EXCHANGES) - before >= truth.requests, 10)
            self.assertEqual(agent.quiet_metrics().total(EXCHANGES) - before, truth.requests)
            print(f"{server.name} {way(server.secure)}: {summary}; {seen.total()} requests seen", flush=True)

    def check_seen(self, server: Http2Server, seen: Counter[tuple[str, int]]) -> None:
        """Where the server logs, no more than that; else no path that nobody asked for. A path may be unknown."""
        self.assertLessEqual({path for path, _ in seen}, {PATH, ""})
        if isinstance(server, (LoggingNginx, LoggingH2o)):
            answered = Counter(status for (_, status), count in server.answered().items() for _ in range(count))
            told = Counter(status for (_, status), count in seen.items() for _ in range(count))
            self.assertEqual(told - answered, Counter(), f"{told} of {answered}")

    def test_servers(self) -> None:
        logging = {NginxHttp2: LoggingNginx, H2o: LoggingH2o}
        for make in SERVERS:
            if make is GoHttp2 or (os.environ.get("ROWS") != "all" and make is not NginxHttp2):
                continue  # of Go the probes tell
            for secure in (False, True):
                with self.subTest(server=make.name, secure=secure):
                    self.check(logging.get(make, make)(secure))


if __name__ == "__main__":
    main()
