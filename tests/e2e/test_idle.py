"""An idle agent sleeps: at most 0.1 % of a core, hardly a wake-up."""
import time
import unittest

from harness import Agent, main
from http_client import Request, send_once
from processes import cpu_seconds, voluntary_switches
from targets import GoServer

SECONDS = 10.0
MAX_CPU_SHARE = 0.001
MAX_SWITCHES_PER_SECOND = 4.0
SETTLE_SECONDS = 2.0  # the work of starting and of the one request is over


class IdleTest(unittest.TestCase):
    def test_idle_agent_sleeps(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            send_once(server.port, Request("GET", "/hello"))
            agent.wait_for_line("200 GET /hello ")
            time.sleep(SETTLE_SECONDS)
            pids = agent.pids
            started, cpu, switches = time.monotonic(), cpu_seconds(*pids), voluntary_switches(*pids)
            time.sleep(SECONDS)
            elapsed = time.monotonic() - started
            share = (cpu_seconds(*pids) - cpu) / elapsed
            rate = (voluntary_switches(*pids) - switches) / elapsed
            print(f"idle agent: {share:.5%} of a core, {rate:.2f} voluntary context switches per second", flush=True)
            self.assertLessEqual(share, MAX_CPU_SHARE)
            self.assertLessEqual(rate, MAX_SWITCHES_PER_SECOND)


if __name__ == "__main__":
    main()
