"""Requests by HTTPS are counted once each where OpenSSL or BoringSSL is part of a program or library that names none of
its functions; where they cannot be found, that is said."""
from __future__ import annotations

import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path

import test_tls
from c_targets import build_c_target
from harness import Agent, main, required_program, settle, wait_until
from targets import PROGRAMS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))
from workshop import python_packages  # noqa: E402

LIBRARIES = ("-l:libssl.a", "-l:libcrypto.a", "-lpthread")  # libssl-dev
NAMES = ("SSL_read", "SSL_write", "SSL_do_handshake", "SSL_free")
GRPCIO = PROGRAMS / "grpcio_calls" / "secure_calls.py"
METHOD = "/targets.Calls/"
CALLS = 300


def names_of(program: Path) -> set[str]:
    output = subprocess.run([required_program("nm"), program], capture_output=True, text=True).stdout
    return {line.split()[-1] for line in output.splitlines() if line.split()}


class StrippedTest(unittest.TestCase):
    setUp = test_tls.TlsTest.setUp
    start = test_tls.TlsTest.start
    start_server = test_tls.TlsTest.start_server
    wait_for_probes = test_tls.TlsTest.wait_for_probes
    check_counts = test_tls.TlsTest.check_counts
    check_server = test_tls.TlsTest.check_server

    def server(self, *libraries: str, strip: tuple[str, ...] = ("--strip-all",)) -> subprocess.Popen[bytes]:
        built = build_c_target("static_tls_server", *LIBRARIES, *libraries)
        self.assertLessEqual(set(NAMES), names_of(built))
        stripped = self.folder / "server"
        subprocess.run([required_program("objcopy"), *strip, built, stripped], check=True)
        self.assertEqual(set(NAMES) & names_of(stripped), set())
        return self.start_server([str(stripped), str(self.port), str(self.certificate)])

    def test_openssl_in_an_executable(self) -> None:
        self.check_server(self.server())

    def test_functions_that_are_not_found_are_said_to_be_there(self) -> None:
        process = self.server(strip=("--strip-all", "--remove-section=.eh_frame", "--remove-section=.eh_frame_hdr"))
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            said = f"a TLS library in a file of process {process.pid} is not seen: hidden."
            wait_until(lambda: said in agent.stderr(), test_tls.ATTACH_SECONDS, "the library is noticed")
            sent = sum(test_tls.send_all(self.port).values())
            self.assertGreater(sent, 0)
            metrics = agent.quiet_metrics()
            self.assertEqual(metrics.requests(), Counter())
            self.assertEqual(metrics.total("beyla_binaries_analyzed_total", outcome="tls_unseen"), 1)
            self.assertEqual(agent.stderr().count(said), 1)

    def test_boringssl_in_grpcio(self) -> None:
        python = python_packages() / "python"
        command = [str(python), str(GRPCIO), "serve", str(self.port), str(self.certificate)]
        process = self.start_server(command)
        with Agent({"OPEN_PORT": str(self.port)}, print_traces=False) as agent:
            self.wait_for_probes(agent, process.pid)
            subprocess.run([python, GRPCIO, "call", str(self.port), str(self.certificate), str(CALLS)], check=True, timeout=120)
            settle(lambda: agent.scrape().total("rpc_server_duration_seconds_count") >= CALLS, 10)
            metrics = agent.quiet_metrics()
            seen = metrics.by("rpc_server_duration_seconds_count", "rpc_method", "rpc_grpc_status_code")
            self.assertEqual(seen, {(METHOD + "Fine", "0"): CALLS // 2, (METHOD + "Missing", "5"): CALLS // 2})


if __name__ == "__main__":
    main()
