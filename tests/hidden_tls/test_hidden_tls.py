"""Functions of a TLS library in a stripped program are found where the symbols of the same program, not stripped, say."""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

PRINT = os.environ["PRINT_HIDDEN"]
SOURCE = Path(__file__).resolve().parents[1] / "targets" / "static_tls_server.c"
ARCHIVES = ("-l:libssl.a", "-l:libcrypto.a", "-lpthread", "-ldl")  # libssl-dev
NAMES = {"SSL_read", "SSL_read_ex", "SSL_write", "SSL_write_ex", "SSL_do_handshake", "SSL_shutdown", "SSL_free"}
# What does the same as the function of that name, and is called in its place.
SAME = {"ssl_read_internal": "SSL_read_ex", "ssl_write_internal": "SSL_write_ex", "SSL_accept": "SSL_do_handshake", "SSL_connect": "SSL_do_handshake"}
CPU_MILLISECONDS = 1500  # for Node, with 100 MB


def run(*command: object) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


def symbols(program: Path) -> dict[int, set[str]]:
    by_address: dict[int, set[str]] = {}
    for address, _, name in (line.split() for line in run("nm", "--defined-only", program).splitlines()):
        by_address.setdefault(int(address, 16), set()).add(name)
    return by_address


class HiddenTlsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="beyla-hidden-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def check(self, program: Path) -> None:
        stripped = self.folder / "stripped"
        run("strip", "--strip-all", "-o", stripped, program)
        lines = [line.split() for line in run(PRINT, stripped).splitlines()]
        self.assertEqual(lines[-1][0], "milliseconds")
        self.assertLess(float(lines[-1][1]), CPU_MILLISECONDS)
        truth = symbols(program)
        found = set()
        for name, address, _ in lines[:-1]:
            names = truth.get(int(address, 16), set())
            self.assertTrue(names & ({name} | {other for other, same in SAME.items() if same == name}), (name, address, names))
            found |= {name} & names
        self.assertEqual(found, NAMES)

    def build(self, *options: str) -> Path:
        program = self.folder / "program"
        run("gcc", "-O2", "-w", *options, "-o", program, SOURCE, *ARCHIVES)
        return program

    def test_a_position_independent_program(self) -> None:
        self.check(self.build())

    def test_a_program_at_a_fixed_address(self) -> None:
        self.check(self.build("-no-pie", "-fno-pie"))

    def test_a_static_program(self) -> None:
        self.check(self.build("-static"))

    def test_without_section_headers(self) -> None:
        program = self.build("-Wl,--build-id")
        self.check(program)
        stripped = self.folder / "stripped"
        expected = run(PRINT, stripped).splitlines()[:-1]
        content = bytearray(stripped.read_bytes())
        content[0x3C:0x3E] = bytes(2)  # e_shnum
        stripped.write_bytes(content)
        self.assertEqual(run(PRINT, stripped).splitlines()[:-1], expected)

    def test_node(self) -> None:
        node = shutil.which("node")
        if node is None:
            self.skipTest("no node")
        program = Path(node).resolve()
        if not NAMES <= set().union(*symbols(program).values()):
            self.skipTest("this node has no symbols of OpenSSL")
        self.check(program)

    def test_a_program_without_tls(self) -> None:
        self.assertEqual(run(PRINT, "/bin/sh").splitlines()[0], "none")


if __name__ == "__main__":
    unittest.main()
