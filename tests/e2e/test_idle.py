"""An idle agent sleeps: at most 0.1 % of a core, hardly a wake-up."""
import time
import unittest

from harness import Agent, main
from http_client import Request, send_once
from processes import cpu_seconds, name_of, voluntary_switches
from targets import GoServer

SECONDS = 10.0
MAX_CPU_SHARE = 0.001
MAX_SWITCHES_PER_SECOND = 4.0
SETTLE_SECONDS = 2.0  # the work of starting and of the one request is over


def use_of(pid: int) -> tuple[float, int]:
    return cpu_seconds(pid), voluntary_switches(pid)


class IdleTest(unittest.TestCase):
    def test_idle_agent_sleeps(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            send_once(server.port, Request("GET", "/hello"))
            agent.wait_for_line("200 GET /hello ")
            time.sleep(SETTLE_SECONDS)
            pids = agent.pids
            started, before = time.monotonic(), {pid: use_of(pid) for pid in pids}
            time.sleep(SECONDS)
            elapsed, after = time.monotonic() - started, {pid: use_of(pid) for pid in pids}
            self.assertEqual(agent.pids, pids)
            used = {pid: [(now - then) / elapsed for now, then in zip(after[pid], before[pid])] for pid in pids}
            share, rate = (sum(kind) for kind in zip(*used.values()))
            for name, cpu, switches in [(name_of(pid), *used[pid]) for pid in pids] + [("together", share, rate)]:
                print(f"{name:12} {cpu:.5%} of a core, {switches:.2f} voluntary context switches per second", flush=True)
            self.assertLessEqual(share, MAX_CPU_SHARE)
            self.assertLessEqual(rate, MAX_SWITCHES_PER_SECOND)


if __name__ == "__main__":
    main()
