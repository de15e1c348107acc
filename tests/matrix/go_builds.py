"""Builds the Go targets with any toolchain from Go 1.17 on: a cell is a Go version, a way of linking and a framework.

A build is kept under the hash of all that goes into it. Go knows the sums of the modules; which versions are taken follows
from those required here, by Go's rule of the least version that satisfies all.
"""
from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import forced_profile
import workshop
from harness import clean_environment, end_process, required_program

SOURCES = workshop.PROGRAMS / "go"
CACHE = Path(os.environ.get("BEYLA_GO_CACHE", workshop.CACHE / "go"))
PROFILE_SECONDS = 4
FORCED = "forced"  # no way of building of its own: see forced_profile.py

# The last patch release of each; 1.26 stands for the machine's own toolchain if that is of 1.26.
RELEASES = {
    "1.17": "1.17.13", "1.18": "1.18.10", "1.19": "1.19.13", "1.20": "1.20.14", "1.21": "1.21.13", "1.22": "1.22.12",
    "1.23": "1.23.12", "1.24": "1.24.11", "1.25": "1.25.5", "1.26": "1.26.0",
}
MUX, GIN, GRPC, NET = "github.com/gorilla/mux", "github.com/gin-gonic/gin", "google.golang.org/grpc", "golang.org/x/net"
# Of each toolchain's days, so that old layouts are met, too.
MODULES = {
    MUX: {"1.17": "1.7.4", "1.18": "1.8.0", "1.19": "1.8.0"} | dict.fromkeys(list(RELEASES)[3:], "1.8.1"),
    GIN: {"1.19": "1.8.1", "1.20": "1.9.0", "1.21": "1.9.1", "1.22": "1.10.0", "1.23": "1.10.1", "1.24": "1.11.0",
          "1.25": "1.11.0", "1.26": "1.12.0"},
    GRPC: {"1.19": "1.50.1", "1.20": "1.55.0", "1.21": "1.58.3", "1.22": "1.64.0", "1.23": "1.70.0", "1.24": "1.74.2",
           "1.25": "1.78.0", "1.26": "1.85.0"},
    NET: {"1.19": "0.7.0", "1.20": "0.17.0", "1.21": "0.25.0", "1.22": "0.30.0", "1.23": "0.38.0", "1.24": "0.43.0",
          "1.25": "0.47.0", "1.26": "0.62.0"},
}


@dataclass(frozen=True)
class Framework:
    """The program, the modules it requires, and the flags it is started with."""

    program: str
    modules: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


FRAMEWORKS = {
    "nethttp": Framework("nethttp"),
    "mux": Framework("mux", (MUX,)),
    "gin": Framework("gin", (GIN,)),
    "grpc": Framework("grpc", (GRPC,)),
    "h2c": Framework("h2c", (NET,)),
    "tls": Framework("nethttp", (), ("-tls",)),
    "driver": Framework("driver", (GRPC, NET)),  # the client of all others
    "grpc_peer": Framework("grpc_peer", (GRPC,)),
    "unharmed": Framework("unharmed"),  # its own client
}


@dataclass(frozen=True)
class Mode:
    """A way of building."""

    options: tuple[str, ...] = ()
    linker: str = ""
    cgo: bool = False
    profiled: bool = False
    forced: bool = False  # with a profile that has the ends of requests inlined


MODES = {
    "default": Mode(),
    "stripped": Mode(linker="-s -w"),
    "pie": Mode(("-buildmode=pie",)),
    # With tags that keep cgo out, programs built so before Go 1.21 end at their start: golang/go#62173.
    "static-pie": Mode(("-buildmode=pie",), "-linkmode=external -extldflags=-static-pie", cgo=True),
    "cgo": Mode(linker="-linkmode=external", cgo=True),
    "pgo": Mode(profiled=True),
    FORCED: Mode(forced=True),
}


@dataclass(frozen=True)
class Cell:
    go: str
    mode: str
    framework: str

    def __str__(self) -> str:
        return f"go{self.go}-{self.mode}-{self.framework}"

    @property
    def flags(self) -> tuple[str, ...]:
        """What the program is started with, before its port."""
        return FRAMEWORKS[self.framework].flags


@functools.cache
def toolchain(go: str) -> Path:
    """The root of a toolchain; fetched as the Go module that it is, unless it is the machine's own."""
    program = required_program("go")
    own = subprocess.run([program, "env", "GOVERSION", "GOROOT"], capture_output=True, text=True, check=True,
                         env=clean_environment({"GOTOOLCHAIN": "local"}), cwd="/").stdout.split()
    if own[0].startswith(f"go{go}."):
        return Path(own[1])
    environment = clean_environment({"GOTOOLCHAIN": f"go{RELEASES[go]}", "GOFLAGS": ""})
    modules = subprocess.run([program, "env", "GOMODCACHE"], capture_output=True, text=True, check=True, cwd="/")
    root = Path(modules.stdout.strip()) / "golang.org" / f"toolchain@v0.0.1-go{RELEASES[go]}.linux-amd64"
    if not (root / "bin" / "go").exists():
        # Go fetches it and hands over to it. One of 1.17 may then fail over settings that it does not know.
        subprocess.run([program, "version"], env=environment, cwd="/", capture_output=True, check=False)
    if not (root / "bin" / "go").exists():
        raise AssertionError(f"toolchain go{RELEASES[go]} cannot be had")
    return root


def _go_environment(go: str, mode: Mode) -> dict[str, str]:
    # With its index Go 1.19 finds no package when its own root lies among the modules.
    index = {"GODEBUG": "goindex=0"} if go == "1.19" else {}
    return clean_environment(index | {
        "GOROOT": str(toolchain(go)), "GOENV": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off",
        "GOAMD64": "v1", "CGO_ENABLED": "1" if mode.cgo else "0",
    })


