"""The agent is killed with -9 again and again while Go services with its probes are under load: no request fails.

A kernel that is told to end a process in the middle of attaching gives up taking back what it has attached ("failed to
unregister, leaking uprobe"): a breakpoint stays, whose hits find nobody. The next agent that attaches there takes it away.
"""
import contextlib
import os
import random
import signal
import time
import unittest

from go_load import SteadyGoLoad
from go_targets import GoTarget, wait_probed
from go_builds import Cell
from harness import FULL, Agent, main
from kernel_objects import changed_text
from killing import kill_at_once

CELLS = (
    Cell("1.26", "default", "nethttp"), Cell("1.26", "stripped", "tls"), Cell("1.26", "stripped", "grpc"),
    Cell("1.17", "stripped", "nethttp"),
)
ROUNDS = 50 if FULL else 6
SEED = int(os.environ.get("SEED", "7"))
RUNNING_SECONDS = 1.0  # at most, from when it is ready
STARTING_SECONDS = 0.6  # a start with its probes takes about so long
GONE_SECONDS = 5.0
END_SECONDS = 30.0  # the loads leave little of the machine to whoever detaches from them


def ports_of(targets: list[GoTarget]) -> str:
    return ",".join(str(target.port) for target in targets)


class StartingAgent(Agent):
    """Has just been started: nobody waits until it is ready."""

    def _is_ready(self) -> bool:
        return True


class GoKilledTest(unittest.TestCase):
    def one_round(self, index: int, ports: str, chance: random.Random) -> None:
        starting = index % 3 == 2
        with (StartingAgent if starting else Agent)({"OPEN_PORT": ports}, print_traces=False) as agent:
            time.sleep(chance.uniform(0, STARTING_SECONDS if starting else RUNNING_SECONDS))
            kill_at_once(agent, GONE_SECONDS)

    def changed(self, targets: list[GoTarget]) -> list[str]:
        return [what for target in targets for what in changed_text(target.process.pid)]

    def run_once(self, targets: list[GoTarget]) -> None:
        with Agent({"OPEN_PORT": ports_of(targets)}, print_traces=False) as agent:
            for target in targets:
                wait_probed(agent, target.process.pid)
            agent.process.send_signal(signal.SIGTERM)
            self.assertEqual(agent.wait_for_end(END_SECONDS), 0)

    def test_no_request_fails(self) -> None:
        chance = random.Random(SEED)
        with contextlib.ExitStack() as stack:
            targets = [stack.enter_context(GoTarget(cell)) for cell in CELLS]
            loads = [stack.enter_context(SteadyGoLoad(target)) for target in targets]
            left = 0
            for index in range(ROUNDS):
                self.one_round(index, ports_of(targets), chance)
                left += bool(self.changed(targets))
            self.run_once(targets)
            self.assertEqual(self.changed(targets), [])
            print(f"{ROUNDS} kills, breakpoints left by {left} and taken away by the next agent", flush=True)
            for target, load in zip(targets, loads):
                self.check(target, load.stop())

    def check(self, target: GoTarget, account: dict) -> None:
        sent = sum(row["count"] for row in account.get("server", account.get("rpc")))
        print(f"{target.name}: {sent} requests", flush=True)
        self.assertEqual((account["wrong"], account.get("failed", 0)), ([], 0), target.name)
        self.assertGreater(sent, ROUNDS)
        self.assertIsNone(target.process.poll())


if __name__ == "__main__":
    main()
