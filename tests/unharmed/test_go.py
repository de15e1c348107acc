"""Go programs do and print the same with the agent's probes in them, and when the agent is killed with -9 in the middle of
it, or of its start."""
import os
import random
import time
import unittest

from runs import Program

from go_builds import Cell, program_of
from go_targets import wait_probed
from harness import Agent, free_port, main
from kernel_objects import changed_text
from killing import kill_at_once

WHOLE = os.environ.get("UNHARMED") == "all"
MODES = ("default", "pie", "static-pie", "cgo", "stripped") if WHOLE else ("pie", "stripped")
VERSIONS = ("1.26", "1.17") if WHOLE else ("1.26",)
SEED = int(os.environ.get("SEED", "7"))
ROUNDS = "30"
KILLS = 6 if WHOLE else 3
RUNNING_SECONDS = 0.6  # of a batch
STARTING_SECONDS = 0.6
GONE_SECONDS = 5.0
LEAST_REQUESTS = 4 * 30 * 7  # of a batch; the eighth of each round has no answer


class StartingAgent(Agent):
    """Has just been started: nobody waits until it is ready."""

    def _is_ready(self) -> bool:
        return True


class GoTest(unittest.TestCase):
    def start(self, cell: Cell, port: int) -> Program:
        program = Program([program_of(cell), "-rounds", ROUNDS, str(port)])
        self.addCleanup(program.__exit__)
        program.read_line()  # "port N"
        program.output.clear()
        return program

    def work(self, program: Program) -> None:
        program.begin()
        program.read_line()

    def run_clean(self, cell: Cell, batches: int) -> tuple[list[str], int]:
        program = self.start(cell, free_port())
        for _ in range(batches):
            self.work(program)
        return program.finish()

    def run_probed(self, cell: Cell) -> float:
        """How many requests the agent counted."""
        port = free_port()
        program = self.start(cell, port)
        with Agent({"OPEN_PORT": str(port)}, print_traces=False) as agent:
            wait_probed(agent, program.pid)
            self.assertNotEqual(changed_text(program.pid), [], "there is no probe in it")
            self.work(program)
            counted = sum(agent.quiet_metrics().requests().values())
        self.assertEqual(changed_text(program.pid), [])
        self.assertEqual(program.finish(), self.run_clean(cell, 1))
        self.assertGreaterEqual(counted, LEAST_REQUESTS)
        return counted

    def run_killed(self, cell: Cell, chance: random.Random) -> int:
        """How often a kill left a breakpoint behind."""
        port, left = free_port(), 0
        program = self.start(cell, port)
        for index in range(KILLS):
            starting = index % 3 == 2
            with (StartingAgent if starting else Agent)({"OPEN_PORT": str(port)}, print_traces=False) as agent:
                if not starting:
                    wait_probed(agent, program.pid)
                program.begin()
                time.sleep(chance.uniform(0, STARTING_SECONDS if starting else RUNNING_SECONDS))
                kill_at_once(agent, GONE_SECONDS)
                program.read_line()
            left += bool(changed_text(program.pid))
        self.assertEqual(program.finish(), self.run_clean(cell, KILLS))
        return left

    def test_programs_are_the_same(self) -> None:
        chance = random.Random(SEED)
        for go in VERSIONS:
            for mode in MODES:
                cell = Cell(go, mode, "unharmed")
                with self.subTest(str(cell)):
                    counted = self.run_probed(cell)
                    left = self.run_killed(cell, chance)
                    print(f"{cell}: {counted:.0f} requests; {KILLS} kills, after {left} a breakpoint was left", flush=True)


if __name__ == "__main__":
    main()
