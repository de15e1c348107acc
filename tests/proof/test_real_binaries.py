"""Every offset of some thousand bytes of code in each of many real binaries, while they run: those that
objdump calls the beginning of an instruction may be proven, no other ever."""
import os
import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path

from binaries import all_binaries
from code_facts import Segment, Symbol, boundaries, functions, segments

BUILD = Path(os.environ["PROOF_BINARIES"])
PROVE = os.environ["PROVE_POINTS"]
WINDOWS = 4  # stretches of functions that are looked at, spread evenly over the binary
WINDOW_BYTES = 2500
# Of the proposals with a made-up symbol that begins inside an instruction; none on the toolchains tried.
LARGEST_FOOLED_SHARE = 1 / 10_000
# Of true boundaries that the bytes before them deny. Data between functions does that.
LARGEST_DOUBTFUL_SHARE = 1 / 100
MAY_SAY_OF_A_BOUNDARY = {"proven", "not_emulated", "unsafe_instruction", "doubtful_boundary"}
MAY_SAY_OF_THE_MIDDLE = {"mid_instruction", "undecodable"}

Point = tuple[int, int, int]  # offset and size of the symbol, offset of the point


class Running:
    """The program, until the end of the with."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> "Running":
        assert self._process.stdout.readline().startswith(b"ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def judge(self, points: list[Point]) -> list[str]:
        text = "".join(f"{symbol} {size} {point}\n" for symbol, size, point in points)
        done = subprocess.run([PROVE, str(self._process.pid)], input=text, text=True, check=True,
                              stdout=subprocess.PIPE)
        return done.stdout.split()


def windows(symbols: list[Symbol], code: Segment) -> list[list[Symbol]]:
    """Neighbouring functions, some of them ours: those are what the sources in programs/ are about."""
    symbols = [symbol for symbol in symbols
               if code.address <= symbol.address and symbol.address + symbol.bytes <= code.address + code.bytes]
    chosen = []
    starts = [len(symbols) * part // WINDOWS for part in range(WINDOWS)]
    own = [index for index, symbol in enumerate(symbols) if symbol.name in ("main", "main.main")]
    for start in [*starts, *own]:
        window: list[Symbol] = []
        size = 0
        for symbol in symbols[start:]:
            size += symbol.bytes
            if size > WINDOW_BYTES and window:
                break
            if symbol.bytes <= WINDOW_BYTES:
                window.append(symbol)
        chosen.append(window)
    return chosen


class RealBinaries(unittest.TestCase):
    def test_only_boundaries_are_proven(self) -> None:
        binaries = all_binaries()
        self.assertGreaterEqual(len(binaries), 24)
        total: Counter[str] = Counter()
        for binary in binaries:
            path, twin = binary.build(BUILD)
            with self.subTest(path.name), Running(path) as running:
                total += self.check(running, path, twin)
        print(dict(total), file=sys.stderr)
        self.assertLessEqual(total["fooled"], total["made-up symbols"] * LARGEST_FOOLED_SHARE)
        self.assertLessEqual(total["doubtful"], total["boundaries"] * LARGEST_DOUBTFUL_SHARE)

    def check(self, running: Running, path: Path, twin: Path) -> Counter[str]:
        code = next(segment for segment in segments(path) if segment.executable)
        # The twin's symbols are those of the binary only if both were laid out alike.
        self.assertIn(code, segments(twin))
        to_file = code.offset - code.address
        seen: Counter[str] = Counter()
        for window in windows(functions(twin), code):
            if not window:
                continue
            begin, end = window[0].address, window[-1].address + window[-1].bytes
            starts = boundaries(path, begin, end)
            self.assertEqual(starts, boundaries(twin, begin, end))
            true = {address + to_file for address in starts}
            offsets = [Symbol(symbol.name, symbol.address + to_file, symbol.bytes) for symbol in window]
            seen += self.inside(running, offsets, true)
            seen += self.made_up_symbols(running, offsets, true)
            self.outside(running, offsets)
        self.not_code(running, path, code)
        for outcome in ("proven", "mid_instruction", "not_emulated"):
            self.assertGreater(seen[outcome], 20, outcome)
        return seen

    def inside(self, running: Running, symbols: list[Symbol], true: set[int]) -> Counter[str]:
        """Every offset of each symbol."""
        points = [(symbol.address, symbol.bytes, symbol.address + at)
                  for symbol in symbols for at in range(symbol.bytes)]
        seen: Counter[str] = Counter()
        for point, said in zip(points, running.judge(points), strict=True):
            allowed = MAY_SAY_OF_A_BOUNDARY if point[2] in true else MAY_SAY_OF_THE_MIDDLE
            self.assertIn(said, allowed, f"{point[0]:#x}+{point[2] - point[0]:#x}")
            seen[said] += 1
            seen["boundaries"] += point[2] in true
            seen["doubtful"] += point[2] in true and said == "doubtful_boundary"
        return seen

    def made_up_symbols(self, running: Running, symbols: list[Symbol], true: set[int]) -> Counter[str]:
        """A worker that says the symbol begins where it wants to probe, in the middle of an instruction."""
        points = [(at, symbol.address + symbol.bytes - at, at) for symbol in symbols
                  for at in range(symbol.address + 1, symbol.address + symbol.bytes) if at not in true]
        said = running.judge(points)
        return Counter({"made-up symbols": len(points), "fooled": said.count("proven")})

    def outside(self, running: Running, symbols: list[Symbol]) -> None:
        points = [(symbol.address, symbol.bytes, at) for symbol in symbols
                  for at in (symbol.address - 1, symbol.address + symbol.bytes, symbol.address + symbol.bytes + 1)]
        self.assertEqual(set(running.judge(points)), {"outside_symbol"})

    def not_code(self, running: Running, path: Path, code: Segment) -> None:
        size = path.stat().st_size
        data = [segment for segment in segments(path) if not segment.executable and segment.bytes > 64]
        page_end = (code.offset + code.bytes + 4095) // 4096 * 4096
        points = [(at, 16, at) for segment in data for at in range(segment.offset, segment.offset + 64)
                  if not code.offset // 4096 * 4096 <= at < page_end]
        points += [(at, 16, at) for at in (size - 1, size, size + 4096, 2**62)]
        self.assertEqual(set(running.judge(points)), {"not_executable"})


if __name__ == "__main__":
    BUILD.mkdir(parents=True, exist_ok=True)
    unittest.main(verbosity=2)
