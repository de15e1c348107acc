"""An idle agent sleeps: at most 0.1 % of a core, hardly a wake-up."""
import re
import time
import unittest
from pathlib import Path

from harness import Agent, main
from http_client import Request, send_once
from targets import GoServer

SECONDS = 10.0
MAX_CPU_SHARE = 0.001
MAX_SWITCHES_PER_SECOND = 4.0
SETTLE_SECONDS = 2.0  # the work of starting and of the one request is over


def tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def cpu_seconds(pid: int) -> float:
    """Time on a CPU of all threads, to the nanosecond; /proc/PID/stat only counts ticks of 10 ms."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks(pid)) / 1e9


def voluntary_switches(pid: int) -> int:
    statuses = [(task / "status").read_text() for task in tasks(pid)]
    return sum(int(re.findall(r"^voluntary_ctxt_switches:\s*(\d+)$", status, re.MULTILINE)[0]) for status in statuses)


class IdleTest(unittest.TestCase):
    def test_idle_agent_sleeps(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            send_once(server.port, Request("GET", "/hello"))
            agent.wait_for_line("200 GET /hello ")
            time.sleep(SETTLE_SECONDS)
            started, cpu, switches = time.monotonic(), cpu_seconds(agent.pid), voluntary_switches(agent.pid)
            time.sleep(SECONDS)
            elapsed = time.monotonic() - started
            share = (cpu_seconds(agent.pid) - cpu) / elapsed
            rate = (voluntary_switches(agent.pid) - switches) / elapsed
            print(f"idle agent: {share:.5%} of a core, {rate:.2f} voluntary context switches per second", flush=True)
            self.assertLessEqual(share, MAX_CPU_SHARE)
            self.assertLessEqual(rate, MAX_SWITCHES_PER_SECOND)


if __name__ == "__main__":
    main()
