"""gRPC implementations as servers and as clients: tests/targets/grpc, one program in each language; see the README there."""
from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Sequence

from harness import REPOSITORY, clean_environment, end_process, free_port, required_program, wait_until
from targets import PROGRAMS, Server

sys.path.insert(0, str(REPOSITORY / "tests" / "matrix"))

import workshop  # noqa: E402
from go_builds import Cell, program_of  # noqa: E402

PEERS_FOLDER = PROGRAMS / "grpc"
LAUNCHER = PEERS_FOLDER / "with_listener.py"
START_SECONDS = 10
GRPC_CPP_MODULE = "grpc++"  # of pkg-config
CALL_SECONDS = 60


@dataclass(frozen=True)
class Peer:
    name: str
    command: Callable[[], Sequence[str | Path]]
    environment: Callable[[], Mapping[str, str]] = dict
    in_ci: bool = False
    codes_of_deadline: tuple[int, ...] = (4,)  # by its client's word
    answers_of_deadline: tuple[int, ...] = ()  # that its server gives
    code_of_broken: int = 14  # of a connection
    code_of_unsent: int | None = None  # of a call that found its connection going, where such are not sent again
    visible_tls: bool = False  # its TLS library is one whose plaintext is seen


@dataclass(frozen=True)
class Call:
    """A line for a client, see the README."""

    method: str
    query: str
    messages: int = 1
    bytes: int = 0
    timeout_ms: int = 0
    cancel_ms: int = 0
    metadata_bytes: int = 0
    compress: bool = False

    def __str__(self) -> str:
        numbers = (self.messages, self.bytes, self.timeout_ms, self.cancel_ms, self.metadata_bytes, int(self.compress))
        return " ".join([self.method, *map(str, numbers), self.query])


def go_command() -> list[Path]:
    return [program_of(Cell("1.26", "default", "grpc_peer"))]


def grpcio_command() -> list[Path]:
    return [workshop.python_packages() / "python", PEERS_FOLDER / "grpcio" / "peer.py"]


@functools.cache
def grpc_js_modules() -> Path:
    source, built = PEERS_FOLDER / "grpc_js", workshop.CACHE / "grpc_js"
    made = built / "complete"
    with workshop.building(made, source / "package-lock.json") as needed:
        if needed:
            built.mkdir(exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, built)
            workshop.run([required_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], built)
            made.touch()
    return built / "node_modules"


def grpc_js_command() -> list[str | Path]:
    return [required_program("node"), PEERS_FOLDER / "grpc_js" / "peer.js"]


def grpc_js_environment() -> dict[str, str]:
    return {"NODE_PATH": str(grpc_js_modules())}


@functools.cache
def grpc_cpp_command() -> list[Path]:
    folder, built = PEERS_FOLDER / "grpc_cpp", workshop.CACHE / "grpc_cpp"
    sources = sorted(folder.glob("*.cpp"))
    with workshop.building(built, *sources, folder / "peer.h") as needed:
        if needed:
            flags = subprocess.run([required_program("pkg-config"), "--cflags", "--libs", GRPC_CPP_MODULE],
                                   capture_output=True, text=True, check=True).stdout.split()
            workshop.run([required_program("g++"), "-std=c++20", "-O1", "-o", built, *sources, *flags], folder)
    return [built]


@functools.cache
def grpc_netty_command() -> list[str | Path]:
    folder, built = PEERS_FOLDER / "grpc_netty", workshop.CACHE / "grpc_netty"
    sources, jars, made = sorted(folder.glob("*.java")), built / "lib", built / "Peer.class"
    with workshop.building(made, *sources, folder / "pom.xml") as needed:
        if needed:
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
            workshop.run([required_program("mvn"), "-q", "-B", "-f", folder / "pom.xml", *goal], workshop.CACHE)
            workshop.run([required_program("javac"), "-cp", f"{jars}/*", "-d", built, *sources], workshop.CACHE)
    return [required_program("java"), "-cp", f"{jars}/*:{built}", "Peer"]


@functools.cache
def tonic_command() -> list[Path]:
    folder, built = PEERS_FOLDER / "tonic", workshop.CACHE / "tonic"
    program = built / "release" / "tonic_peer"
    with workshop.building(program, *folder.glob("src/*.rs"), folder / "Cargo.lock") as needed:
        if needed:
            environment = clean_environment({"CARGO_TARGET_DIR": str(built)})
            workshop.run([required_program("cargo"), "build", "--release", "--locked", "-j", "1"], folder, environment)
    return [program]


def web_command() -> list[str | Path]:
    return [sys.executable, PEERS_FOLDER / "web_client.py"]


TONIC = Peer("tonic", tonic_command, codes_of_deadline=(1,), answers_of_deadline=(1,), code_of_broken=2, code_of_unsent=1)
WEB = Peer("gRPC-Web", web_command)  # a client only, of servers that know it
GO = Peer("grpc-go", go_command)
PEERS = (
    # A server's reset at the deadline may come before the client's own clock.
    Peer("grpcio", grpcio_command, in_ci=True, codes_of_deadline=(4, 1)),
    Peer("grpc-js", grpc_js_command, grpc_js_environment, in_ci=True, visible_tls=True, codes_of_deadline=(4, 1)),
    Peer("grpc++", grpc_cpp_command, in_ci=True, visible_tls=True, codes_of_deadline=(4, 1)),
    Peer("grpc-netty", grpc_netty_command, codes_of_deadline=(4, 1)),
    TONIC,
)


class PeerServer(Server):
    def __init__(self, peer: Peer, environment: Mapping[str, str]) -> None:
        super().__init__(environment={**peer.environment(), **environment})
        self.peer, self.name = peer, peer.name

    def command(self) -> list[str]:
        return [*map(str, self.peer.command()), "serve", str(self.port)]


class PeerClient:
    """A client that waits for its calls. It holds a listener, by whose port it is selected: of those that accept nothing an
    agent learns when it starts, so it must be there before."""

    def __init__(self, peer: Peer, environment: Mapping[str, str]) -> None:
        self.peer, self.port = peer, free_port()
        self._environment = clean_environment({**peer.environment(), **environment})

    def start(self, server_port: int, at_once: int) -> None:
        launcher = [sys.executable, LAUNCHER, self.port]
        command = [*launcher, *self.peer.command(), "call", server_port, at_once]
        self.process = subprocess.Popen([str(word) for word in command], env=self._environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(self._is_itself, START_SECONDS, f"{self.peer.name} has replaced its launcher")

    def _is_itself(self) -> bool:
        return LAUNCHER.name not in Path(f"/proc/{self.process.pid}/cmdline").read_text()

    def stop(self) -> None:
        end_process(self.process)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()

    def make(self, calls: Sequence[Call]) -> list[int]:
        """How each call ended, by the client's own word."""
        lines = "".join(f"{call}\n" for call in calls)
        output, errors = self.process.communicate(lines, CALL_SECONDS)
        if self.process.returncode != 0:
            raise AssertionError(f"{self.peer.name} as client ended with {self.process.returncode}:\n{errors[-2000:]}")
        codes = [int(line.split()[1]) for line in output.splitlines()]
        if len(codes) != len(calls):
            raise AssertionError(f"{self.peer.name} as client told of {len(codes)} calls of {len(calls)}:\n{errors[-2000:]}")
        return codes