def _packages(program: str) -> list[str]:
    """Those of the folders in SOURCES that the program imports, directly or through another."""
    wanted, found = [program], []
    while wanted:
        folder = wanted.pop()
        for source in (SOURCES / folder).glob("*.go"):
            for package in re.findall(r'"target/(\w+)"', source.read_text()):
                if package not in found:
                    found.append(package)
                    wanted.append(package)
    return sorted(found)


def _lay_out(go: str, framework: Framework, folder: Path) -> None:
    """A module with the program and the packages that it needs."""
    shutil.copytree(SOURCES / framework.program, folder, dirs_exist_ok=True)
    for package in _packages(framework.program):
        shutil.copytree(SOURCES / package, folder / package)
    required = "".join(f"\t{module} v{MODULES[module][go]}\n" for module in framework.modules)
    language = go if int(go.split(".")[1]) < 21 else f"{go}.0"
    (folder / "go.mod").write_text(f"module target\n\ngo {language}\n\nrequire (\n{required})\n")


def _key(cell: Cell) -> str:
    framework = FRAMEWORKS[cell.framework]
    mode = MODES[cell.mode]
    version = (toolchain(cell.go) / "VERSION").read_text()
    digest = hashlib.sha256(repr((version, mode, framework.modules)).encode())
    if mode.forced:
        digest.update(Path(forced_profile.__file__).read_bytes())
    for module in framework.modules:
        digest.update(MODULES[module][cell.go].encode())
    for folder in [framework.program, *_packages(framework.program)]:
        for source in sorted((SOURCES / folder).glob("*.go")):
            digest.update(f"{folder}/{source.name}\n".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def _compile(cell: Cell, folder: Path, output: Path, profile: Path | None) -> None:
    mode = MODES[cell.mode]
    go = toolchain(cell.go) / "bin" / "go"
    environment = _go_environment(cell.go, mode)
    if FRAMEWORKS[cell.framework].modules:
        workshop.run([go, "mod", "tidy"], folder, environment)
    if mode.forced:
        profile = _forced_profile(cell, folder, environment)
    options = [*mode.options, *([f"-pgo={profile}"] if profile else [])]
    workshop.run([go, "build", "-trimpath", *options, f"-ldflags={mode.linker}", "-o", output, "."], folder, environment)


def _forced_profile(cell: Cell, folder: Path, environment: dict[str, str]) -> Path:
    """Beside the module in `folder`, whose dependencies are known by now."""
    root = toolchain(cell.go)
    calls = forced_profile.calls_of_package(root / "src" / "net" / "http", *forced_profile.NET_HTTP)
    if NET in FRAMEWORKS[cell.framework].modules:
        listed = subprocess.run([root / "bin" / "go", "list", "-f", "{{.Dir}}", forced_profile.XNET[0]], cwd=folder,
                                env=environment, capture_output=True, text=True, check=True)
        calls += forced_profile.calls_of_package(Path(listed.stdout.strip()), *forced_profile.XNET)
    profile = folder.with_name("forced.pprof")
    forced_profile.write_profile(profile, calls)
    return profile


def driver() -> Path:
    """The client that sends a known load to any target: see tests/targets/go/driver/main.go."""
    return program_of(Cell("1.26", "default", "driver"))


def _profiling_load(cell: Cell, port: int) -> list[str]:
    if cell.framework == "grpc":
        return ["grpc", "-address", f"127.0.0.1:{port}", "-passes", "100", "-connections", "4"]
    scheme, protocol = {"tls": ("https", "h2"), "h2c": ("http", "h2c")}.get(cell.framework, ("http", "h1"))
    where = ["-url", f"{scheme}://127.0.0.1:{port}", "-protocol", protocol]
    return ["load", *where, "-connections", "4", "-seconds", str(PROFILE_SECONDS)]


def _profile_of(cell: Cell, program: Path, folder: Path) -> Path:
    """A CPU profile of the program under a load: it makes the compiler inline what a request runs through."""
    profile = folder / "cpu.pprof"
    server = subprocess.Popen([program, *cell.flags, "-profile", profile, "0"], stdout=subprocess.PIPE)
    try:
        port = int(server.stdout.readline().split()[1])
        subprocess.run([driver(), *_profiling_load(cell, port)], check=True, stdout=subprocess.DEVNULL)
    finally:
        end_process(server)  # SIGTERM makes it write the profile
    if not profile.stat().st_size:
        raise AssertionError(f"{cell}: the profile is empty")
    return profile


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """No other process builds the same meanwhile: scripts may run in parallel."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def program_of(cell: Cell) -> Path:
    """The built program of a cell."""
    program = FRAMEWORKS[cell.framework].program
    name = f"{program}-{cell.go}-{cell.mode}-{_key(cell)}"
    output = CACHE / name / program
    with _alone(name):
        if not output.exists():
            with tempfile.TemporaryDirectory(prefix="beyla-go-") as scratch:
                _build(cell, Path(scratch), output)
    return output


def _build(cell: Cell, scratch: Path, output: Path) -> None:
    _lay_out(cell.go, FRAMEWORKS[cell.framework], scratch / "target")
    profile = None
    if MODES[cell.mode].profiled:
        _compile(cell, scratch / "target", scratch / "plain", None)
        profile = _profile_of(cell, scratch / "plain", scratch)
    _compile(cell, scratch / "target", scratch / "built", profile)
    output.parent.mkdir(parents=True, exist_ok=True)
    # From another file system a move would show half a program to who doesn't take the lock.
    shutil.move(scratch / "built", output.with_name("new"))
    output.with_name("new").rename(output)
