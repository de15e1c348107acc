"""Who is who: reused process ids, exec, fork storms, short-lived processes, nested namespaces, many connections."""
import contextlib
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness import FULL, Agent, end_process, free_port, is_listening, main, required_program, settle, wait_until
from identity_targets import ChosenPid, ask, build_c, copy_as, wait_listening
from observed import Metrics, is_balanced
from processes import resident_bytes
from targets import PROGRAMS

REQUESTS = 3  # of each life
MEBIBYTE = 1 << 20
MAX_GROWTH_BYTES = 4 * MEBIBYTE


def balanced_scrape(agent: Agent) -> Metrics | None:
    metrics = agent.scrape()
    return metrics if is_balanced(metrics) else None


class IdentityTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-identity-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.port = free_port()

    def server(self, word: str) -> Path:
        return copy_as(build_c("identity_server"), self.folder, word)

    def start(self, stack: contextlib.ExitStack, executable: Path, **options) -> ChosenPid:
        server = ChosenPid(executable, self.port, **options)
        stack.callback(server.kill)
        return server

    def assert_services(self, agent: Agent, expected: dict[str, int], timeout: float = 10) -> None:
        """Every request counted under its service, none lost, no process remembered that has ended."""
        settle(lambda: agent.scrape().services() == expected, timeout)
        # Not quiet_metrics: with a name selector every exec of this machine is an event.
        metrics = wait_until(lambda: balanced_scrape(agent), 15, "the books balance")
        self.assertEqual(dict(metrics.services()), expected)
        self.assertEqual(metrics.total("beyla_events_lost_total"), 0)
        self.assertEqual(metrics.total("beyla_exchanges_incomplete_total", reason="undecided"), 0)

    def assert_targets(self, agent: Agent, expected: int, timeout: float = 10) -> None:
        settle(lambda: agent.scrape().total("beyla_targets") == expected, timeout)
        self.assertEqual(agent.scrape().total("beyla_targets"), expected)


class PidReuseTest(IdentityTest):
    ROUNDS = 200 if FULL else 20

    def check_rounds(self, environment: dict[str, str]) -> None:
        """Two programs take turns under one and the same process id; each is asked at once."""
        programs = self.server("ada"), self.server("bob")
        with Agent(environment) as agent:
            pid = None
            for _ in range(self.ROUNDS):
                for program in programs:
                    server = ChosenPid(program, self.port, pid)
                    try:
                        ask(self.port, REQUESTS)
                    finally:
                        server.kill()
                    pid = server.pid
            self.assert_services(agent, {program.name: self.ROUNDS * REQUESTS for program in programs})
            self.assert_targets(agent, 0)

    def test_selected_by_port(self) -> None:
        self.check_rounds({"OPEN_PORT": str(self.port)})

    def test_selected_by_name(self) -> None:
        self.check_rounds({"EXECUTABLE_NAME": self.folder.name})

    def test_the_next_life_is_not_rejected_for_the_last_one(self) -> None:
        """The agent learns late, when the id is another's, that it doesn't want the process it was told of."""
        wanted, unwanted = self.server("wanted"), copy_as(build_c("identity_server"), self.folder, "other")
        environment = {"OPEN_PORT": str(self.port), "EXECUTABLE_NAME": f"/{wanted.name}"}
        with Agent(environment) as agent, contextlib.ExitStack() as stack:
            paused = stack.enter_context(contextlib.ExitStack())
            paused.enter_context(agent.paused())
            first = ChosenPid(unwanted, self.port)
            wait_listening(self.port)
            first.kill()
            gate_reader, gate_writer = os.pipe()
            second = self.start(stack, wanted, pid=first.pid, environment={"GATED": "1"}, stdin=gate_reader)
            exe = Path(f"/proc/{second.pid}/exe")
            wait_until(lambda: os.readlink(exe) == str(wanted), 5, "the second life has called exec")
            paused.close()
            agent.quiet_metrics()  # what it was told of the first life is read
            os.write(gate_writer, b"g")
            ask(self.port, REQUESTS)
            self.assert_services(agent, {wanted.name: REQUESTS})
            self.assert_targets(agent, 1)
            os.close(gate_reader)
            os.close(gate_writer)


