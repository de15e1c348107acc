"""Secrets in every place of a message: none comes out of the agent, at any log level, and none stays in its memory.

FULL=1 sends 120,000. What stands in a path is shown: a trace line is made of it, and it proves the search.
"""
from __future__ import annotations

import base64
import os
import re
import socket
import subprocess
import sys
import unittest
from collections import Counter
from pathlib import Path
from typing import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "captures"))

from canaries import Canaries
from harness import BEYLA_BINARY, FULL, READY, Agent, clean_environment, free_port, is_listening, main, wait_until
from http_client import Request, send_once
from raw_http import Pace, Stage
from recording import PROXY_CONFIGURATION
from replaying import Replayer
from secret_messages import raw_conversations, request
from targets import PROGRAMS, GoServer, Nginx, Server

WANTED = 120_000 if FULL else 6_000
MIN_PLACES = 12
REQUESTS_PER_SERVER = 8  # in a round
RUNS = (("DEBUG", True), ("DEBUG", False), ("INFO", True), ("WARN", True), ("ERROR", True))  # level, recording
MEMORY_BLOCK = 1 << 20
PRIVATE_MEMORY = re.compile(r"(?P<begin>[0-9a-f]+)-(?P<end>[0-9a-f]+) rw-p \S+ \S+ 0 *(\[.*\])?$")


class MirrorServer(Server):
    """With a secret among its arguments."""

    name = "mirror"

    def __init__(self, secret: str, environment: dict[str, str]) -> None:
        super().__init__(environment=environment)
        self.secret = secret

    def command(self) -> list[str]:
        return [sys.executable, str(PROGRAMS / "mirror_server.py"), str(self.port), f"--password={self.secret}"]


class MirrorProxy(Nginx):
    """Is asked and asks."""

    name = "proxy"

    def __init__(self, behind: Server) -> None:
        super().__init__()
        self.behind = behind

    def configuration(self) -> str:
        return PROXY_CONFIGURATION.format(folder=self.folder, port=self.port, behind=self.behind.port)


class QuietAgent(Agent):
    """At a level that does not say when it is ready: it is when it shows a request."""

    probed_port = 0

    def _is_ready(self) -> bool:
        if super()._is_ready():
            return True
        if not is_listening(self.metrics_port):
            return False
        send_once(self.probed_port, Request("GET", "/probe"))
        return " GET /probe " in self.stdout()


def exchange(port: int, message: bytes) -> None:
    """Sends the request, which is refused or answered, and reads until the server has nothing more to say."""
    head, body = message.split(b"\r\n\r\n", 1)
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
        try:
            while connection.recv(65_536):
                pass
        except ConnectionResetError:
            pass  # refused with some of it unread


def processes_of(pid: int) -> Iterator[int]:
    """The process and all that it started, which are there."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes_of(int(child))


def memory_of(pid: int) -> Iterator[bytes]:
    """Heap, stacks and other private memory; what is shared with the kernel is not its to wipe."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for area in filter(None, map(PRIVATE_MEMORY.match, maps)):
            begin, end = int(area["begin"], 16), int(area["end"], 16)
            for at in range(begin, end, MEMORY_BLOCK):
                # Over the block's end, so that no canary is cut.
                yield os.pread(memory.fileno(), min(MEMORY_BLOCK + 64, end - at), at)


