"""The broker is killed under load at any moment of its life, again and again: no request of a target fails, nothing of
the agent is left in the kernel, and no byte of a target's code has changed."""
from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import tempfile
import time
import unittest
from pathlib import Path
from typing import Iterator

from harness import BEYLA_BINARY, FULL, Agent, main, settle, wait_until
from http_client import Request
from kernel_objects import Handles, Ids, bpf_ids_left, bpf_ids_of, can_listen, changed_text, pids_with
from processes import children, family
from steady_clients import Question, SteadyClients
from targets import GoServer
from test_loss import STATUSES, StatusNginx
from test_processor_restart import SteadyLoad

ROUNDS = 200 if FULL else 10
SEED = int(os.environ.get("SEED", "6"))
GONE_SECONDS = 1.0 if FULL else 5.0  # the machine may be busy with other tests
CLIENTS = 4  # of each target, beside wrk
PAUSE_SECONDS = 0.002
READY_SECONDS = 0.5  # a start takes less; later than that, it is killed while it runs
RUNNING_SECONDS = 0.3
STOPPING_SECONDS = 0.02  # it takes some milliseconds, or as many as its last records do


def status_question(index: int) -> Question:
    status = STATUSES[index % len(STATUSES)]
    return Question(Request("GET", f"/status/{status}/GET/0"), status)


def go_question(index: int) -> Question:
    status = STATUSES[index % len(STATUSES)]
    return Question(Request("GET", f"/asked?status={status}"), status)


class UnawaitedAgent(Agent):
    """Has just been started: nobody waits until it is ready."""

    def _is_ready(self) -> bool:
        return True


class Targets:
    """nginx and Go under load, until the end of the block; then no request may have failed."""

    def __enter__(self) -> Targets:
        self._stack = contextlib.ExitStack()
        self.nginx, self.go = self._stack.enter_context(StatusNginx()), self._stack.enter_context(GoServer())
        self._wrk = SteadyLoad(self.nginx)
        self._clients = [
            SteadyClients(self.nginx.port, CLIENTS, status_question, PAUSE_SECONDS),
            SteadyClients(self.go.port, CLIENTS, go_question, PAUSE_SECONDS),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            self.answered, _, self.errors = self._wrk.stop()
            for clients in self._clients:
                answered, errors = clients.stop()
                self.answered, self.errors = self.answered + answered, self.errors + errors

    @property
    def ports(self) -> str:
        return f"{self.nginx.port},{self.go.port}"

    @property
    def pids(self) -> list[int]:
        return family(self.nginx.process.pid) + [self.go.process.pid]

    def changed_text(self) -> list[str]:
        return [change for pid in self.pids for change in changed_text(pid)]


class BrokerKilledTest(unittest.TestCase):
    def setUp(self) -> None:
        self.random = random.Random(SEED)
        self.gone_after: list[float] = []
        folder = tempfile.TemporaryDirectory(prefix="beyla-broker-killed-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def sleep_at_most(self, seconds: float) -> None:
        time.sleep(self.random.uniform(0, seconds))

    def kill(self, agent: Agent, mark: str, held: Ids) -> None:
        """And nothing of it may be left."""
        processes = Handles(family(agent.pid))
        killed = time.monotonic()
        os.kill(agent.pid, signal.SIGKILL)
        self.assertIn(agent.stop(), (0, -signal.SIGKILL))  # 0: it had just ended by itself
        settle(lambda: not self.left(agent, processes, held), 2 * GONE_SECONDS)
        took = time.monotonic() - killed
        self.assertEqual(self.left(agent, processes, held), [])
        self.assertEqual(pids_with(mark), set())  # nor what was started meanwhile
        self.assertLessEqual(took, GONE_SECONDS)
        self.gone_after.append(took)
        processes.close()

    def left(self, agent: Agent, processes: Handles, held: Ids) -> list:
        return processes.alive() + list(bpf_ids_left(held).items()) + ([] if can_listen(agent.metrics_port) else ["port"])

    def kill_running(self, environment: dict[str, str], mark: str) -> None:
        with Agent(environment, print_traces=False) as agent:
            wait_until(lambda: agent.scrape().requests().total() > 0, 10, "requests are counted")
            self.sleep_at_most(RUNNING_SECONDS)
            held = bpf_ids_of(agent.pid)
            self.assertTrue(all(held.values()), held)
            self.kill(agent, mark, held)

    def kill_starting(self, environment: dict[str, str], mark: str) -> None:
        with UnawaitedAgent(environment, print_traces=False) as agent:
            self.sleep_at_most(READY_SECONDS)
            # Else it would make more between the look and the kill.
            os.kill(agent.pid, signal.SIGSTOP)
            wait_until(lambda: is_stopped(agent.pid), 5, "it has stopped")
            self.kill(agent, mark, bpf_ids_of(agent.pid))

    def kill_stopping(self, environment: dict[str, str], mark: str) -> None:
        with Agent(environment, print_traces=False) as agent:
            wait_until(lambda: agent.scrape().requests().total() > 0, 10, "requests are counted")
            held = bpf_ids_of(agent.pid)
            os.kill(agent.pid, signal.SIGTERM)
            self.sleep_at_most(STOPPING_SECONDS)
            self.kill(agent, mark, held)

    def test_at_any_moment(self) -> None:
        kinds = (self.kill_running, self.kill_running, self.kill_starting, self.kill_stopping, self.kill_starting)
        with Targets() as targets:
            for number in range(ROUNDS):
                mark = f"TEST_ROUND={os.getpid()}.{number}"
                environment = dict([mark.split("=")], OPEN_PORT=targets.ports)
                kind = kinds[number % len(kinds)]
                with self.subTest(kind.__name__, round=number, seed=SEED):
                    kind(environment, mark)
                    self.assertEqual(targets.changed_text(), [])
        self.assertEqual(targets.errors, [])
        self.assertEqual(len(self.gone_after), ROUNDS)
        print(f"{ROUNDS} kills, {targets.answered} requests answered, none failed; all gone after ms: median "
              f"{1000 * statistics.median(self.gone_after):.0f}, worst {1000 * max(self.gone_after):.0f}", flush=True)

    def test_a_changed_byte_of_code_is_seen(self) -> None:
        """Else the test above shows nothing."""
        with GoServer() as server:
            self.assertEqual(changed_text(server.process.pid), [])
            lines = Path(f"/proc/{server.process.pid}/maps").read_text().splitlines()
            begin = int(next(line for line in lines if " r-xp " in line).split("-")[0], 16)
            with open(f"/proc/{server.process.pid}/mem", "r+b", 0) as memory:
                memory.seek(begin)
                byte = memory.read(1)[0]
                memory.seek(begin)
                memory.write(bytes([byte ^ 0xFF]))
            self.assertEqual(len(changed_text(server.process.pid)), 1)

    def test_while_its_configuration_does_not_answer(self) -> None:
        """Then it has a process that waits for the file."""
        pipe = self.folder / "never-written.yml"
        os.mkfifo(pipe)
        mark = f"TEST_ROUND={os.getpid()}.pipe"
        environment = dict([mark.split("=")], OPEN_PORT="1")
        with UnawaitedAgent(environment, [str(BEYLA_BINARY), "--config", str(pipe)]) as agent:
            wait_until(lambda: len(children(agent.pid)) >= 2, 4, "the spawner and the reader run")
            self.kill(agent, mark, {})


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "TZ"


if __name__ == "__main__":
    main()
