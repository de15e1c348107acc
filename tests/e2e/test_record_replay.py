"""`beyla record` and `beyla replay`: what is replayed is what was said live, and nothing private is in the file."""
from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import unittest
from pathlib import Path
from typing import Iterator

from harness import BEYLA_BINARY, FULL, REPOSITORY, Agent, clean_environment, free_port, main, wait_until
from http_client import Request, run_load, send_once
from targets import EchoServer, GoServer, Nginx, PythonServer, Server

sys.path.insert(0, str(REPOSITORY / "tests" / "captures"))
from recording import (  # noqa: E402
    PrivateServer, all_conversations, common_conversations, record, requests_part, same_lines,
)
from replaying import Replayer  # noqa: E402
from traffic import SECRET_MARK, Conversation, body_of, large_body, query, secret, split_heads  # noqa: E402

LOAD_REQUESTS = 20_000 if FULL else 2_000
CONNECTIONS = 8
SMALL_DISK_BYTES = 64 * 1024
PIPE_BYTES = 4096  # the least that Linux allows


class RecordReplayTest(unittest.TestCase):
    def setUp(self) -> None:
        self.replayer = self.enterContext(Replayer(BEYLA_BINARY))
        self.file = self.replayer.folder / "run.beyla"

    def recorder(self, server: Server) -> Agent:
        environment = {"OPEN_PORT": str(server.port), "TZ": "UTC"}
        return Agent(environment, [str(BEYLA_BINARY), "record", str(self.file)])

    def replayed(self, *options: str) -> str:
        return self.replayer.output(self.replayer.take(self.file), *options)

    def check(self, server: Server, conversations: list[Conversation]) -> None:
        live = record(server, conversations, self.file)
        self.assertEqual(sorted(live.said(), key=str), live.expected)
        replayed = self.replayed()
        self.assertTrue(same_lines(live.lines, replayed), f"live:\n{live.lines}\nreplayed:\n{replayed}")
        self.assertEqual(requests_part(live.page), requests_part(self.replayed("--metrics")))
        self.assert_nothing_private()

    def assert_nothing_private(self) -> None:
        content = self.file.read_bytes()
        leaks = re.findall(rb"[^\n]{0,40}" + SECRET_MARK.encode() + rb"[\w-]*", content)
        self.assertEqual(leaks, [])

    def test_go(self) -> None:
        self.check(GoServer(), [*all_conversations(), split_heads(1), large_body()])

    def test_nginx(self) -> None:
        self.check(Nginx(), common_conversations())

    def test_private_answers(self) -> None:
        streamed = Conversation()
        streamed.write(streamed.add(f"GET {query('/stream')}"))
        self.check(PrivateServer(), [*all_conversations(), large_body(), streamed])

    def test_many_requests_and_a_slow_reader(self) -> None:
        with GoServer() as server, self.recorder(server) as agent:
            sent = run_load(server.port, LOAD_REQUESTS, CONNECTIONS, server.mix)
            self.assertEqual(sent.errors, [])
            metrics = agent.wait_for_requests(sent.counts)
            self.assertEqual(metrics.requests(), sent.counts)
            self.assertEqual(agent.stop(), 0)
            live = agent.stdout()
        recording = self.replayer.take(self.file)
        replayed = read_slowly(self.replayer.command(recording))
        self.assertEqual(len(replayed.splitlines()), LOAD_REQUESTS)
        self.assertTrue(same_lines(live, replayed))
        self.assertEqual(requests_part(metrics.text), requests_part(self.replayed("--metrics")))

    def test_bytes_of_other_protocols_stay_private(self) -> None:
        texts = (
            f"\x00\x01{secret('binary')}",
            f"HELLO {secret('line')}\r\n",
            f"GET /no-version\r\n{secret('colonless')}\r\n\r\n",
            f"GET /?{secret('query-without-value')} HTTP/1.1\r\n\r\n",
            f"CONNECT user:{secret('userinfo')}@localhost:1 HTTP/1.1\r\nHost: x\r\n\r\n",
            f"GET http://user:{secret('absolute')}@localhost/ HTTP/1.1\r\nHost: x\r\n\r\n",
            f"TOKEN{secret('word').upper()}",
            f"CONNECT localhost:1 HTTP/1.1\r\nHost: x\r\n\r\n{secret('tunnel')}",
            f"GET / HTTP/1.1\r\nX-Folded: a\r\n {secret('folded')}\r\n\r\n",
            f"GET /?{'a' * 9000}={secret('long')} HTTP/1.1\r\n\r\n",
        )
        with EchoServer() as server, self.recorder(server) as agent:
            for text in texts:
                echo(server.port, text.encode())
                echo(server.port, *[bytes([byte]) for byte in text.encode()])
            agent.quiet_metrics()
        self.assert_nothing_private()
        content = self.file.read_bytes()
        self.assertNotIn(SECRET_MARK.upper().encode(), content)
        self.replayed()

    def test_a_connection_joined_in_a_body_stays_private(self) -> None:
        with PythonServer() as server, socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            body = body_of("joined", 2_000)
            request = Conversation().add("POST /early", body=body)
            connection.sendall(request[: -len(body) + 10])
            with self.recorder(server) as agent:
                connection.sendall(request[-len(body) + 10 :])
                self.assertTrue(connection.recv(65536))
                connection.sendall(Conversation().add(f"GET {query('/late')}"))
                agent.wait_for_line(" 200 GET /late ")
                self.assertEqual(agent.stop(), 0)
                live = agent.stdout()
        self.assert_nothing_private()
        self.assertTrue(same_lines(live, self.replayed()))

    def test_a_recording_cut_by_kill_is_usable(self) -> None:
        with PythonServer() as server, self.recorder(server) as agent:
            self.assertEqual(send_once(server.port, Request("GET", "/before")), 200)
            agent.wait_for_line(" 200 GET /before ")
            wait_until(lambda: b"/before" in self.file.read_bytes(), 2, "the request is in the file")
            os.kill(agent.processor_pid, signal.SIGKILL)
            # Its memory is gone, so nobody could go on with the recording.
            self.assertEqual(agent.wait_for_end(), 1)
            self.assertIn("no other can go on for it", agent.stderr().splitlines()[-1])
        replayed = self.replayer.replay(self.replayer.take(self.file))
        self.assertEqual(replayed.exit_code, 2)
        self.assertIn(" 200 GET /before ", replayed.stdout)
        size = self.file.stat().st_size
        self.assertEqual(
            replayed.stderr,
            f"beyla: {self.file}: cut short behind byte {size}, what stands before is replayed\n",
        )

    def test_a_full_disk_ends_the_agent_with_an_error(self) -> None:
        with small_disk(self.replayer.folder / "disk") as disk, GoServer() as server:
            self.file = disk / "run.beyla"
            with self.recorder(server) as agent:
                run_load(server.port, 1_000, CONNECTIONS, server.mix)
                wait_until(lambda: agent.process.poll() is not None, 10, "the agent ends")
                self.assertEqual(agent.stop(), 2)
                self.assertEqual(
                    agent.stderr().splitlines()[-1],
                    f"beyla: cannot write {self.file}, the recording ends here: No space left on device",
                )
            replayed = self.replayer.replay(self.replayer.take(self.file))
        self.assertEqual(replayed.exit_code, 2)
        self.assertIn("cut short behind byte ", replayed.stderr)
        self.assertGreater(len(replayed.stdout.splitlines()), 10)

    def test_the_file_is_private_and_never_replaced(self) -> None:
        with PythonServer() as server:
            with self.recorder(server):
                self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
            before = self.file.read_bytes()
            second = self.start_anew(server, {})
            self.assertEqual(second.returncode, 2)
            self.assertIn(f"{self.file} exists: a recording never replaces a file", second.stderr)
            self.assertEqual(self.file.read_bytes(), before)

    def test_a_failed_start_leaves_no_file(self) -> None:
        with PythonServer() as server:
            failed = self.start_anew(server, {"BEYLA_PROMETHEUS_PORT": str(server.port),
                                              "BEYLA_PROMETHEUS_ADDRESS": "127.0.0.1"})
        self.assertEqual(failed.returncode, 2)
        self.assertIn("Address already in use", failed.stderr)
        self.assertFalse(self.file.exists())

    def start_anew(self, server: Server, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        variables = {"OPEN_PORT": str(server.port), "PRINT_TRACES": "true"} | environment
        return subprocess.run(
            [str(BEYLA_BINARY), "record", str(self.file)], env=clean_environment(variables),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
        )


class DocumentationTest(unittest.TestCase):
    """Every command of the section on recordings in docs/troubleshooting.md, in its order."""

    def test_commands(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="beyla-docs-")))
        port = free_port()
        commands = [command.replace("8080", str(port)) for command in documented_commands()]
        self.assertTrue(commands)
        environment = clean_environment({"PATH": f"{BEYLA_BINARY.parent}:{os.environ['PATH']}"})
        record_command, *others = commands
        self.assertIn("beyla record ", record_command)
        with PythonServer(port) as server, open(folder / "log", "w") as log:
            recorder = subprocess.Popen(
                ["bash", "-c", "exec " + record_command.replace("sudo ", "env ")], cwd=folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
            )
            wait_until(lambda: "instrumentation ready" in (folder / "log").read_text(), 20, "the agent is ready")
            self.assertEqual(send_once(server.port, Request("GET", "/documented")), 200)
            recorder.send_signal(signal.SIGINT)
            self.assertEqual(recorder.wait(10), 0)
        outputs = [
            subprocess.run(["bash", "-c", command.replace("sudo ", "")], cwd=folder, env=environment, check=True,
                           capture_output=True, text=True, timeout=20).stdout
            for command in others
        ]
        self.assertTrue(any(" 200 GET /documented " in output for output in outputs), outputs)
        self.assertTrue(any("http_server_duration_seconds_count" in output for output in outputs), outputs)


def documented_commands() -> list[str]:
    text = (REPOSITORY / "docs" / "troubleshooting.md").read_text()
    section = text.split("## Recording what happened", 1)[1].split("\n## ", 1)[0]
    return [line[2:] for line in section.splitlines() if line.startswith("$ ")]


def echo(port: int, *pieces: bytes) -> None:
    """Sends the pieces, one call each, and reads as many bytes back, or until the other side ends."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def read_slowly(command: list[str]) -> str:
    """Runs the command with a small pipe for its output, of which nothing is read before it is full."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    with open(reading, "rb") as pipe:
        process = subprocess.Popen(command, env=clean_environment({"TZ": "UTC"}), stdout=writing)
        os.close(writing)
        wait_until(lambda: waiting_bytes(reading) == PIPE_BYTES, 10, "the pipe is full")
        output = pipe.read()
    if process.wait(10) != 0:
        raise AssertionError(f"{command} ended with {process.returncode}")
    return output.decode()


def waiting_bytes(pipe: int) -> int:
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES},mode=755", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


if __name__ == "__main__":
    main()
