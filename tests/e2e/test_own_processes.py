"""The agent's own processes: what it leaves alone, and what they hold while they run."""
from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import socket
import string
import sys
import tempfile
import unittest
from pathlib import Path

from harness import BEYLA_BINARY, Agent, free_port, is_listening, main, required_program, wait_until
from processes import status_of
from test_secrets import memory_of


def secrets_token(length: int) -> str:
    return "".join(random.choices(string.ascii_uppercase + string.digits, k=length))


PER_CPU_ARRAY = "6"  # BPF_MAP_TYPE_PERCPU_ARRAY, linux/bpf.h


def fd_infos(pid: int) -> list[dict[str, str]]:
    """What the kernel says of each descriptor, by name."""
    texts = (entry.read_text() for entry in Path(f"/proc/{pid}/fdinfo").iterdir())
    pairs = ([line.partition(":") for line in text.splitlines()] for text in texts)
    return [{name: value.strip() for name, _, value in lines} for lines in pairs]


def whole_memory_of(pid: int) -> bytes | None:
    """None: some of it went away while it was read."""
    try:
        return b"".join(memory_of(pid))
    except OSError:
        return None


def is_running(pid: int) -> bool:
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except OSError:
        return False


def borrowed_listener(pid: int, port: int) -> socket.socket:
    """A duplicate of the process's own descriptor, as pidfd_getfd(2) gives it."""
    pidfd_getfd = 438
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    pidfd = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if not os.readlink(entry).startswith("socket:"):
                continue
            copy = socket.socket(fileno=system_call(pidfd_getfd, pidfd, int(entry.name), 0))
            if copy.family != socket.AF_UNIX and copy.getsockname()[1] == port:
                return copy
            copy.close()
    finally:
        os.close(pidfd)
    raise AssertionError(f"process {pid} does not listen on {port}")


class OwnProcessesTest(unittest.TestCase):
    def restarts(self, agent: Agent) -> float:
        """0 also while the old one still answers, or nobody does."""
        try:
            return agent.scrape().total("beyla_processor_restarts_total")
        except OSError:
            return 0

    def test_it_does_not_watch_itself(self) -> None:
        """Selected by its own name it serves scrapes that are nobody's requests; also after a restart."""
        with tempfile.TemporaryDirectory(prefix="beyla-own-") as folder:
            binary = Path(folder) / f"beyla-own-{os.getpid()}"
            shutil.copy(BEYLA_BINARY, binary)
            with Agent({"EXECUTABLE_NAME": binary.name}, [str(binary)]) as agent:
                for _ in range(3):
                    self.assertEqual(agent.scrape().total("beyla_targets"), 0, agent.stderr())
                os.kill(agent.processor_pid, signal.SIGKILL)
                wait_until(lambda: self.restarts(agent) == 1, 5, "another processor")
                for _ in range(3):
                    self.assertEqual(agent.scrape().total("beyla_targets"), 0, agent.stderr())
                self.assertNotIn("instrumenting", agent.stderr())

    def test_scrapes_go_on_after_a_processor_that_shut_the_socket_down(self) -> None:
        """All share one; what was done to it by the last is undone for the next."""
        with Agent({"OPEN_PORT": str(free_port())}) as agent:
            agent.scrape()  # it has been given the socket
            with borrowed_listener(agent.processor_pid, agent.metrics_port) as listener:
                listener.shutdown(socket.SHUT_RDWR)
            self.assertFalse(is_listening(agent.metrics_port))
            os.kill(agent.processor_pid, signal.SIGKILL)
            wait_until(lambda: self.restarts(agent) == 1, 5, "another processor that serves")

    def test_it_ends_with_whoever_asked_for_that(self) -> None:
        """A parent-death signal, here of unshare, is of use for the agent, too, which changes its user."""
        port = str(free_port())
        wrapper = [required_program("unshare"), "--mount", "--fork", "--kill-child", str(BEYLA_BINARY)]
        with Agent({"OPEN_PORT": port}, wrapper) as agent:
            members = agent.pids
            self.assertEqual(len(members), 4, members)
            agent.stop(signal.SIGKILL)
            wait_until(lambda: not any(map(is_running, members)), 5, "all of the agent has ended")

    def test_no_process_that_logs_ends_when_nobody_reads(self) -> None:
        with Agent({"OPEN_PORT": str(free_port())}) as agent:
            agent.scrape()
            for pid in (agent.pid, agent.processor_pid):
                ignored = int(status_of(pid)["SigIgn"], 16)
                self.assertTrue(ignored >> (signal.SIGPIPE - 1) & 1, status_of(pid)["Name"])

    def test_the_kernels_counts_are_not_the_processors_to_write(self) -> None:
        with Agent({"OPEN_PORT": str(free_port())}) as agent:
            agent.scrape()
            maps = [entry for entry in fd_infos(agent.processor_pid) if "map_type" in entry]
            counts = [entry for entry in maps if entry["map_type"] == PER_CPU_ARRAY]
            self.assertEqual(len(counts), 2, maps)
            for entry in counts:
                self.assertEqual(int(entry["flags"], 8) & os.O_ACCMODE, os.O_RDONLY, entry)

    def test_what_parses_traffic_does_not_hold_the_environment(self) -> None:
        """A shell's may hold any secret. Only the name of a variable may stay, without its value."""
        secrets = {  # a short one lies elsewhere in a std::string
            "OWN_TEST_SECRET": secrets_token(32),
            "OWN_TEST_PIN": secrets_token(12),
        }
        with Agent({"OPEN_PORT": str(free_port())} | secrets) as agent:
            agent.scrape()
            memory = wait_until(lambda: whole_memory_of(agent.processor_pid), 5, "its memory is read")
            self.assertTrue(str(BEYLA_BINARY).encode() in memory, "the stack is read at all")
            for name, secret in secrets.items():
                for part in (secret[:8], secret[-8:]):  # of a long one that was copied by pieces, too
                    self.assertEqual(memory.count(part.encode()), 0, name)


if __name__ == "__main__":
    sys.exit(main())
