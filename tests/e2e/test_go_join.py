"""Plain HTTP/1 in Go, where the socket's view and the process's are put together: a route and a parent belong to the
request they are told of, whatever else its goroutine or its connection does."""
import unittest

from go_judge import GoTruth
from go_rows import JSON_LINES, judged
from go_targets import GoTarget, drive, wait_probed
from go_builds import Cell
from harness import FULL, Agent, main

CELLS = (Cell("1.26", "default", "nethttp"), Cell("1.26", "default", "gin"), Cell("1.21", "pie", "mux"))
MANY = 1000 if FULL else 60


class GoJoinTest(unittest.TestCase):
    def check(self, *loads: list[str | int]) -> None:
        for cell in CELLS:
            target = GoTarget(cell)
            environment = {"OPEN_PORT": str(target.port)} | JSON_LINES
            with self.subTest(str(cell)), target, Agent(environment, print_traces=False) as agent:
                wait_probed(agent, target.process.pid)
                truth = GoTruth()
                for load in loads:
                    truth.add(drive("http", "-url", target.url(), "-routes", target.spelling, *load))
                wrong = judged(agent, truth)
                self.assertFalse(wrong, "\n".join(["", *wrong[:15]]))

    def test_a_handler_asks_a_kept_raw_connection_first(self) -> None:
        self.check(["-kinds", "rawfirst,users", "-passes", MANY, "-connections", 16, "-out=false", "-broken=false"])

    def test_two_requests_arrive_in_one_read(self) -> None:
        self.check(["-passes", 0, "-pipelined", MANY, "-out=false", "-broken=false"])

    def test_goroutines_are_used_again(self) -> None:
        self.check(["-kinds", "hello,users,rawfirst,missing", "-passes", MANY // 10, "-connections", 8, "-fresh",
                    "-out=false", "-broken=false"])

    def test_calls_from_many_requests_at_once(self) -> None:
        self.check(["-kinds", "out,users", "-passes", MANY // 2, "-connections", 16, "-broken=false"])

    def test_panics_and_hijacks_between_others(self) -> None:
        self.check(["-kinds", "hello,silent,stream", "-passes", MANY // 2, "-connections", 2, "-out=false"])


if __name__ == "__main__":
    main()
