"""Names of executables and services that would write a line of their own, move the cursor or climb a folder: shown on
one line, in the log, in trace lines and in /metrics, and otherwise as harmless as any other."""
from __future__ import annotations

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import Agent, main, required_program
from http_client import Request, send_once
from targets import GoServer, build_go_server

UGLY = (
    "two\nlines msg=all_is_well", "..", "..\x1b[2J\x1b]0;title\x07", "back\rspace\x08\x08", "\u202eright to left\u2028", '"} 1\nup 1',
    "x" * 250, "%s%n{}",
)


class UglyNamesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="beyla-ugly-")))

    def executable(self, index: int, name: str) -> Path:
        folder = self.folder / str(index) / ("in\n" + name.replace("..", ".. "))
        folder.mkdir(parents=True)
        return Path(shutil.copy(build_go_server(), folder / (name if name != ".." else "...")))

    def check(self, servers: list[GoServer], **environment: str) -> Agent:
        ports = ",".join(str(server.port) for server in servers)
        with Agent({"OPEN_PORT": ports} | environment) as agent:
            for number, server in enumerate(servers):
                send_once(server.port, Request("GET", f"/to/{number}"))
                agent.wait_for_line(f"GET /to/{number} ")
            self.assertEqual(len(agent.traces()), len(servers))
            said = [line for line in agent.stderr().split("\n") if "instrumenting service=" in line]
            self.assertEqual(len(said), len(servers), agent.stderr())
            for line in agent.stderr().split("\n")[:-1]:
                self.assertTrue(line.isprintable(), ascii(line))
                self.assertTrue(line.startswith("time="), ascii(line))
                self.assertLess(len(line), 2048)
            metrics = agent.scrape()
            self.assertEqual(metrics.requests().total(), len(servers))
            checked = subprocess.run(
                [required_program("promtool"), "check", "metrics"], input=metrics.text.encode(), capture_output=True
            )
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, b""))
        return agent

    def start(self, servers: list[GoServer]) -> list[GoServer]:
        for server in servers:
            server.start(wait=False)
            self.addCleanup(server.stop)
        for server in servers:
            server.wait_ready()
        return servers

    def test_of_executables(self) -> None:
        self.check(self.start([GoServer(None, None, self.executable(*each)) for each in enumerate(UGLY)]))

    def test_of_services(self) -> None:
        self.check(self.start([GoServer(None, {"OTEL_SERVICE_NAME": name}) for name in UGLY]))

    def test_as_selector(self) -> None:
        """A part of a path is compared, and nothing else is done with it."""
        for number, name in enumerate(("two\nlines", "in\n.. \x1b[2J")):
            server = self.start([GoServer(None, None, self.executable(number, name.replace("in\n.. ", "..")))])[0]
            with self.subTest(ascii(name)), Agent({"EXECUTABLE_NAME": name}) as agent:
                send_once(server.port, Request("GET", "/named"))
                agent.wait_for_line("GET /named ")
                self.assertTrue(all(line.isprintable() for line in agent.stderr().split("\n")), ascii(agent.stderr()))


if __name__ == "__main__":
    main()
