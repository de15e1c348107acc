"""Requests by HTTPS are counted once each, with their paths and statuses, whatever way the TLS library is used and loaded."""
from __future__ import annotations

import http.client
import shutil
import ssl
import subprocess
import tempfile
import unittest
from collections import Counter
from pathlib import Path
from typing import Sequence

from harness import FULL, REPOSITORY, Agent, clean_environment, end_process, free_port, is_listening, main, required_program, settle, wait_until

PYTHON = "/usr/bin/python3"  # Debian's: with libssl.so.3
TARGETS = REPOSITORY / "tests" / "targets"
CONNECTIONS = 100 if FULL else 30
REQUESTS_EACH = 100 if FULL else 10
PATHS = ("/hello", "/missing", "/broken", "/hello?word=1")
STATUS = {"/missing": 404, "/broken": 500}
ATTACH_SECONDS = 15


def make_certificate(folder: Path) -> Path:
    """Key and certificate in one file."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    command = [required_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(command + ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


def send_all(port: int) -> Counter[tuple[str, int]]:
    """Path and status of each request that was answered."""
    sent: Counter[tuple[str, int]] = Counter()
    context = ssl._create_unverified_context()
    for _ in range(CONNECTIONS):
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        for number in range(REQUESTS_EACH):
            path = PATHS[number % len(PATHS)]
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            sent[path.split("?")[0], answer.status] += 1
        connection.close()
    return sent


class TlsTargets(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="beyla-tls-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.certificate = make_certificate(self.folder)
        self.port = free_port()

    def start(self, command: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=clean_environment(environment), stdin=subprocess.PIPE)
        self.addCleanup(end_process, process)
        self.addCleanup(process.stdin.close)
        return process

    def start_server(self, command: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        process = self.start(command, **environment)
        wait_until(lambda: is_listening(self.port), 20, "the server listens")
        return process

    def python(self, way: str) -> list[str]:
        return [PYTHON, str(TARGETS / "tls_server.py"), str(self.port), str(self.certificate), way]

    def node(self) -> list[str]:
        return [required_program("node"), str(TARGETS / "tls_server.js"), str(self.port), str(self.certificate)]

    def wait_for_probes(self, agent: Agent, pid: int) -> None:
        loaded = f"TLS probes in pid={pid} library=openssl"
        wait_until(lambda: any(loaded in line and "should it be" not in line for line in agent.stderr().splitlines()),
                   ATTACH_SECONDS, "TLS probes")

    def check_counts(self, agent: Agent, sent: Counter[tuple[str, int]]) -> None:
        by_status: Counter[tuple[str, int]] = Counter()
        for (_, status), count in sent.items():
            by_status["GET", status] += count
        metrics = agent.wait_for_requests(by_status)
        self.assertEqual(metrics.requests(), by_status)
        settle(lambda: len(agent.lines()) >= sum(sent.values()), 5)
        seen = Counter((trace.path.split("?")[0], trace.status) for trace in agent.traces())
        self.assertEqual(seen, sent)
        for reason in ("tls_unbound", "tls_misfit", "tls_table_full"):
            self.assertEqual(metrics.total("beyla_capture_degraded_total", reason=reason), 0, reason)

    def check_server(self, process: subprocess.Popen[bytes]) -> None:
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            self.wait_for_probes(agent, process.pid)
            self.check_counts(agent, send_all(self.port))

    def copy_library(self) -> Path:
        libraries = self.folder / "libraries"
        libraries.mkdir()
        for name in ("libssl.so.3", "libcrypto.so.3"):
            shutil.copy(f"/usr/lib/x86_64-linux-gnu/{name}", libraries)
        return libraries


class TlsTest(TlsTargets):
    def test_python_with_tls_on_its_sockets(self) -> None:
        self.check_server(self.start_server(self.python("nested")))

    def test_python_with_tls_in_memory(self) -> None:
        self.check_server(self.start_server(self.python("memory")))

    def test_node(self) -> None:
        self.check_server(self.start_server(self.node()))

    def test_a_library_that_was_deleted(self) -> None:
        libraries = self.copy_library()
        process = self.start_server(self.python("nested"), LD_LIBRARY_PATH=str(libraries))
        shutil.rmtree(libraries)
        self.assertIn(f"{libraries}/libssl.so.3 (deleted)", Path(f"/proc/{process.pid}/maps").read_text())
        self.check_server(process)

    def test_another_mount_namespace(self) -> None:
        library = self.copy_library() / "libssl.so.3"
        script = 'mount --bind "$1" /usr/lib/x86_64-linux-gnu/libssl.so.3 && shift && exec "$@"'
        command = [required_program("unshare"), "--mount", "sh", "-c", script, "sh", str(library)]
        process = self.start_server([*command, *self.python("nested")])
        self.check_server(process)

    def test_a_library_that_is_loaded_later(self) -> None:
        process = self.start_server(self.python("late"))
        self.assertNotIn("libssl", Path(f"/proc/{process.pid}/maps").read_text())
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            armed = f"TLS probes in pid={process.pid} library=openssl"
            wait_until(lambda: armed in agent.stderr(), ATTACH_SECONDS, "probes ahead of the library")
            plain = http.client.HTTPConnection("127.0.0.1", self.port)
            plain.request("GET", "/load")
            late_port = int(plain.getresponse().read())
            plain.close()
            sent = send_all(late_port)
            self.check_counts(agent, sent + Counter({("/load", 200): 1}))

    def test_a_library_that_is_overwritten_before_it_is_loaded(self) -> None:
        """Nothing may stand in bytes that were not looked at: what was written is read anew once its plaintext is missed."""
        library = self.copy_library() / "libssl.so.3"
        script = 'mount --bind "$1" /usr/lib/x86_64-linux-gnu/libssl.so.3 && shift && exec "$@"'
        command = [required_program("unshare"), "--mount", "sh", "-c", script, "sh", str(library)]
        process = self.start_server([*command, *self.python("late")])
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            armed = f"TLS probes in pid={process.pid} library=openssl"
            wait_until(lambda: armed in agent.stderr(), ATTACH_SECONDS, "probes ahead of the library")
            content = library.read_bytes()
            library.write_bytes(content)
            wait_until(lambda: "was overwritten" in agent.stderr(), 5, "the write is noticed")
            plain = http.client.HTTPConnection("127.0.0.1", self.port)
            plain.request("GET", "/load")
            sent = send_all(int(plain.getresponse().read())) + Counter({("/load", 200): 1})
            plain.close()
            self.assertEqual(sent.total(), CONNECTIONS * REQUESTS_EACH + 1)
            settle(lambda: agent.scrape().requests().total() >= 1, 5)
            self.assertLess(0, agent.quiet_metrics().requests().total())
            self.assertLess(agent.quiet_metrics().requests().total(), sent.total())
            self.assertLessEqual(Counter((trace.path.split("?")[0], trace.status) for trace in agent.traces()), sent)

    def check_client(self, command: list[str], start: bytes, sent: int) -> None:
        self.start_server(self.node())
        program = self.folder / f"{self.folder.name}-client"  # no other program is called that
        shutil.copy(command[0], program)
        process = self.start([str(program), *command[1:]])
        with Agent({"EXECUTABLE_NAME": program.name}, print_traces=False) as agent:
            self.wait_for_probes(agent, process.pid)
            process.stdin.write(start)
            process.stdin.flush()
            process.stdin.close()
            self.assertEqual(process.wait(60), 0)
            settle(lambda: agent.scrape().total("http_client_duration_seconds_count") >= sent, 10)
            metrics = agent.quiet_metrics()
            counts = metrics.by("http_client_duration_seconds_count", "http_method", "http_status_code")
            self.assertEqual(counts, {("GET", "200"): sent})

    def test_python_as_client(self) -> None:
        command = [PYTHON, str(TARGETS / "tls_client.py"), str(self.port), str(CONNECTIONS), str(REQUESTS_EACH)]
        self.check_client(command, b"\n", CONNECTIONS * REQUESTS_EACH)

    def test_curl(self) -> None:
        count = CONNECTIONS * REQUESTS_EACH
        urls = "".join(f'url = "https://127.0.0.1:{self.port}/{number}"\noutput = "/dev/null"\n' for number in range(count))
        self.check_client([required_program("curl"), "-sk", "-K", "-"], urls.encode(), count)


if __name__ == "__main__":
    main()
