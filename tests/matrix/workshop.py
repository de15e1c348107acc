"""Builds and fetches what the rows of the matrix run, once, into a folder that is kept."""
from __future__ import annotations

import fcntl
import functools
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Mapping, Sequence

from harness import REPOSITORY, clean_environment, required_program
from targets import go_environment

PROGRAMS = REPOSITORY / "tests" / "targets"
CACHE = Path(os.environ.get("BEYLA_MATRIX_CACHE", REPOSITORY / "build" / "matrix_cache"))
NICE = ("nice", "-n", "10")  # a build must not starve what is being measured beside it


def made_cache() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE


@contextmanager
def building(output: Path, *sources: Path) -> Iterator[bool]:
    """True inside if `output` must be made: it is missing or older than a source. Scripts may run in parallel."""
    with open(made_cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max((source.stat().st_mtime for source in sources), default=0)
        yield not output.exists() or output.stat().st_mtime < newest


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        [*NICE, *map(str, command)], cwd=folder, env=environment or clean_environment({}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")


@functools.cache
def go_program(name: str, source: str) -> Path:
    folder, built = PROGRAMS / source, CACHE / name
    with building(built, folder / "main.go", folder / "go.mod") as needed:
        if needed:
            run([required_program("go"), "build", "-o", built, "."], folder, go_environment())
    return built


@functools.cache
def java_classes(source: str) -> Path:
    """The folder of the compiled classes of a program that needs the JDK alone."""
    (program,) = (PROGRAMS / source).glob("*.java")
    built = CACHE / source.replace("/", "_")
    made = built / f"{program.stem}.class"
    with building(made, program) as needed:
        if needed:
            run([required_program("javac"), "-d", built, program], PROGRAMS)
    return built


@functools.cache
def maven_class_path(source: str) -> str:
    """Of a program in one file, Server.java, and of what its pom.xml names."""
    folder, built = PROGRAMS / source, CACHE / source
    jars = built / "lib"
    made = built / "Server.class"
    with building(made, folder / "Server.java", folder / "pom.xml") as needed:
        if needed:
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
            run([required_program("mvn"), "-q", "-B", "-f", folder / "pom.xml", *goal], CACHE)
            run([required_program("javac"), "-cp", f"{jars}/*", "-d", built, folder / "Server.java"], CACHE)
    return f"{jars}/*:{built}"


@functools.cache
def axum_program() -> Path:
    folder, built = PROGRAMS / "axum_server", CACHE / "axum_server"
    program = built / "release" / "axum_server"
    with building(program, folder / "src" / "main.rs", folder / "Cargo.lock") as needed:
        if needed:
            environment = clean_environment({"CARGO_TARGET_DIR": str(built)})
            run([required_program("cargo"), "build", "--release", "--locked", "-j", "1"], folder, environment)
    return program


@functools.cache
def native_tls_program(name: str) -> Path:
    folder, built = PROGRAMS / "native_tls", CACHE / "native_tls"
    program = built / "release" / name
    with building(program, *(folder / "src" / "bin").iterdir(), folder / "Cargo.lock") as needed:
        if needed:
            environment = clean_environment({"CARGO_TARGET_DIR": str(built)})
            run([required_program("cargo"), "build", "--release", "--locked", "-j", "1"], folder, environment)
            for made in (built / "release").glob("native_tls_*"):
                made.touch()  # cargo leaves what has not changed as old as it is
    return program


# Debian's own build, whose OpenSSL is the system's; what it needs beside that stands with it.
DEBIAN_NODE_PACKAGES = (
    "nodejs", "libnode108", "libuv1", "libicu72", "libc-ares2", "libnghttp2-14", "libbrotli1", "node-acorn",
    "node-cjs-module-lexer", "node-undici",
)


@functools.cache
def debian_node() -> Path:
    """Unpacked into the cache beside whatever Node is installed."""
    built = CACHE / "debian_node"
    made = built / "complete"
    with building(made) as needed:
        if needed:
            built.mkdir(exist_ok=True)
            run(["apt-get", "-q", "download", *(f"{name}/bookworm" for name in DEBIAN_NODE_PACKAGES)], built)
            for package in built.glob("*.deb"):
                run(["dpkg", "-x", package, built], built)
            made.touch()
    return built / "usr" / "bin" / "node"


def debian_node_command(program: str | Path, *arguments: str | Path) -> list[str | Path]:
    """It reads parts of itself below /usr/share: they are laid over it in a mount namespace of its own."""
    debian_node()
    usr = CACHE / "debian_node" / "usr"
    script = (
        f"mount -t overlay -o lowerdir={usr}/share:/usr/share overlay /usr/share && "
        f'LD_LIBRARY_PATH={usr}/lib/x86_64-linux-gnu exec "$@"'
    )
    return [required_program("unshare"), "--mount", "sh", "-c", script, "sh", program, *arguments]


@functools.cache
def python_packages() -> Path:
    """The folder of the programs of a virtual environment with the pinned packages."""
    requirements, built = Path(__file__).with_name("requirements.txt"), CACHE / "python"
    made = built / "complete"
    with building(made, requirements) as needed:
        if needed:
            run([sys.executable, "-m", "venv", "--clear", built], CACHE)
            run([built / "bin" / "pip", "install", "-q", "--no-deps", "-r", requirements], CACHE)
            made.touch()
    return built / "bin"


@functools.cache
def node_modules() -> Path:
    folder, built = PROGRAMS / "fastify_server", CACHE / "fastify_server"
    made = built / "node_modules" / "fastify" / "package.json"
    with building(made, folder / "package-lock.json") as needed:
        if needed:
            built.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, built)
            run([required_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], built)
            made.touch()
    return built / "node_modules"


def duplicate(source: Path, target: Path) -> Path:
    """The same program under a path that no other process runs from: a hard link where that can be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
