"""The processor is killed under load, again and again: no target notices, no series goes back, the books balance, and
whatever is counted was paired right."""
from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import threading
import time
import unittest
from dataclasses import dataclass

from harness import BEYLA_BINARY, FULL, Agent, main, required_program, settle, wait_until
from http_client import Request, run_load
from judge import agrees, seen_of
from observed import Metrics
from processes import PROCESSOR, SPAWNER, lives, named
from socket_activation import ProcessorSocket
from targets import Nginx
from test_loss import STATUSES, StatusNginx, expected_of

RESTARTS = "beyla_processor_restarts_total"
KILLS = 50 if FULL else 10
CONNECTIONS = 28
PAUSE_MILLISECONDS = 5  # of each connection between two requests: some 5,000 requests/s together
MIN_RATE = 4_000 if FULL else 1_000  # the machine may be busy with other tests
SCRAPE_SECONDS = 0.2
RESTART_SECONDS = 0.1  # with the scrape that shows it
HOPELESS_DEATHS = 3

# Steady, unlike the loads of the other tests: each answer's status stands in its request's path.
WRK_SCRIPT = """
local statuses, next_one = {{{statuses}}}, 0
request = function()
  next_one = next_one % #statuses + 1
  return wrk.format("GET", string.format("/status/%d/GET/0", statuses[next_one]))
end
delay = function() return {pause} end
"""


class SteadyLoad:
    """Keeps its connections, until stop(), which returns how many answers it got and the errors wrk names."""

    def __init__(self, server: StatusNginx) -> None:
        script = server.folder / "steady.lua"
        script.write_text(WRK_SCRIPT.format(statuses=", ".join(map(str, STATUSES)), pause=PAUSE_MILLISECONDS))
        command = [
            required_program("wrk"), "-t1", f"-c{CONNECTIONS}", "-d600s", "--timeout", "10s", "-s", str(script),
            f"http://127.0.0.1:{server.port}/",
        ]
        self._began = time.monotonic()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stop(self) -> tuple[int, float, list[str]]:
        self._process.send_signal(signal.SIGINT)
        elapsed = time.monotonic() - self._began
        text = self._process.communicate(timeout=30)[0]
        answered = int(re.findall(r"(\d+) requests in", text)[0])
        return answered, answered / elapsed, re.findall(r"Socket errors:.*", text)


def counters(metrics: Metrics) -> dict[tuple, float]:
    """All samples that may only grow."""
    grows = re.compile(r".*(_total|_count|_sum|_bucket)$")
    return {key: value for key, value in metrics.samples.items() if grows.match(key[0])}


class Watch:
    """Scrapes until stop(); remembers what went back."""

    def __init__(self, agent: Agent) -> None:
        self.scrapes, self.decreases = 0, []
        self._agent, self._stopping, self._last = agent, threading.Event(), {}
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(SCRAPE_SECONDS):
            try:
                now = counters(self._agent.scrape())
            except (OSError, http.client.HTTPException):
                continue  # cut by a kill
            self.decreases += [(key, self._last[key], now.get(key)) for key in self._last if now.get(key, -1) < self._last[key]]
            self._last, self.scrapes = now, self.scrapes + 1

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


@dataclass
class Run:
    agent: Agent
    watch: Watch
    answered: int
    metrics: Metrics


