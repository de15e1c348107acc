"""A processor that no longer does its work is noticed, ended and replaced, and what waited for it is counted; one that
is idle, slow or asleep with the whole machine is left alone."""
from __future__ import annotations

import os
import signal
import time
import unittest
from contextlib import ExitStack

from harness import Agent, main, wait_until
from http_client import Request, run_load, send_once
from processes import PROCESSOR, named
from pwned import PWNED_BINARY
from targets import GoServer

HUNG = "(it has hung)"
NOTICED_SECONDS = 36  # at the latest: src/agent/broker/watchdog.h
SLACK_SECONDS = 15  # of a busy machine
REQUESTS = 40


class HungProcessorTest(unittest.TestCase):
    """All at the same time, as it takes long."""

    def setUp(self) -> None:
        self.stack = self.enterContext(ExitStack())
        self.server = self.stack.enter_context(GoServer())

    def agent(self, order: str = "") -> Agent:
        environment = {"OPEN_PORT": str(self.server.port), "PWNED_PROCESSOR": order}
        return self.stack.enter_context(Agent(environment, [str(PWNED_BINARY)]))

    def send(self, path: str, count: int = REQUESTS) -> None:
        self.assertEqual(run_load(self.server.port, count, 2, lambda index: Request("GET", path)).errors, [])

    def restarts(self, agent: Agent) -> float:
        return agent.scrape().total("beyla_processor_restarts_total")

    def test_it_is_noticed(self) -> None:
        stopped, spinning, deaf = self.agent(), self.agent("spin"), self.agent("read_nothing")
        idle, asleep = self.agent(), self.agent()
        self.send("/before")
        for agent in (stopped, idle, asleep):
            agent.wait_for_line("GET /before ")
        hung = stopped.processor_pid
        os.kill(hung, signal.SIGSTOP)
        began = time.monotonic()
        with asleep.paused():
            self.send("/meanwhile")
            for agent in (stopped, spinning, deaf):
                left = NOTICED_SECONDS + SLACK_SECONDS - (time.monotonic() - began)
                wait_until(lambda: HUNG in agent.stderr(), left, "the broker notices")
                print(f"noticed after {time.monotonic() - began:.1f} s", flush=True)
        self.check_it_goes_on(stopped, 2 * REQUESTS)
        self.assertNotEqual(stopped.processor_pid, hung)
        for agent in (spinning, deaf):
            self.check_it_goes_on(agent, None)
        for agent in (idle, asleep):
            wait_until(lambda: agent.scrape().requests().total() == 2 * REQUESTS + self.more, 15, "all is counted")
            self.assertEqual(self.restarts(agent), 0)

    more = 0  # requests that were sent to see whether it works

    def check_it_goes_on(self, agent: Agent, counted: int | None) -> None:
        self.assertEqual(agent.stderr().count(HUNG), 1, agent.stderr())
        wait_until(lambda: named(agent.pid, PROCESSOR), 10, "another one")
        self.assertEqual(self.restarts(agent), 1)
        if counted is not None:  # nothing of what waited in the ring was lost
            wait_until(lambda: agent.scrape().requests().total() == counted, 10, "what had waited is counted")
        self.more += 1
        path = f"/after/{self.more}"
        send_once(self.server.port, Request("GET", path))
        agent.wait_for_line(f"GET {path} ")


if __name__ == "__main__":
    main()
