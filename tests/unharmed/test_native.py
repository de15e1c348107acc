"""C++ programs do and print the same with probes in hundreds of their functions, and when whoever holds these is killed with
-9 in the middle of it, or of attaching; the probes count each call of the functions that the program counts itself."""
import os
import random
import time
import unittest

from runs import Prober, Program, known_calls

from harness import main
from kernel_objects import changed_text
from native_builds import VARIANTS, Built, build

WHOLE = os.environ.get("UNHARMED") == "all"
SLICE = {"stripped", "static-pie", "cet-O0", "clang-stack-protector"}
SEED = int(os.environ.get("SEED", "7"))
ROUNDS = "200"
KILLS = 12 if WHOLE else 3  # of a run; every third while the probes are put in
RUNNING_SECONDS = 0.3  # of a batch that is probed
ATTACHING_SECONDS = 0.25
ARGUMENTS = "arguments=2"
LEAST_HITS = 10_000
LEAST_KNOWN = 5


class NativeTest(unittest.TestCase):
    def run_clean(self, built: Built, batches: int) -> tuple[list[str], int]:
        with Program([built.program, ROUNDS]) as program:
            for _ in range(batches):
                program.begin()
                program.read_line()
            return program.finish()

    def run_probed(self, built: Built) -> str:
        """What the probes counted in one batch, which must be what the program did."""
        clean = self.run_clean(built, 1)
        with Program([built.program, ROUNDS]) as program:
            with Prober(program.pid, built.program, built.symbols, ARGUMENTS) as prober:
                prober.wait_ready()
                program.begin()
                program.read_line()
                hits = prober.finish()
            self.assertEqual(changed_text(program.pid), [])
            probed = program.finish()
        self.assertEqual(probed, clean)
        told = known_calls(probed[0])
        known = {name: count for name, count in told.items() if name in hits and hits[name].entries >= 0}
        self.assertEqual({name: hits[name].entries for name in known}, known)
        self.assertGreaterEqual(len(known), LEAST_KNOWN)
        total = sum(max(one.entries, 0) + max(one.exits, 0) for one in hits.values())
        self.assertGreater(total, LEAST_HITS)
        used = sum(one.entries > 0 or one.exits > 0 for one in hits.values())
        return f"{prober.places} probes, {used} functions hit {total} times, {len(known)} known counts"

    def run_killed(self, built: Built, chance: random.Random) -> int:
        """How often a kill left a breakpoint behind."""
        clean = self.run_clean(built, KILLS)
        left = 0
        with Program([built.program, ROUNDS]) as program:
            for index in range(KILLS):
                with Prober(program.pid, built.program, built.symbols, ARGUMENTS) as prober:
                    attaching = index % 3 == 2
                    if not attaching:
                        prober.wait_ready()
                    program.begin()
                    time.sleep(chance.uniform(0, ATTACHING_SECONDS if attaching else RUNNING_SECONDS))
                    prober.kill()
                    program.read_line()
                left += bool(changed_text(program.pid))
            killed = program.finish()
        self.assertEqual(killed, clean)
        return left

    def test_programs_are_the_same(self) -> None:
        chance = random.Random(SEED)
        for variant in VARIANTS:
            if not WHOLE and variant.name not in SLICE:
                continue
            with self.subTest(variant.name):
                built = build(variant)
                counted = self.run_probed(built)
                left = self.run_killed(built, chance)
                print(f"{variant.name}: {counted}; {KILLS} kills, after {left} a breakpoint was left", flush=True)


if __name__ == "__main__":
    main()
