"""What binutils say of a binary: its symbols, and where its instructions begin."""
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

INSTRUCTION = re.compile(r"^ *([0-9a-f]+):\t", re.MULTILINE)


@dataclass(frozen=True)
class Segment:
    offset: int
    address: int
    bytes: int
    executable: bool


@dataclass(frozen=True)
class Symbol:
    name: str
    address: int
    bytes: int


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          encoding="utf-8", errors="replace").stdout


def segments(binary: Path) -> list[Segment]:
    """The PT_LOAD segments, as they are in the file."""
    found = []
    for line in run("readelf", "-lW", binary).splitlines():
        fields = line.split()
        if fields[:1] == ["LOAD"]:
            offset, address, _, in_file = (int(field, 16) for field in fields[1:5])
            found.append(Segment(offset, address, in_file, "E" in fields[6:-1]))
    return found


def functions(binary: Path) -> list[Symbol]:
    """By address; of several names for one place the first."""
    found = {}
    for line in run("nm", "-S", "--defined-only", binary).splitlines():
        fields = line.split(maxsplit=3)
        if len(fields) == 4 and fields[2] in "tTwW":
            symbol = Symbol(fields[3], int(fields[0], 16), int(fields[1], 16))
            if symbol.bytes:
                found.setdefault(symbol.address, symbol)
    return [found[address] for address in sorted(found)]


def boundaries(binary: Path, begin: int, end: int) -> set[int]:
    """Addresses of the instructions in [begin, end)."""
    text = run("objdump", "-d", "--no-show-raw-insn", f"--start-address={begin}", f"--stop-address={end}", binary)
    return {int(address, 16) for address in INSTRUCTION.findall(text)}
