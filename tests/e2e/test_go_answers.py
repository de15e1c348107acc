"""What Go services answer is the same with the agent and without, with their stacks growing under its probes, and each
request is counted once."""
import unittest

from go_judge import GoTruth, wrong_losses, wrong_numbers
from go_targets import GoTarget, drive, wait_probed
from go_builds import Cell
from harness import FULL, Agent, main, settle

CELLS = (
    Cell("1.26", "default", "nethttp"), Cell("1.26", "stripped", "tls"), Cell("1.26", "default", "gin"),
    Cell("1.17", "stripped", "nethttp"), Cell("1.26", "stripped", "grpc"),
)
GOROUTINES, DEPTH = 10_000, 20_000
DEEP_PASSES, PASSES = (40, 200) if FULL else (4, 20)  # FULL: a minute or so each
CONNECTIONS = 8
SETTLE_SECONDS = 15.0


def loads_of(target: GoTarget) -> list[list[str | int]]:
    if target.cell.framework == "grpc":
        return [["grpc", "-address", f"127.0.0.1:{target.port}", "-passes", PASSES, "-connections", CONNECTIONS]]
    secure = target.cell.framework == "tls"
    where = ["-url", target.url(secure), "-routes", target.spelling, "-protocol", "h2" if secure else "h1"]
    return [
        # Copies of requests first: after a thousand requests without any, the routes of the next ones are missed (design/0010).
        ["http", *where, "-passes", 1, "-connections", 1],
        ["deep", *where, "-passes", DEEP_PASSES, "-connections", 2, "-goroutines", GOROUTINES, "-depth", DEPTH],
        ["deep", *where, "-passes", 4 * DEEP_PASSES, "-connections", CONNECTIONS, "-depth", DEPTH],
        ["http", *where, "-passes", PASSES, "-connections", CONNECTIONS],
    ]


def wrong_counts(agent: Agent, truth: GoTruth) -> list[str]:
    """Not of times: nobody told these handlers how long to take."""
    return wrong_numbers(agent.scrape(), truth)


class GoAnswersTest(unittest.TestCase):
    def test_are_the_same(self) -> None:
        for cell in CELLS:
            with self.subTest(str(cell)), GoTarget(cell) as target:
                self.check(target)

    def check(self, target: GoTarget) -> None:
        loads = loads_of(target)
        without = [drive(*load)["hash"] for load in loads]
        with Agent({"OPEN_PORT": str(target.port)}, print_traces=False) as agent:
            wait_probed(agent, target.process.pid)
            accounts = [drive(*load) for load in loads]
            truth = GoTruth()
            for account in accounts:
                truth.add(account)
            settle(lambda: not wrong_counts(agent, truth), SETTLE_SECONDS)
            quiet = agent.quiet_metrics()
            self.assertEqual(wrong_losses(quiet) + wrong_counts(agent, truth), [])
            print(f"{target.name}: {truth.sent} requests", flush=True)
        self.assertEqual([account["hash"] for account in accounts], without)
        self.assertIsNone(target.process.poll(), "the target ended")


if __name__ == "__main__":
    main()
