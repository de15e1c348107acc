"""The programs under proof: every way of linking, stripping and optimising that we know to differ."""
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass(frozen=True)
class Binary:
    name: str
    command: tuple[str, ...]  # without the output
    strip: str = ""  # the command that makes a stripped copy, or the linker's options that leave symbols out
    environment: tuple[tuple[str, str], ...] = ()

    def build(self, folder: Path) -> tuple[Path, Path]:
        """The binary to run, and its twin with symbols: the same file unless it is stripped."""
        twin = folder / self.name
        self._run(self.command, twin)
        if not self.strip:
            return twin, twin
        stripped = folder / f"{self.name}-stripped"
        if self.strip == "strip":
            subprocess.run(["strip", "-o", stripped, twin], check=True)
        else:
            index = self.command.index("-ldflags") + 1
            flags = f"{self.command[index]} {self.strip}"
            self._run((*self.command[:index], flags, *self.command[index + 1:]), stripped)
        return stripped, twin

    def _run(self, command: tuple[str, ...], output: Path) -> None:
        sources = sorted(PROGRAMS.glob("*"))
        if output.exists() and output.stat().st_mtime > max(source.stat().st_mtime for source in sources):
            return
        files = [PROGRAMS / "main.cpp"] if command[0] != "go" else [PROGRAMS / "main.go"]
        if dict(self.environment).get("CGO_ENABLED") == "1":
            files.append(PROGRAMS / "cgo.go")
        subprocess.run([*command, "-o", output, *files], check=True, cwd=PROGRAMS,
                       env={**os.environ, "GO111MODULE": "off", **dict(self.environment)})


def go(name: str, *options: str, linker: str = "", cgo: bool = False) -> list[Binary]:
    command = ("go", "build", "-ldflags", linker, *options)
    environment = (("CGO_ENABLED", "1" if cgo else "0"),)
    return [Binary(f"go-{name}", command, "", environment),
            Binary(f"go-{name}", command, "-s -w", environment)]


def cpp(name: str, *options: str, compiler: str = "g++", strip: str = "") -> Binary:
    return Binary(name, (compiler, "-std=c++20", *options), strip)


def all_binaries() -> list[Binary]:
    external = "-linkmode external"
    return [
        *go("exe"), *go("pie", "-buildmode=pie"), *go("cgo", cgo=True),
        *go("cgo-static", cgo=True, linker=f"{external} -extldflags=-static"),
        *(cpp(f"{compiler}{level}-{link}", level, *options, compiler=compiler)
          for compiler in ("g++", "clang++-19")
          for level, link, options in (
              ("-O0", "pie", ("-fPIE", "-pie")), ("-O1", "nopie", ("-fno-pie", "-no-pie")),
              ("-O2", "pie", ("-fPIE", "-pie")), ("-O3", "pie", ("-fPIE", "-pie")),
              ("-Os", "pie", ("-fPIE", "-pie")),
              ("-O2", "cet", ("-fcf-protection=full", "-fPIE", "-pie")))),
        cpp("static", "-O2", "-fno-pie", "-no-pie", "-static"),
        cpp("static-pie", "-O2", "-fPIE", "-static-pie"),
        cpp("static-cet", "-O2", "-static", "-fcf-protection=full"),
        cpp("stripped-nopie", "-O2", "-fno-pie", "-no-pie", strip="strip"),
        cpp("stripped-pie", "-O2", "-fPIE", "-pie", strip="strip"),
        cpp("stripped-static", "-O2", "-static", strip="strip"),
        cpp("gold-sections", "-O2", "-ffunction-sections", "-fuse-ld=gold", "-Wl,--gc-sections"),
    ]
