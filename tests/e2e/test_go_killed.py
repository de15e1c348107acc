"""The agent is killed with -9 again and again while Go services with its probes are under load: no request fails, and no
byte of their code stays changed."""
import contextlib
import os
import random
import signal
import time
import unittest

from go_load import SteadyGoLoad
from go_targets import GoTarget
from go_builds import Cell
from harness import FULL, Agent, main, settle
from kernel_objects import Handles, changed_text
from processes import family

CELLS = (
    Cell("1.26", "default", "nethttp"), Cell("1.26", "stripped", "tls"), Cell("1.26", "stripped", "grpc"),
    Cell("1.17", "stripped", "nethttp"),
)
ROUNDS = 50 if FULL else 6
SEED = int(os.environ.get("SEED", "7"))
RUNNING_SECONDS = 1.0  # at most, from when it is ready
STARTING_SECONDS = 0.6  # a start with its probes takes about so long
GONE_SECONDS = 5.0


class StartingAgent(Agent):
    """Has just been started: nobody waits until it is ready."""

    def _is_ready(self) -> bool:
        return True


class GoKilledTest(unittest.TestCase):
    def kill(self, agent: Agent) -> None:
        processes = Handles(family(agent.pid))
        self.addCleanup(processes.close)
        os.kill(agent.pid, signal.SIGKILL)
        self.assertIn(agent.stop(), (0, -signal.SIGKILL))
        settle(lambda: not processes.alive(), GONE_SECONDS)
        self.assertEqual(processes.alive(), [])

    def one_round(self, index: int, ports: str, chance: random.Random) -> None:
        starting = index % 3 == 2
        with (StartingAgent if starting else Agent)({"OPEN_PORT": ports}, print_traces=False) as agent:
            time.sleep(chance.uniform(0, STARTING_SECONDS if starting else RUNNING_SECONDS))
            self.kill(agent)

    def test_no_request_fails(self) -> None:
        chance = random.Random(SEED)
        with contextlib.ExitStack() as stack:
            targets = [stack.enter_context(GoTarget(cell)) for cell in CELLS]
            loads = [SteadyGoLoad(target) for target in targets]
            for index in range(ROUNDS):
                self.one_round(index, ",".join(str(target.port) for target in targets), chance)
            for target, load in zip(targets, loads):
                account = load.stop()
                sent = sum(row["count"] for row in account.get("server", account.get("rpc")))
                print(f"{target.name}: {sent} requests, {ROUNDS} kills", flush=True)
                self.assertEqual((account["wrong"], account.get("failed", 0)), ([], 0), target.name)
                self.assertGreater(sent, ROUNDS)
                self.assertIsNone(target.process.poll())
                self.assertEqual(changed_text(target.process.pid), [])


if __name__ == "__main__":
    main()
