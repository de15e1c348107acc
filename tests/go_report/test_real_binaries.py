"""What is reported of real Go executables: each probe that its program should have, proven as the broker proves it.

BEYLA_GO_BINARIES names them: paths of files or folders, with colons between. A file that is called like a program of the
matrix (nethttp, mux, gin, grpc, h2c) must have that program's probes.
"""
import os
import re
import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path

PROVE = os.environ["PROVE_REPORTS"]
BUILT = Path(os.environ["GO_REPORT_BINARIES"])
sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder) for folder in ("matrix", "e2e")]
SERVER = Path(__file__).resolve().parent.parent / "go_image" / "program" / "main.go"
ELF_MAGIC = b"\x7fELF"

# Numbers of abi/go_calls.h.
HTTP1, HTTP2, XNET, PANIC, HIJACK = {1}, {3, 4, 5}, {6, 7, 8}, 22, 23
FINISH_REQUEST, TLS_DONE = 2, 31  # the end of a request under TLS, since Go 1.20 the latter
SERVE_MUX = "25:net/http.(*ServeMux).ServeHTTP"  # of no use before Go 1.22
HTTP_CLIENT, ROUND_TRIP_END, ROUND_TRIP_ANSWER = {12, 13, 14, 24}, 14, 24
# What stands in for 1, 2 and 4 of an executable in which they were inlined.
INLINED, STAND_INS = {1, 2, 4}, {32, 33, 34, 35}
GRPC_SERVER, GRPC_CLIENT, GIN, MUX = {9, 10, 11}, {15, 16, 17}, 18, {20, 21}
NET_HTTP = HTTP1 | HTTP2 | HTTP_CLIENT | {PANIC, HIJACK}
OF_PROGRAM = {"nethttp": NET_HTTP, "mux": NET_HTTP, "gin": NET_HTTP | {GIN}, "h2c": NET_HTTP | XNET,
              "grpc": NET_HTTP | XNET | GRPC_SERVER | GRPC_CLIENT,
              "built_here": NET_HTTP - {HIJACK}}  # which the linker leaves out, since nobody calls it


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == ELF_MAGIC


def named_files() -> list[Path]:
    files: list[Path] = []
    for name in filter(None, os.environ.get("BEYLA_GO_BINARIES", "").split(":")):
        path = Path(name)
        files += [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in files if os.access(file, os.X_OK) and is_elf(file)]


def report_of(path: Path) -> list[str]:
    done = subprocess.run([PROVE, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{path}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout.splitlines()


class RealBinaries(unittest.TestCase):
    def check(self, path: Path) -> None:
        lines = report_of(path)
        print(path, lines[1].removeprefix("analysis "), lines[2], file=sys.stderr)
        points = Counter(int(line.split()[1]) for line in lines if line.startswith("point "))
        proofs = [line.split() for line in lines if line.startswith("proof ")]
        self.assertEqual(len(proofs), points.total())
        self.assertEqual([proof for proof in proofs if proof[2] != "proven"], [])
        for probe, count in points.items():
            self.assertTrue(count == 1 or probe == ROUND_TRIP_END, probe)
        if path.name in OF_PROGRAM:
            inlined = {int(number) for number in re.findall(r" (\d+):", lines[3])}
            self.assertEqual(OF_PROGRAM[path.name] - points.keys(), inlined - {FINISH_REQUEST})
            self.assertTrue(lines[3].startswith("inlined:") and (not inlined or "pgo" in str(path) or "forced" in str(path)))
            version = tuple(map(int, re.findall(r"\d+", lines[2])[:2]))
            self.assertIn("left out: " + (SERVE_MUX if version < (1, 22) else "none"), lines)
            end = TLS_DONE if version >= (1, 20) else FINISH_REQUEST
            self.assertEqual({FINISH_REQUEST, TLS_DONE} & points.keys(),
                             set() if FINISH_REQUEST in inlined else {end})
        if path.name == "mux":
            self.assertEqual(len(MUX & points.keys()), 1)

    def test_the_one_that_is_built_here(self) -> None:
        BUILT.mkdir(parents=True, exist_ok=True)
        output = BUILT / "built_here"
        subprocess.run(["go", "build", "-o", output, SERVER], check=True,
                       env={**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOTOOLCHAIN": "local"})
        self.check(output)

    def test_inlined_functions_have_their_stand_ins(self) -> None:
        from go_builds import FORCED, Cell, program_of

        path = program_of(Cell("1.26", FORCED, "nethttp"))
        self.check(path)
        points = {int(line.split()[1]) for line in report_of(path) if line.startswith("point ")}
        self.assertEqual((INLINED | STAND_INS) & points, STAND_INS)

    def test_named_ones(self) -> None:
        named = named_files()
        if not named:
            self.skipTest("BEYLA_GO_BINARIES names none")
        for path in named:
            with self.subTest(str(path)):
                self.check(path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
