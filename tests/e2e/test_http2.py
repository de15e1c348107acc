"""HTTP/2 in clear text: every stream of nghttpd is accounted for, with its path and status, also when the agent comes late."""
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from go_programs import make_certificate
from harness import Agent, main, required_program, settle, wait_until
from http2_client import LateClient
from targets import Nginx, Server, ServerWithFolder

COUNT = "http_server_duration_seconds_count"
EXCHANGES = "beyla_exchanges_total"


def write_bodies(folder: Path) -> None:
    for name, size in (("small", 10), ("large", 300_000), ("huge", 2**20)):
        (folder / name).write_bytes(b"x" * size)


class NginxOfFiles(Nginx):
    """It writes many frames at once from many buffers, or, with sendfile, only their headers."""

    def __init__(self, sendfile: str) -> None:
        super().__init__()
        self._sendfile = sendfile

    def configuration(self) -> str:
        write_bodies(self.folder)
        files = f"root {self.folder}; sendfile {self._sendfile}; output_buffers 4 256k; http2_chunk_size 16k;"
        plain = super().configuration()
        return plain.replace("backlog=1024;", "http2;").replace("access_log off;", "access_log off; " + files).replace(
            'location / { return 200 "answered\\n"; }', ""
        )


class Nghttpd(ServerWithFolder):
    name = "nghttpd"

    def command(self) -> list[str]:
        write_bodies(self.folder)
        return [required_program("nghttpd"), "--no-tls", f"--htdocs={self.folder}", str(self.port)]


class NghttpdWithTls(Nghttpd):
    def command(self) -> list[str]:
        write_bodies(self.folder)
        certificate, key = make_certificate(self.folder)
        return [required_program("nghttpd"), f"--htdocs={self.folder}", str(self.port), str(key), str(certificate)]


def h2load(port: int, requests: int, clients: int, streams: int, *paths: str, scheme: str = "http") -> None:
    output = subprocess.run(
        [required_program("h2load"), f"-n{requests}", f"-c{clients}", f"-m{streams}"]
        + [f"{scheme}://127.0.0.1:{port}{path}" for path in paths],
        check=True, capture_output=True, text=True, timeout=60,
    ).stdout
    if not re.search(rf"{requests} succeeded|{requests} done", output):
        raise AssertionError(output)


