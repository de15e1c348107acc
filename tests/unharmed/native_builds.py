"""The C++ programs of the matrix: one source, built in every way that changes prologues, epilogues or the file's layout."""
from __future__ import annotations

import hashlib
import fcntl
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import CACHE, required_program

SOURCE = Path(__file__).with_name("program.cpp")
STANDARD = "-std=c++20"


@dataclass(frozen=True)
class Variant:
    """`flags` for the compiler; stripped: the program runs without its symbols, the prober has those of before."""

    name: str
    flags: tuple[str, ...]
    compiler: str = "g++"
    stripped: bool = False


VARIANTS = (
    Variant("pie", ("-O2", "-fPIE", "-pie")),
    Variant("no-pie", ("-O2", "-fno-pie", "-no-pie")),
    Variant("static", ("-O2", "-static")),
    Variant("static-pie", ("-O2", "-fPIE", "-static-pie")),
    Variant("stripped", ("-O2", "-fPIE", "-pie"), stripped=True),
    Variant("static-stripped", ("-O2", "-static"), stripped=True),
    Variant("O0", ("-O0",)),
    Variant("O1", ("-O1",)),
    Variant("O3", ("-O3", "-march=x86-64-v2")),
    Variant("Os", ("-Os",)),
    Variant("cet", ("-O2", "-fcf-protection=full", "-Wl,-z,ibtplt")),
    Variant("cet-O0", ("-O0", "-fcf-protection=full")),
    Variant("stack-protector", ("-O2", "-fstack-protector-all")),
    Variant("stack-protector-O0", ("-O0", "-fstack-protector-all")),
    Variant("frame-pointer", ("-O2", "-fno-omit-frame-pointer", "-mno-red-zone")),
    Variant("clang", ("-O2", "-fPIE", "-pie"), compiler="clang++-19"),
    Variant("clang-O0", ("-O0",), compiler="clang++-19"),
    Variant("clang-static-cet", ("-O3", "-static", "-fcf-protection=full"), compiler="clang++-19"),
    Variant("gc-sections", ("-O2", "-ffunction-sections", "-Wl,--gc-sections", "-fno-plt", "-Wl,-z,now")),
    Variant("clang-stack-protector", ("-O1", "-fstack-protector-all"), compiler="clang++-19"),
)


@dataclass(frozen=True)
class Built:
    program: Path
    symbols: Path


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr}")


def compile_into(output: Path, source: Path, compiler: str, *flags: str) -> None:
    """Nothing is done where the same was done before."""
    output.parent.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256(source.read_bytes() + repr((compiler, flags)).encode()).hexdigest()
    mark = output.with_suffix(".key")
    with open(output.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in parallel
        if not output.exists() or not mark.exists() or mark.read_text() != key:
            run(required_program(compiler), STANDARD, "-pthread", source, "-o", output, *flags)
            mark.write_text(key)


def build(variant: Variant) -> Built:
    folder = CACHE / "unharmed"
    symbols = folder / f"program-{variant.name}"
    compile_into(symbols, SOURCE, variant.compiler, *variant.flags)
    if not variant.stripped:
        return Built(symbols, symbols)
    program = folder / f"program-{variant.name}-bare"
    fresh = program.with_suffix(".new")
    shutil.copy(symbols, fresh)
    run("strip", "--strip-all", fresh)
    fresh.rename(program)  # it may run
    return Built(program, symbols)


def build_tls_calls() -> Path:
    output = CACHE / "unharmed" / "tls_calls"
    compile_into(output, Path(__file__).with_name("tls_calls.cpp"), "g++", "-O1", "-lssl", "-lcrypto", "-lgnutls")
    return output