class ExecTest(IdentityTest):
    def check_two_execs(self, environment: dict[str, str]) -> None:
        """Three images after one another in one process, on one listener that is never closed."""
        first, second = self.server("first"), self.server("second")
        with Agent(environment) as agent, contextlib.ExitStack() as stack:
            server = self.start(stack, first, environment={"NEXT_IMAGE": str(second)})
            ask(self.port, REQUESTS)
            for _ in range(2):  # the second time it becomes itself once more: another generation
                self.exec_into(server, second)
                ask(self.port, REQUESTS)
            self.assert_services(agent, {first.name: REQUESTS, second.name: 2 * REQUESTS})
            self.assert_targets(agent, 1)

    def test_exec_before_the_agent_has_looked(self) -> None:
        """The agent learns of the first image when the second has its place; nothing proposes the second but its
        first byte on the inherited listener."""
        first, second = self.server("first"), self.server("second")
        with Agent({"OPEN_PORT": str(self.port)}) as agent, contextlib.ExitStack() as stack:
            paused = stack.enter_context(contextlib.ExitStack())
            paused.enter_context(agent.paused())
            server = self.start(stack, first, environment={"NEXT_IMAGE": str(second)})
            wait_listening(self.port)
            self.exec_into(server, second)
            paused.close()
            agent.quiet_metrics()  # what it was told of the first image is read
            ask(self.port, REQUESTS)
            self.assert_services(agent, {second.name: REQUESTS})
            self.assert_targets(agent, 1)

    def test_requests_to_an_image_that_the_agent_never_saw(self) -> None:
        first, second = self.server("first"), self.server("second")
        with Agent({"OPEN_PORT": str(self.port)}) as agent, contextlib.ExitStack() as stack:
            paused = stack.enter_context(contextlib.ExitStack())
            paused.enter_context(agent.paused())
            server = self.start(stack, first, environment={"NEXT_IMAGE": str(second)})
            ask(self.port, REQUESTS)
            self.exec_into(server, second)
            ask(self.port, REQUESTS)
            paused.close()
            self.assert_services(agent, {first.name: REQUESTS, second.name: REQUESTS})

    def exec_into(self, server: ChosenPid, program: Path) -> None:
        before = execs_of(server.pid)
        os.kill(server.pid, signal.SIGUSR1)
        wait_until(
            lambda: os.readlink(f"/proc/{server.pid}/exe") == str(program) and execs_of(server.pid) != before, 5, "exec"
        )

    def test_selected_by_port(self) -> None:
        self.check_two_execs({"OPEN_PORT": str(self.port)})

    def test_selected_by_name(self) -> None:
        self.check_two_execs({"EXECUTABLE_NAME": self.folder.name})


def execs_of(pid: int) -> str:
    """What differs between two images of one process: the random bytes that exec puts on the stack."""
    return Path(f"/proc/{pid}/auxv").read_bytes().hex()


class ForkStormTest(IdentityTest):
    CHILDREN = 1000 if FULL else 200

    def test_children_that_answer_one_request_or_none(self) -> None:
        program = self.server("storm")
        with Agent({"OPEN_PORT": str(self.port)}) as agent, contextlib.ExitStack() as stack:
            server = self.start(stack, program, environment={"STORM": str(self.CHILDREN)})
            ask(self.port)
            os.kill(server.pid, signal.SIGUSR2)
            ask(self.port, self.CHILDREN)
            self.assert_targets(agent, 1)
            self.assert_services(agent, {program.name: self.CHILDREN + 1})