class Http2Test(unittest.TestCase):
    def assert_clean(self, agent: Agent) -> None:
        metrics = agent.quiet_metrics()
        self.assertEqual(metrics.total("beyla_events_lost_total"), 0)
        self.assertEqual(metrics.total("beyla_exchanges_incomplete_total"), 0, metrics.text)
        self.assertEqual(metrics.total("beyla_exchanges_unpaired_total"), 0)
        self.assertEqual(metrics.total("beyla_connection_gaps_total"), 0)

    def check_load(self, requests: int, clients: int, streams: int, *paths: str, target: Server | None = None) -> dict[str, float]:
        """How often each status was counted."""
        with target or Nghttpd() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            h2load(server.port, requests, clients, streams, *paths)
            settle(lambda: agent.scrape().total(EXCHANGES) == requests, 10)
            self.assertEqual(agent.scrape().total(EXCHANGES, role="server"), requests)
            self.assert_clean(agent)
            return {key[0]: count for key, count in agent.scrape().by(COUNT, "http_status_code").items()}

    def test_every_stream_of_a_load(self) -> None:
        with Nghttpd() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            h2load(server.port, 10_000, 4, 100, "/small", "/missing")
            settle(lambda: agent.scrape().total(EXCHANGES) == 10_000, 10)
            metrics = agent.quiet_metrics()
            statuses = {key[0]: count for key, count in metrics.by(COUNT, "http_status_code").items()}
            self.assertEqual(statuses, {"200": 5000, "404": 5000})
            self.assert_clean(agent)

    def test_every_stream_behind_tls(self) -> None:
        with NghttpdWithTls() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            wait_until(lambda: "TLS probes in pid=" in agent.stderr(), 15, "the TLS probes")
            h2load(server.port, 10_000, 4, 100, "/small", "/missing", scheme="https")
            settle(lambda: agent.scrape().total(EXCHANGES) == 10_000, 10)
            statuses = {key[0]: count for key, count in agent.scrape().by(COUNT, "http_status_code").items()}
            self.assertEqual(statuses, {"200": 5000, "404": 5000})
            self.assert_clean(agent)

    def test_large_bodies_between_the_heads(self) -> None:
        self.check_load(1000, 2, 10, "/large", "/small")

    def test_bodies_that_fill_every_call(self) -> None:
        self.check_load(1000, 2, 100, "/huge", "/small", "/missing")

    def test_nginx(self) -> None:
        for sendfile in ("off", "on"):
            with self.subTest(sendfile=sendfile):
                statuses = self.check_load(900, 2, 100, "/huge", "/small", "/missing", target=NginxOfFiles(sendfile))
                self.assertEqual(statuses, {"200": 600, "404": 300})

    def test_clients(self) -> None:
        """By their own sockets: what they receive comes in calls of any length."""
        paths = ("/huge", "/small", "/missing")
        with NginxOfFiles("on") as server:
            urls = [f"http://127.0.0.1:{server.port}{path}" for path in paths]
            # curl 7.88 fails to use such a connection twice.
            curls = [["-sS", "--http2-prior-knowledge", "-o", "/dev/null", url] for url in urls * 3]
            for name, count, runs in (("curl", 9, curls), ("h2load", 300, [["-n300", "-c2", "-m100", *urls]])):
                program = server.folder / f"{name}-{server.port}"  # nobody else runs it
                shutil.copy(required_program(name), program)
                with self.subTest(name), Agent({"EXECUTABLE_NAME": program.name}, print_traces=False) as agent:
                    for arguments in runs:
                        subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)
                    settle(lambda: agent.scrape().total(EXCHANGES, role="client") == count, 10)
                    metrics = agent.quiet_metrics()
                    counts = metrics.by("http_client_duration_seconds_count", "http_status_code")
                    self.assertEqual(counts, {("200",): count * 2 / 3, ("404",): count / 3})
                    self.assert_clean(agent)

    def test_paths_of_traces(self) -> None:
        with Nghttpd() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            h2load(server.port, 20, 1, 10, "/small?q=secret")
            settle(lambda: len(agent.traces()) == 20, 10)
            for trace in agent.traces():
                self.assertEqual((trace.method, trace.path, trace.status), ("GET", "/small", 200))
            self.assertNotIn("secret", agent.stdout())

    def test_an_agent_that_comes_late(self) -> None:
        self.check_late("/small")

    def test_an_agent_that_comes_late_to_long_calls(self) -> None:
        self.check_late("/large", may_miss=1)

    def check_late(self, path: str, may_miss: int = 0) -> None:
        """On one connection the path was asked for 100 times before: nobody knows it any more. A long answer may pass
        before the kernel is told that the connection has frames, and be a gap."""
        with Nghttpd() as server:
            client = LateClient(server.port)
            for _ in range(100):
                client.get(path)
            with Agent({"OPEN_PORT": str(server.port)}) as agent:
                client.get(path)
                settle(lambda: agent.scrape().total(EXCHANGES) == 1, 2)
                seen = int(agent.scrape().total(EXCHANGES))
                self.assertGreaterEqual(seen, 1 - may_miss)
                for _ in range(49):
                    client.get(path)
                seen += 49
                settle(lambda: agent.scrape().total(EXCHANGES) == seen and len(agent.traces()) == seen, 10)
                paths = {trace.path for trace in agent.traces()}
                self.assertEqual(paths, {""})
                metrics = agent.quiet_metrics()
                self.assertEqual(metrics.total(COUNT, http_status_code="200"), seen)
                self.assertEqual(metrics.total("beyla_exchanges_partly_unknown_total"), seen)
                client.get("/other")
                client.get("/other")
                settle(lambda: len(agent.traces()) == seen + 2, 10)
                self.assertEqual([trace.path for trace in agent.traces()[seen:]], ["/other"] * 2)
                self.assertEqual(agent.quiet_metrics().total("beyla_exchanges_partly_unknown_total"), seen)
            client.close()


if __name__ == "__main__":
    main()
