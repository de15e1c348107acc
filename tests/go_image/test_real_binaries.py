"""Reads Go executables of this machine's Go, linked in every way, and compares with DWARF; breaks them; reads others.

BEYLA_GO_BINARIES names more of them: paths of files or folders, with colons between.
GO_IMAGE_MUTATIONS says how many times each is broken.
"""
import os
import re
import struct
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = Path(os.environ["GO_IMAGE_PROGRAMS"])
BUILT = Path(os.environ["GO_IMAGE_BINARIES"])
MUTATIONS = os.environ.get("GO_IMAGE_MUTATIONS", "300")
ELF_MAGIC = b"\x7fELF"
# So that finding nothing is no success.
FEWEST_FUNCTIONS, FEWEST_FIELDS, FEWEST_FIELDS_EQUAL = 8, 28, 2000  # of Go 1.17
LINE = re.compile(r"(?P<path>.*): go1\.\d+\.\d+ wanted functions (?P<functions>\d+) fields (?P<fields>\d+) dwarf (?P<dwarf>true|false) "
                  r"structs \d+ found \d+ fields equal (?P<equal>\d+) functions equal (?P<functions_equal>\d+) differences 0")

EXTERNAL = "-linkmode=external"
WAYS = {
    "exe": ((), "", "0"),
    "pie": (("-buildmode=pie",), "", "0"),
    "cgo": ((), EXTERNAL, "1"),
    "static-pie": (("-buildmode=pie", "-tags=netgo,osusergo"), f"{EXTERNAL} -extldflags=-static-pie", "1"),
}


def build(name: str, flags: str) -> Path:
    options, linker, cgo = WAYS[name]
    output = BUILT / f"{name}{'-stripped' if flags else ''}"
    source = HERE / "program" / "main.go"
    if not output.exists() or output.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["go", "build", *options, f"-ldflags={linker} {flags}", "-o", output, source], check=True,
                       env={**os.environ, "CGO_ENABLED": cgo, "GO111MODULE": "off", "GOTOOLCHAIN": "local"})
    return output


def without_sections(path: Path) -> Path:
    """A copy whose section headers cannot be found, as `sstrip` and packers leave it."""
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, 40, 0)  # e_shoff
    struct.pack_into("<HH", content, 60, 0, 0)  # e_shnum, e_shstrndx
    copy = path.with_name(f"{path.name}-without-sections")
    copy.write_bytes(content)
    return copy


def run(program: str, *arguments: object) -> str:
    done = subprocess.run([PROGRAMS / program, *map(str, arguments)], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"{program} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def named_files() -> list[Path]:
    files: list[Path] = []
    for name in filter(None, os.environ.get("BEYLA_GO_BINARIES", "").split(":")):
        path = Path(name)
        files += [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in files if os.access(file, os.X_OK) and file.open("rb").read(4) == ELF_MAGIC]


class RealBinaries(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        BUILT.mkdir(parents=True, exist_ok=True)
        cls.whole = {name: build(name, "") for name in WAYS}
        cls.stripped = {name: build(name, "-s -w") for name in WAYS}
        cls.headless = {name: without_sections(path) for name, path in cls.stripped.items()}

    def compared(self, paths: list[Path]) -> dict[Path, re.Match[str]]:
        lines = [LINE.fullmatch(line) for line in run("compare_with_dwarf", *paths).splitlines()]
        self.assertTrue(all(lines) and len(lines) == len(paths))
        return {Path(line["path"]): line for line in lines if line}

    def test_fields_and_functions_are_those_of_dwarf_and_symbols(self) -> None:
        for path, line in self.compared(list(self.whole.values())).items():
            with self.subTest(path.name):
                self.assertEqual(line["dwarf"], "true")
                self.assertGreaterEqual(int(line["equal"]), FEWEST_FIELDS_EQUAL)
                self.assertGreater(int(line["functions_equal"]), 100)
                self.assertGreaterEqual(int(line["functions"]), FEWEST_FUNCTIONS)
                self.assertGreaterEqual(int(line["fields"]), FEWEST_FIELDS)

    def test_stripped_ones_tell_as_much(self) -> None:
        compared = self.compared([*self.whole.values(), *self.stripped.values(), *self.headless.values()])
        for name, path in self.whole.items():
            for other in (self.stripped[name], self.headless[name]):
                with self.subTest(other.name):
                    for what in ("functions", "fields"):
                        self.assertEqual(compared[other][what], compared[path][what])

    def test_named_ones(self) -> None:
        named = named_files()
        if not named:
            self.skipTest("BEYLA_GO_BINARIES names none")
        self.compared(named)

    def test_broken_ones_are_refused_or_read(self) -> None:
        print(run("mutate_images", MUTATIONS, 1, *self.whole.values(), *self.stripped.values(), *named_files()), file=sys.stderr)

    def test_reader_of_a_file_that_becomes_shorter_ends(self) -> None:
        run("truncated_while_read", 10, self.stripped["exe"])

    def test_files_that_are_no_go_executables_are_refused(self) -> None:
        root = Path(subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip())
        files = [file for file in root.glob("src/debug/*/testdata/**/*") if file.is_file()]
        files += [Path(sys.executable), PROGRAMS / "read_images", Path("/usr/bin/env")]
        lines = run("read_images", *files).splitlines()
        self.assertEqual(len(lines), len(files))
        self.assertGreater(len(files), 50)
        self.assertEqual([line for line in lines if line.endswith(": read")], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
