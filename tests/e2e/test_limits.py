"""Little of everything: open files, locked memory, processes. The agent works with what it has, or says what it lacks."""
from __future__ import annotations

import contextlib
import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BEYLA_BINARY, Agent, free_port, main, required_program, settle, wait_until
from http_client import Request, send_once
from identity_targets import ChosenPid, ask, build_c, copy_as
from processes import SPAWNER, named
from targets import GoServer
from test_powers import CAPABILITIES

TARGETS = 200
REFUSED = "as many processes and threads as it may: ulimit -u"
ENOUGH = 64
CLOSERS = 16  # threads of the broker, LinkCloser::kThreads
USERS = range(200_000, 900_000)  # of whom nobody else runs anything


def as_user_with(uid: int, processes: int) -> list[str]:
    """Starts the agent with its capabilities as that user, who may have so many processes and threads."""
    given = ",".join(f"+{name}" for name in CAPABILITIES)
    return [
        required_program("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", f"--inh-caps=-all,{given}",
        f"--ambient-caps=-all,{given}", f"--bounding-set=-all,{given}", required_program("prlimit"),
        f"--nproc={processes}:{ENOUGH}", str(BEYLA_BINARY),
    ]


def give_enough(uid: int, pid: int) -> None:
    """By the user itself: another needs CAP_SYS_RESOURCE, which root in a container may lack."""
    change = ["--pid", str(pid), f"--nproc={ENOUGH}:{ENOUGH}"]
    become = [required_program("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    subprocess.run([*become, required_program("prlimit"), *change], check=True)


class FewFilesTest(unittest.TestCase):
    def test_two_hundred_targets_and_256_files(self) -> None:
        """Half of them ran before; no memory may be locked, either."""
        command = [required_program("prlimit"), "--nofile=256:256", "--memlock=0:0", str(BEYLA_BINARY)]
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beyla-limits-")))
            program = copy_as(build_c("identity_server"), folder, "one-of-many")
            ports: list[int] = []
            while len(ports) < TARGETS:
                ports += {free_port()} - set(ports)
            half = TARGETS // 2
            for port in ports[:half]:
                stack.callback(ChosenPid(program, port).kill)
            agent = stack.enter_context(Agent({"EXECUTABLE_NAME": folder.name}, command))
            for port in ports[half:]:
                stack.callback(ChosenPid(program, port).kill)
            for port in ports:
                ask(port)
            settle(lambda: agent.scrape().services()[program.name] == TARGETS, 10)
            metrics = agent.scrape()
            self.assertEqual(metrics.services(), {program.name: TARGETS})
            self.assertEqual(metrics.total("beyla_targets"), TARGETS)


class FewProcessesTest(unittest.TestCase):
    """The broker with its threads, the spawner and a worker or the processor; this one has two more threads."""

    WITHOUT_CHILD, WITHOUT_THREADS = (0, 1, 2, 3, 9, CLOSERS + 1, CLOSERS + 2), (CLOSERS + 3, CLOSERS + 4)

    def setUp(self) -> None:
        self.uid = random.choice(USERS)

    def test_too_few_to_start(self) -> None:
        for limit in self.WITHOUT_CHILD:
            with self.subTest(limit):
                environment = {"OPEN_PORT": "1", "PRINT_TRACES": "true", "PATH": os.environ["PATH"]}
                done = subprocess.run(
                    as_user_with(self.uid, limit), env=environment, capture_output=True, text=True, timeout=20
                )
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(REFUSED, done.stderr)

    def test_too_few_for_a_thread(self) -> None:
        """It says so, tries again less and less often, and works as soon as there is room."""
        for limit in self.WITHOUT_THREADS:
            with self.subTest(limit), GoServer() as server:
                with Agent({"OPEN_PORT": str(server.port)}, as_user_with(self.uid, limit)) as agent:
                    wait_until(lambda: "the next start is in" in agent.stderr(), 10, "it waits between starts")
                    self.assertIn(REFUSED, agent.stderr())
                    give_enough(self.uid, named(agent.pid, SPAWNER))
                    send_once(server.port, Request("GET", "/hello"))
                    agent.wait_for_line("200 GET /hello ", timeout=10)
                    self.assertEqual(agent.scrape().requests().total(), 1)


if __name__ == "__main__":
    main()