class ProcessorRestartTest(unittest.TestCase):
    def kill(self, agent: Agent) -> float:
        """Returns the seconds until a scrape is answered by the next one."""
        before = agent.scrape()
        restarts = before.total(RESTARTS)
        killed = time.monotonic()
        os.kill(agent.processor_pid, signal.SIGKILL)
        wait_until(lambda: self.restarts_of(agent) > restarts, 10, "another processor")
        took = time.monotonic() - killed
        wait_until(lambda: agent.scrape().requests().total() > before.requests().total(), 10, "requests count again")
        return took

    def restarts_of(self, agent: Agent) -> float:
        """Not by pids, which may be given again at once. A scrape that a kill has cut says none."""
        try:
            return agent.scrape().total(RESTARTS)
        except (OSError, http.client.HTTPException):
            return -1

    def kill_between_scrapes(self, agent: Agent, watch: Watch) -> float:
        scrapes, took = watch.scrapes, self.kill(agent)
        wait_until(lambda: watch.scrapes > scrapes, 10, "a scrape behind the kill")
        return took

    def test_killed_under_load(self) -> None:
        with StatusNginx() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            broker, load, watch = agent.pid, SteadyLoad(server), Watch(agent)
            try:
                wait_until(lambda: agent.scrape().requests().total() > 1000, 20, "the load is counted")
                took = sorted(self.kill_between_scrapes(agent, watch) for _ in range(KILLS))
            finally:
                answered, rate, errors = load.stop()
                watch.stop()
            metrics = agent.quiet_metrics(timeout=30)
            self.assertEqual(agent.pid, broker)
            self.assertEqual(errors, [])
            self.assertGreaterEqual(rate, MIN_RATE)
            self.assertEqual(watch.decreases, [])
            self.assertGreaterEqual(watch.scrapes, KILLS)
            self.check_books(metrics, answered)
            self.check_pairs(agent)
            self.assertEqual(metrics.total(RESTARTS), KILLS)
            print("scraped again after ms:", [round(1000 * seconds) for seconds in took], flush=True)
            if FULL:  # on a machine that does nothing else
                self.assertLessEqual(took[len(took) // 2], RESTART_SECONDS)
            after = run_load(server.port, 300, 3, lambda index: Request("GET", f"/after/{index}"))
            expected = metrics.requests() + after.counts
            self.assertEqual(agent.wait_for_requests(expected).requests(), expected)

    def check_books(self, metrics: Metrics, answered: int) -> None:
        """quiet_metrics() has compared generated with delivered + lost, for each kind."""
        self.assertEqual(metrics.total("beyla_events_lost_total"), 0)
        counted = metrics.requests().total()
        incomplete = metrics.total("beyla_exchanges_incomplete_total", role="server")
        unpaired = metrics.total("beyla_exchanges_unpaired_total")
        restart = metrics.total("beyla_exchanges_incomplete_total", reason="restart")
        print(f"answered {answered}, counted {counted}, in flight at a kill {restart:.0f}, answers whose request was "
              f"not seen {unpaired:.0f}", flush=True)
        # wrk forgets what is in flight when it ends.
        self.assertLessEqual(counted, answered + CONNECTIONS)
        self.assertGreaterEqual(counted + incomplete + unpaired, answered)
        self.assertLessEqual(incomplete + unpaired, 2 * KILLS * CONNECTIONS)

    def check_pairs(self, agent: Agent) -> None:
        seen = {seen_of(line) for line in agent.lines()}
        self.assertEqual([one for one in seen if not agrees(one, expected_of(one.path))], [])
        self.assertEqual(len({one.path for one in seen}), len(STATUSES))

    def test_one_that_dies_at_once_is_started_less_and_less_often(self) -> None:
        """No event reaches any of them: after three deaths the broker waits, and says why."""
        with Nginx() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            for _ in range(HOPELESS_DEATHS - 1):
                pid = agent.processor_pid
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: named(agent.pid, PROCESSOR) not in (None, pid), 5, "another one")
            os.kill(agent.processor_pid, signal.SIGKILL)
            reason = r"processor ended \(killed by SIGKILL.*without having delivered an event.*next start is in 1 s"
            wait_until(lambda: re.search(reason, agent.stderr()), 5, "the broker says why it waits")
            self.assertIsNone(named(agent.pid, PROCESSOR))
            pid = agent.processor_pid
            # This one delivers, so that its death is nothing special.
            run_load(server.port, 20, 1, lambda index: Request("GET", f"/back/{index}"))
            agent.wait_for_line("GET /back/19 ")
            lines = len(agent.stderr().splitlines())
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: named(agent.pid, PROCESSOR) not in (None, pid), 5, "another one")
            self.assertRegex(agent.stderr().splitlines()[lines], r"processor ended .* and is started again")

    def test_the_spawner_takes_all_with_it(self) -> None:
        """Without it nothing could be restarted: the agent ends and says so, no process of it is left."""
        with Nginx() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            pids = agent.pids
            os.kill(named(agent.pid, SPAWNER), signal.SIGKILL)
            self.assertEqual(agent.wait_for_end(), 1, "a service manager does not start it again after 2")
            settle(lambda: not any(map(lives, pids)), 2)
            self.assertEqual([pid for pid in pids if lives(pid)], [])
            self.assertIn("spawner", agent.stderr())
            self.assertEqual(run_load(server.port, 5, 1, lambda index: Request("GET", "/")).errors, [])

    def test_one_that_a_service_manager_starts(self) -> None:
        """The broker connects again: to another process, with the same series."""
        with Nginx() as server, ProcessorSocket() as activation:
            command = [str(BEYLA_BINARY), "--processor-socket", str(activation.path)]
            with Agent({"OPEN_PORT": str(server.port)}, command) as agent:
                first = run_load(server.port, 20, 2, lambda index: Request("GET", f"/first/{index}"))
                agent.wait_for_requests(first.counts)
                for _ in range(2):
                    pid = activation.pid
                    os.kill(pid, signal.SIGKILL)
                    wait_until(lambda: activation.pid not in (None, pid), 5, "another one")
                    agent.scrape()  # it serves: one that is killed before it is met counts as none
                second = run_load(server.port, 20, 2, lambda index: Request("GET", f"/second/{index}"))
                metrics = agent.wait_for_requests(first.counts + second.counts)
                self.assertEqual(metrics.total(RESTARTS), 2)
                self.assertIn("its connection has closed", agent.stderr())


if __name__ == "__main__":
    main()