class ShortLivedTest(IdentityTest):
    PROCESSES = 20_000 if FULL else 1_500
    PER_SECOND = 300

    def check(self, environment: dict[str, str]) -> None:
        program = self.server("watched")
        with Agent(environment) as agent, contextlib.ExitStack() as stack:
            self.start(stack, program)
            ask(self.port, REQUESTS)
            self.assert_targets(agent, 1)
            before = resident_bytes(*agent.pids)
            command = [
                sys.executable, str(PROGRAMS / "short_lived.py"), str(self.PROCESSES), str(self.PER_SECOND),
                str(build_c("one_request")), str(self.port),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            clients, answered, seconds = done.stdout.split()
            self.assertEqual(answered, clients)
            self.assert_services(agent, {program.name: REQUESTS + int(answered)})
            self.assert_targets(agent, 1)
            growth = resident_bytes(*agent.pids) - before
            print(f"{self.PROCESSES} processes in {seconds} s, the agent grew by {growth / 1024:.0f} KiB", file=sys.stderr)
            self.assertLessEqual(growth, MAX_GROWTH_BYTES)

    def test_selected_by_port(self) -> None:
        self.check({"OPEN_PORT": str(self.port)})

    def test_selected_by_name(self) -> None:
        self.check({"EXECUTABLE_NAME": self.folder.name})


class SlowEndTest(IdentityTest):
    LIVES = 5

    def test_a_process_that_is_selected_while_it_ends_is_forgotten(self) -> None:
        """What the agent decides on it reaches the kernel after its last thread has left, before its end is told."""
        program = copy_as(build_c("slow_end"), self.folder, "slow")
        with Agent({"OPEN_PORT": str(self.port)}) as agent:
            for _ in range(self.LIVES):
                with agent.paused():  # until it has begun to end
                    process = subprocess.Popen([program, str(self.port)])
                    while process.poll() is None and not is_listening(self.port):
                        pass
                self.assertEqual(process.wait(10), 0)
            self.assert_targets(agent, 0)


class NamespaceTest(IdentityTest):
    DEPTH = 3
    NEW = ("-pfmn", "--mount-proc", "--kill-child")

    def nested(self, programs: list[Path], new: tuple[str, ...] = NEW) -> list[str]:
        """A command that runs the first program in namespaces of its own, and the next ones inside of these."""
        serve = shlex.join([str(programs[0]), str(self.port)])
        inner = f"{serve} & exec {shlex.join(self.nested(programs[1:]))}" if programs[1:] else f"exec {serve}"
        script = f"{required_program('ip')} link set lo up; {inner}"
        return [required_program("unshare"), *new, "sh", "-c", script]

    def run_nested(self, stack: contextlib.ExitStack, command: list[str]) -> None:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stack.callback(end_process, process, signal.SIGKILL)

    def ask_inside(self, program: Path) -> None:
        """Requests over the loopback of the program's own network namespace."""
        pid = wait_until(lambda: pid_of(program), 10, f"{program.name} runs")
        client = [required_program("nsenter"), "-t", str(pid), "-n", str(build_c("one_request")), str(self.port), "/"]
        wait_until(lambda: subprocess.run(client).returncode == 0, 10, f"{program.name} answers")
        for _ in range(REQUESTS - 1):
            self.assertEqual(subprocess.run(client).returncode, 0)

    def check(self, environment: dict[str, str], agent_first: bool) -> None:
        nested = [self.server(f"level{level}") for level in range(1, self.DEPTH + 1)]
        host_pids = self.server("hostpids")
        programs = [*nested, host_pids]
        with contextlib.ExitStack() as stack:
            agent = stack.enter_context(Agent(environment)) if agent_first else None
            self.run_nested(stack, self.nested(nested))
            self.run_nested(stack, self.nested([host_pids], new=("-mn",)))
            for program in programs:
                wait_until(lambda: pid_of(program), 10, f"{program.name} runs")
            agent = agent or stack.enter_context(Agent(environment))
            for program in programs:
                self.ask_inside(program)
            self.assert_services(agent, {program.name: REQUESTS for program in programs})
            self.assert_targets(agent, len(programs))

    def test_selected_by_port(self) -> None:
        self.check({"OPEN_PORT": str(self.port)}, agent_first=True)

    def test_selected_by_name(self) -> None:
        self.check({"EXECUTABLE_NAME": self.folder.name}, agent_first=True)

    def test_they_ran_before_the_agent(self) -> None:
        self.check({"OPEN_PORT": str(self.port)}, agent_first=False)


def pid_of(program: Path) -> int | None:
    """The process id, in our namespace, of the one process that runs this program."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(folder / "exe") == str(program):
                    return int(folder.name)
    return None


class ManyConnectionsTest(IdentityTest):
    IDLE = 10_000
    ACTIVE = 1_000
    ROUNDS = 20 if FULL else 5
    MAX_BYTES_PER_CONNECTION = 2048
    REQUEST = b"GET /idle HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def setUp(self) -> None:
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertGreater(hard, self.IDLE + self.ACTIVE + 100, "raise the hard limit of open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def open(self, stack: contextlib.ExitStack, count: int) -> list[socket.socket]:
        return [
            stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 20)) for _ in range(count)
        ]

    def exchange(self, connections: list[socket.socket]) -> None:
        """One request on each, all under way at the same time."""
        for connection in connections:
            connection.sendall(self.REQUEST)
        for connection in connections:
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_idle_and_active(self) -> None:
        program = self.server("crowd")
        environment = {"OPEN_PORT": str(self.port)}
        with Agent(environment, print_traces=False) as agent, contextlib.ExitStack() as stack:
            self.start(stack, program)
            ask(self.port)
            before = resident_bytes(*agent.pids)
            with contextlib.ExitStack() as connections:
                idle = self.open(connections, self.IDLE)
                self.exchange(idle)
                active = self.open(connections, self.ACTIVE)
                for _ in range(self.ROUNDS):
                    self.exchange(active)
                total = 1 + self.IDLE + self.ACTIVE * self.ROUNDS
                self.assert_services(agent, {program.name: total}, timeout=20)
                self.assertEqual(agent.scrape().total("beyla_connections"), self.IDLE + self.ACTIVE)
                growth = resident_bytes(*agent.pids) - before
                print(f"{self.IDLE + self.ACTIVE} connections: {growth / 1024:.0f} KiB more", file=sys.stderr)
                self.assertLessEqual(growth, (self.IDLE + self.ACTIVE) * self.MAX_BYTES_PER_CONNECTION)
            settle(lambda: agent.scrape().total("beyla_connections") == 0, 15)
            metrics = agent.quiet_metrics()
            self.assertEqual(metrics.total("beyla_connections"), 0)
            self.assertEqual(dict(metrics.services()), {program.name: total})


if __name__ == "__main__":
    main()