class SecretsTest(unittest.TestCase):
    maxDiff = None  # all leaks

    def setUp(self) -> None:
        self.replayer = self.enterContext(Replayer(BEYLA_BINARY))
        self.canaries = Canaries(seed=4711)
        private = {"DATABASE_PASSWORD": self.canaries.make("environment")}
        self.go = self.enterContext(GoServer(environment=private))
        self.mirror = self.enterContext(MirrorServer(self.canaries.make("argument"), private))
        self.proxy = self.enterContext(MirrorProxy(self.mirror))
        self.stage = self.enterContext(Stage(free_port(), free_port()))
        ports = (self.go.port, self.mirror.port, self.proxy.port, self.stage.port, self.stage.client_port)
        self.ports = ",".join(map(str, ports))
        self.sent = 0

    def start(self, level: str, recording: Path | None) -> Agent:
        command = [str(BEYLA_BINARY), *(["record", str(recording)] if recording else [])]
        agent = QuietAgent({"OPEN_PORT": self.ports, "LOG_LEVEL": level, "TZ": "UTC"}, command)
        agent.probed_port = self.go.port
        return agent

    def send_round(self) -> set[str]:
        """Returns the paths of those requests that servers understand or refuse."""
        paths = set()
        for variant in range(REQUESTS_PER_SERVER):
            for server in (self.go, self.mirror, self.proxy):
                self.sent += 1
                path = f"/{server.name}/{self.sent}"
                exchange(server.port, request(self.canaries, path, variant))
                paths.add(path)
        for conversation in raw_conversations(self.canaries):
            self.stage.play(conversation, Pace())
        return paths

    def say_doctor(self) -> dict[str, bytes]:
        said = subprocess.run(
            [str(BEYLA_BINARY), "doctor"], env=clean_environment({"OPEN_PORT": self.ports}), capture_output=True,
            stdin=subprocess.DEVNULL, timeout=60,
        )
        return {"doctor": said.stdout, "stderr of doctor": said.stderr}

    def say_replay(self, recording: Path) -> dict[str, bytes]:
        raw = recording.read_bytes()
        recording = self.replayer.take(recording)
        lines, page = self.replayer.replay(recording), self.replayer.replay(recording, "--metrics")
        self.assertEqual((lines.exit_code, page.exit_code), (0, 0))
        return {
            "recording": raw, "replay": lines.stdout.encode(), "stderr of replay": lines.stderr.encode(),
            "replay --metrics": page.stdout.encode(),
        }

    def run_agent(self, level: str, recording: Path | None, wanted: int) -> dict[str, bytes]:
        """Everything that comes out of a run with so many canaries."""
        end = self.canaries.made.total() + wanted
        with self.start(level, recording) as agent:
            paths = set()
            while self.canaries.made.total() < end:
                paths |= self.send_round()
            wait_until(lambda: paths <= {trace.split()[5] for trace in agent.lines()}, 30, "a line for each request")
            page = agent.quiet_metrics().text
            self.assertGreater(agent.scrape().total("beyla_connections_opaque_total"), 0)
            outputs = {"/metrics": page.encode(), **self.say_doctor()}
            for pid in processes_of(agent.pid):
                outputs[f"memory of {pid}"] = b"\n".join(memory_of(pid))
            self.assertEqual(agent.stop(), 0)
            outputs |= {"stdout": agent.stdout().encode(), "stderr": agent.stderr().encode()}
        self.assertEqual(READY in outputs["stderr"].decode(), level in ("DEBUG", "INFO"))
        return outputs | (self.say_replay(recording) if recording else {})

    def test_none_comes_out(self) -> None:
        leaks: dict[str, Counter[str]] = {}
        for number, (level, is_recorded) in enumerate(RUNS):
            recording = self.replayer.folder / f"{number}.beyla" if is_recorded else None
            outputs = self.run_agent(level, recording, WANTED // len(RUNS))
            for name, data in outputs.items():
                if found := self.canaries.found_in(data):
                    leaks[f"{level}{' recorded' if recording else ''}: {name}"] = found
        self.assertEqual(leaks, {})
        made = self.canaries.made
        print(f"{made.total()} canaries in {len(made)} places", flush=True)
        self.assertGreaterEqual(made.total(), WANTED)
        self.assertGreaterEqual(len(made), MIN_PLACES)

    def test_a_secret_in_a_path_is_shown(self) -> None:
        """In whatever form: were one of the others anywhere, the search would find it."""
        forms = {}
        for form in ("plain", "capitals", "hexadecimal", "percent", "base64 0", "base64 1", "base64 2"):
            text = self.canaries.make(form)
            encoded = {
                "plain": text, "capitals": text.upper(), "hexadecimal": text.encode().hex(),
                "percent": "".join(f"%{ord(letter):02x}" for letter in text),
            }.get(form) or base64.urlsafe_b64encode(b"+" * int(form[-1]) + text.encode()).decode().rstrip("=")
            forms[form] = encoded
        recording = self.replayer.folder / "path.beyla"
        with self.start("DEBUG", recording) as agent:
            for encoded in forms.values():
                send_once(self.go.port, Request("GET", f"/{encoded}"))
                agent.wait_for_line(f" GET /{encoded} ")
            page = agent.quiet_metrics().text
            self.assertEqual(agent.stop(), 0)
            lines, said = agent.stdout(), agent.stderr()
        outputs = self.say_replay(recording)
        for shown in (lines.encode(), outputs["recording"], outputs["replay"]):
            self.assertEqual(self.canaries.found_in(shown).keys(), forms.keys())
        for silent in (page.encode(), said.encode(), outputs["replay --metrics"]):
            self.assertEqual(self.canaries.found_in(silent), Counter())


if __name__ == "__main__":
    main()
