"""Ends an agent in the hardest way."""
import os
import signal

from harness import Agent, settle
from kernel_objects import Handles
from processes import family


def kill_at_once(agent: Agent, seconds: float) -> None:
    """By SIGKILL; all its processes are gone within that time."""
    processes = Handles(family(agent.pid))
    try:
        os.kill(agent.pid, signal.SIGKILL)
        if (status := agent.stop()) not in (0, -signal.SIGKILL):
            raise AssertionError(f"the agent ended with {status}")
        settle(lambda: not processes.alive(), seconds)
        if alive := processes.alive():
            raise AssertionError(f"the agent's processes {alive} live on")
    finally:
        processes.close()
