"""Whatever happens to the agent's processes and to a target, in any order: the other targets lose no request, the
agent is back soon, and no counter goes back while the broker lives."""
from __future__ import annotations

import contextlib
import http.client
import os
import random
import signal
import threading
import time
import unittest
from typing import Callable

from harness import FULL, Agent, free_port, main, wait_until
from observed import Metrics
from processes import PROCESSOR, SPAWNER, named
from targets import GoServer
from test_broker_killed import Targets
from test_processor_restart import counters

SECONDS = 1800 if FULL else 20
SEED = int(os.environ.get("SEED", "9"))
PAUSES = (0.1, 0.6)  # seconds between two events
BACK_SECONDS = 2.0 if FULL else 5.0  # the machine may be busy with other tests
STOPPED_SECONDS = 1.0
SCRAPE_SECONDS = 0.2


class Supervisor:
    """Starts the agent again where it ends, as a service manager would; its scrapes compare counters of one life."""

    def __init__(self, ports: str) -> None:
        self._environment = {"OPEN_PORT": ports, "BEYLA_PROMETHEUS_PORT": str(free_port())}
        self._agent: Agent | None = None
        self._last: dict[tuple, float] = {}
        self.decreases: list[tuple] = []
        self.scrapes = 0
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self.start()
        self._watch = threading.Thread(target=self._scrape_until_stopped)
        self._watch.start()

    def start(self) -> None:
        agent = Agent(self._environment, print_traces=False).__enter__()
        with self._lock:
            self._agent, self._last = agent, {}

    @property
    def pid(self) -> int:
        return self._agent.pid

    def end(self, signal_number: int) -> int:
        """Of the broker."""
        with self._lock:  # no scrape is under way
            agent, self._agent = self._agent, None
        code = agent.stop(signal_number)
        agent.__exit__(None)
        return code

    def wait_for_end(self) -> int:
        """Of a broker that ends because of something else."""
        with self._lock:
            agent, self._agent = self._agent, None
        code = agent.process.wait(5)
        agent.stop()
        agent.__exit__(None)
        return code

    def scrape(self) -> Metrics | None:
        """None: there is no agent, or the one that answered died of it."""
        with self._lock:
            if self._agent is None:
                return None
            try:
                metrics = self._agent.scrape()
            except (OSError, http.client.HTTPException):
                return None
            now = counters(metrics)
            self.decreases += [(key, value, now.get(key)) for key, value in self._last.items() if now.get(key, -1) < value]
            self._last, self.scrapes = now, self.scrapes + 1
            return metrics

    def requests(self) -> int:
        metrics = self.scrape()
        return metrics.requests().total() if metrics else 0

    def _scrape_until_stopped(self) -> None:
        while not self._stopping.wait(SCRAPE_SECONDS):
            self.scrape()

    def stop(self) -> int:
        self._stopping.set()
        self._watch.join()
        return self.end(signal.SIGTERM)


class ChaosTest(unittest.TestCase):
    def setUp(self) -> None:
        self.random = random.Random(SEED)
        self.victim = GoServer()
        self.back_after: dict[str, float] = {}

    def kill_processor(self) -> None:
        os.kill(wait_until(lambda: named(self.agent.pid, PROCESSOR), 5, "a processor"), signal.SIGKILL)

    def stop_processor(self) -> None:
        pid = wait_until(lambda: named(self.agent.pid, PROCESSOR), 5, "a processor")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        os.kill(pid, signal.SIGCONT)

    def kill_broker(self) -> None:
        self.assertEqual(self.agent.end(signal.SIGKILL), -signal.SIGKILL)
        self.agent.start()

    def kill_spawner(self) -> None:
        os.kill(named(self.agent.pid, SPAWNER), signal.SIGKILL)
        self.assertGreater(self.agent.wait_for_end(), 0)
        self.agent.start()

    def restart(self) -> None:
        self.assertEqual(self.agent.end(signal.SIGTERM), 0)
        self.agent.start()

    def kill_target(self) -> None:
        self.victim.stop(signal.SIGKILL)
        self.victim.start()

    def test_anything_in_any_order(self) -> None:
        events = (
            self.kill_processor, self.stop_processor, self.kill_broker, self.kill_spawner, self.restart, self.kill_target,
        )
        with contextlib.ExitStack() as stack:
            targets = stack.enter_context(Targets())
            stack.enter_context(self.victim)
            self.agent = Supervisor(f"{targets.ports},{self.victim.port}")
            ended = stack.enter_context(contextlib.ExitStack())
            ended.callback(self.agent.stop)
            wait_until(lambda: self.agent.requests() > 100, 10, "requests are counted")
            until, happened = time.monotonic() + SECONDS, []
            while time.monotonic() < until or len(set(happened)) < len(events):
                time.sleep(self.random.uniform(*PAUSES))
                event = self.random.choice(events)
                with self.subTest(event.__name__, after=happened[-3:], seed=SEED):
                    self.check(event)
                happened.append(event.__name__)
            ended.pop_all()
            self.assertEqual(self.agent.stop(), 0)
            self.assertEqual(targets.changed_text(), [])
        self.assertEqual(targets.errors, [])
        self.assertEqual(self.agent.decreases, [])
        self.assertGreater(self.agent.scrapes, len(happened))
        self.tell(happened, targets.answered)

    def check(self, event: Callable[[], None]) -> None:
        began, before, broker = time.monotonic(), self.agent.requests(), self.agent.pid
        event()
        if self.agent.pid != broker:
            before = 0
        wait_until(lambda: self.agent.requests() > before, 10, "requests are counted again")
        took = time.monotonic() - began - (STOPPED_SECONDS if event == self.stop_processor else 0)
        self.back_after[event.__name__] = max(took, self.back_after.get(event.__name__, 0))
        self.assertLessEqual(took, BACK_SECONDS)

    def tell(self, happened: list[str], answered: int) -> None:
        print(f"{answered} requests answered, none failed; {self.agent.scrapes} scrapes, no counter went back", flush=True)
        for name, worst in self.back_after.items():
            print(f"  {name:16} {happened.count(name):4} times, counting again after {1000 * worst:.0f} ms at worst", flush=True)


if __name__ == "__main__":
    main()
