"""Requests by HTTPS of programs with rustls are counted once each, with their paths, statuses and peers."""
from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest
from collections import Counter
from pathlib import Path
from typing import Sequence

from harness import FULL, Agent, clean_environment, end_process, free_port, is_listening, main, required_program, settle, wait_until
from rust_programs import rustls_programs
from test_tls import ATTACH_SECONDS, PATHS, make_certificate, send_all

REQUESTS = 10_000 if FULL else 1_000
CLIENTS = 16


class RustlsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="beyla-rustls-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.certificate = make_certificate(self.folder)
        self.port = free_port()

    def start(self, command: Sequence[str | Path]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=clean_environment({}), stdin=subprocess.PIPE)
        self.addCleanup(end_process, process)
        self.addCleanup(process.stdin.close)
        return process

    def start_server(self, program: Path) -> subprocess.Popen[bytes]:
        process = self.start([program, str(self.port), self.certificate])
        wait_until(lambda: is_listening(self.port), 20, "the server listens")
        return process

    def wait_for_probes(self, agent: Agent, process: subprocess.Popen[bytes]) -> None:
        loaded = f"TLS probes in pid={process.pid} library=rustls"
        wait_until(lambda: loaded in agent.stderr(), ATTACH_SECONDS, "TLS probes")

    def check_nothing_is_missing(self, agent: Agent) -> None:
        metrics = agent.quiet_metrics()
        for reason in ("tls_unbound", "tls_misfit", "tls_table_full"):
            self.assertEqual(metrics.total("beyla_capture_degraded_total", reason=reason), 0, reason)

    def check_paths(self, program: str, version: ssl.TLSVersion) -> None:
        process = self.start_server(rustls_programs() / program)
        context = ssl._create_unverified_context()
        context.maximum_version = version
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            self.wait_for_probes(agent, process)
            sent: Counter[tuple[str, int]] = Counter()
            for number in range(20):
                connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
                for path in (*PATHS, "/long"):
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    answer.read()
                    sent[path.split("?")[0], answer.status] += 1
                connection.close()
            settle(lambda: len(agent.lines()) >= sum(sent.values()), 10)
            seen = Counter((trace.path.split("?")[0], trace.status) for trace in agent.traces())
            self.assertEqual(seen, sent)
            self.check_nothing_is_missing(agent)

    def test_asynchronous_server(self) -> None:
        self.check_paths("async_server", ssl.TLSVersion.TLSv1_3)

    def test_asynchronous_server_with_tls_1_2(self) -> None:
        self.check_paths("async_server", ssl.TLSVersion.TLSv1_2)

    def test_blocking_server(self) -> None:
        self.check_paths("blocking_server", ssl.TLSVersion.TLSv1_3)

    def test_blocking_server_with_tls_1_2(self) -> None:
        self.check_paths("blocking_server", ssl.TLSVersion.TLSv1_2)

    def send_own_ports(self, requests: int, sent: Counter[int]) -> None:
        """Many connections, each of which says in its paths which port is its own."""
        context = ssl._create_unverified_context()
        while requests > 0:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
            connection.connect()
            port = connection.sock.getsockname()[1]
            for _ in range(min(10, requests)):
                connection.request("GET", f"/port/{port}")
                connection.getresponse().read()
                sent[port] += 1
                requests -= 1
            connection.close()

    def test_every_request_is_that_of_its_peer(self) -> None:
        process = self.start_server(rustls_programs() / "async_server")
        with Agent({"OPEN_PORT": str(self.port), "BEYLA_TRACE_PRINTER": "json"}, print_traces=False) as agent:
            self.wait_for_probes(agent, process)
            counts = [Counter() for _ in range(CLIENTS)]
            threads = [threading.Thread(target=self.send_own_ports, args=(REQUESTS // CLIENTS, count)) for count in counts]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            sent = sum(counts, Counter())
            settle(lambda: len(agent.lines()) >= sum(sent.values()), 20)
            spans = [json.loads(line) for line in agent.lines()]
            said = Counter((span["url.path"], span["client.port"]) for span in spans)
            self.assertEqual(said, Counter({(f"/port/{port}", port): count for port, count in sent.items()}))
            self.check_nothing_is_missing(agent)

    def test_client(self) -> None:
        self.start_server(rustls_programs() / "blocking_server")
        program = self.folder / f"{self.folder.name}-client"  # no other program is called that
        shutil.copy(rustls_programs() / "client", program)
        connections = 20
        process = self.start([program, str(self.port), str(connections), str(REQUESTS // connections)])
        with Agent({"EXECUTABLE_NAME": program.name}, print_traces=False) as agent:
            self.wait_for_probes(agent, process)
            process.stdin.write(b"\n")
            process.stdin.flush()
            self.assertEqual(process.wait(60), 0)
            settle(lambda: agent.scrape().total("http_client_duration_seconds_count") >= REQUESTS, 10)
            metrics = agent.quiet_metrics()
            counts = metrics.by("http_client_duration_seconds_count", "http_method", "http_status_code")
            self.assertEqual(counts, {("GET", "200"): REQUESTS})
            self.check_nothing_is_missing(agent)

    def test_joined_midway(self) -> None:
        """Requests before the agent are nobody's; of those behind it none has a wrong path, and all come to be seen."""
        process = self.start_server(rustls_programs() / "async_server")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=ssl._create_unverified_context())
        self.addCleanup(connection.close)

        def ask(path: str) -> None:
            connection.request("GET", path)
            connection.getresponse().read()

        for _ in range(20):
            ask("/before")
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            self.wait_for_probes(agent, process)
            for _ in range(20):
                ask("/behind")
            settle(lambda: len(agent.lines()) >= 20, 5)
            paths = Counter(trace.path for trace in agent.traces())
            self.assertLessEqual(set(paths), {"/behind"})
            self.assertGreaterEqual(paths["/behind"], 18)

    def test_a_stripped_program_is_told_of(self) -> None:
        program = self.folder / "stripped_server"
        subprocess.run([required_program("strip"), "-o", program, rustls_programs() / "async_server"], check=True)
        process = self.start_server(program)
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            reason = f"a TLS library in a file of process {process.pid} is not seen: rustls_no_symbols"
            wait_until(lambda: reason in agent.stderr(), ATTACH_SECONDS, "the reason")
            sent = send_all(self.port)
            self.assertGreater(sum(sent.values()), 0)
            metrics = agent.quiet_metrics()
            self.assertEqual(metrics.total("beyla_binaries_analyzed_total", outcome="tls_unseen"), 1)
            self.assertEqual(metrics.requests(), {})


if __name__ == "__main__":
    main()
