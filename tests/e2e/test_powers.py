"""What each process of the agent may do while it runs, as the kernel says it; and that nothing more is needed."""
from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

from go_targets import wait_probed
from harness import BEYLA_BINARY, Agent, free_port, main, required_program, wait_until
from http_client import Request, send_once
from processes import PROCESSOR, SPAWNER, family, name_of, status_of, tasks
from targets import GoServer, PythonServer

# linux/capability.h
CAPABILITIES = {"dac_read_search": 2, "sys_ptrace": 19, "perfmon": 38, "bpf": 39, "checkpoint_restore": 40}
BROKER_MASK = sum(1 << number for number in CAPABILITIES.values())
NOBODY = 65534
SOMEBODY = 12345  # no user of this machine
FILTER = "2"  # SECCOMP_MODE_FILTER


def as_somebody(without: str = "") -> list[str]:
    """Starts the agent as a user without rights but the five capabilities, all but `without`."""
    given = ",".join(f"+{name}" for name in CAPABILITIES if name != without)
    user = str(SOMEBODY)
    return [
        required_program("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups",
        f"--inh-caps=-all,{given}", f"--ambient-caps=-all,{given}", f"--bounding-set=-all,{given}", str(BEYLA_BINARY),
    ]


class PowersTest(unittest.TestCase):
    def check_process(self, pid: int, uid: int, mask: int, bounding: int, filters: int = 1) -> None:
        for task in tasks(pid):
            status = status_of(int(task.name))
            with self.subTest(process=name_of(pid), thread=status["Name"]):
                self.assertEqual(set(status["Uid"].split()), {str(uid)})
                self.assertEqual(set(status["Gid"].split()), {str(uid)})
                self.assertEqual(status["Groups"], "")
                for name, expected in (("CapEff", mask), ("CapPrm", mask), ("CapInh", 0), ("CapAmb", 0)):
                    self.assertEqual(int(status[name], 16), expected, name)
                self.assertEqual(int(status["CapBnd"], 16), bounding)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Seccomp"], FILTER)
                self.assertEqual(int(status["Seccomp_filters"]), filters)

    def check_all(self, agent: Agent, uid: int, bounding_of_others: int) -> None:
        names = {name_of(pid): pid for pid in agent.pids}
        self.assertEqual(set(names), {name_of(agent.pid), SPAWNER, PROCESSOR})
        self.check_process(agent.pid, uid, BROKER_MASK, BROKER_MASK)
        self.check_process(names[SPAWNER], uid, 0, bounding_of_others)
        # Its own, and the spawner's, which it was born with.
        self.check_process(names[PROCESSOR], uid, 0, bounding_of_others, filters=2)

    def check_core_dumps_are_off(self, agent: Agent) -> None:
        for pid in agent.pids:
            limits = Path(f"/proc/{pid}/limits").read_text()
            self.assertRegex(limits, r"Max core file size\s+0\s+0\s")

    def test_started_as_root(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            send_once(server.port, Request("GET", "/hello"))
            agent.wait_for_line("200 GET /hello ")
            agent.scrape()
            self.check_all(agent, NOBODY, 0)
            self.check_core_dumps_are_off(agent)

    def test_started_with_five_capabilities(self) -> None:
        """In full: root's executables and environments are read, also of what ran before, and Go programs probed."""
        older, newer = PythonServer(), GoServer(None, {"OTEL_SERVICE_NAME": "the-newer"})
        with older:
            ports = {"OPEN_PORT": f"{older.port},{newer.port}"}
            with Agent(ports, as_somebody()) as agent, newer:
                for server, path in ((older, "/older"), (newer, "/newer")):
                    send_once(server.port, Request("GET", path))
                    agent.wait_for_line(f"GET {path} ")
                wait_probed(agent, newer.process.pid)
                self.check_all(agent, SOMEBODY, BROKER_MASK)
                self.check_core_dumps_are_off(agent)
                services = agent.scrape().services()
                self.assertEqual(services["the-newer"], 1)
                self.assertTrue(any(name.startswith("python") for name in services), services)
                self.assertEqual(agent.scrape().total("beyla_capabilities_missing"), 0)

    def test_started_with_too_little(self) -> None:
        """It runs with what is left and says once what that costs; or not at all, where that was asked."""
        for missing, lost in (("sys_ptrace", "CAP_SYS_PTRACE"), ("dac_read_search", "CAP_DAC_READ_SEARCH")):
            with self.subTest(missing), GoServer() as server:
                with Agent({"OPEN_PORT": str(server.port)}, as_somebody(missing)) as agent:
                    send_once(server.port, Request("GET", "/hello"))
                    agent.wait_for_line("200 GET /hello ")
                    lines = [line for line in agent.stderr().splitlines() if lost in line]
                    self.assertEqual(len(lines), 1, agent.stderr())
                    self.assertIn("level=warning", lines[0])
                    self.assertEqual(agent.scrape().total("beyla_capabilities_missing"), 1)
                refused = self.refuse(missing, BEYLA_ENFORCE_SYS_CAPS="true")
                self.assertIn(lost, refused)

    def test_started_with_nothing_that_helps(self) -> None:
        for missing in ("bpf", "perfmon"):
            with self.subTest(missing):
                self.assertIn(f"CAP_{missing.upper()}", self.refuse(missing))

    def refuse(self, missing: str, **environment: str) -> str:
        done = subprocess.run(
            as_somebody(missing), env={"OPEN_PORT": "1", "PRINT_TRACES": "true"} | environment, capture_output=True,
            text=True, timeout=10,
        )
        self.assertEqual(done.returncode, 2, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    def test_small_limits(self) -> None:
        """256 open files, no locked memory."""
        command = [required_program("prlimit"), "--nofile=256:256", "--memlock=0:0", str(BEYLA_BINARY)]
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}, command) as agent:
            send_once(server.port, Request("GET", "/hello"))
            agent.wait_for_line("200 GET /hello ")

    def test_single_process(self) -> None:
        """For debugging: one process, with all that it was started with."""
        command = [str(BEYLA_BINARY), "--single-process"]
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}, command) as agent:
            send_once(server.port, Request("GET", "/hello"))
            agent.wait_for_line("200 GET /hello ")
            agent.scrape()
            self.assertEqual(family(agent.pid), [agent.pid])
            self.assertEqual(agent.processor_pid, agent.pid)
            self.assertEqual(agent.stderr().count("no Go probes with --single-process"), 1, agent.stderr())

    def test_who_wants_no_go_probes_is_not_told_that_there_are_none(self) -> None:
        command = [str(BEYLA_BINARY), "--single-process"]
        with Agent({"OPEN_PORT": str(free_port()), "BEYLA_SKIP_GO_SPECIFIC_TRACERS": "true"}, command) as agent:
            self.assertNotIn("Go probes", agent.stderr())

    def test_no_power_over_others_is_used(self) -> None:
        """No signal but to its own children, no tracing, no writing into the target's memory: as strace sees it."""
        strace = required_program("strace")
        folder = Path(f"/tmp/beyla-powers-{os.getpid()}")
        forks = ("clone", "clone3", "fork", "vfork")
        forbidden = "kill,tkill,tgkill,ptrace,process_vm_readv,process_vm_writev,pidfd_send_signal,execve,execveat"
        traced = ",".join((forbidden, *forks))
        command = [strace, "-f", "-qq", "-o", str(folder), "-e", f"trace={traced}", str(BEYLA_BINARY)]
        try:
            with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}, command) as agent:
                send_once(server.port, Request("GET", "/hello"))
                agent.wait_for_line("200 GET /hello ")
                wait_until(lambda: agent.scrape().requests().total() == 1, 5, "the request is counted")
                broker = int(Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()[0])
                os.kill(broker, 15)
                agent.wait_for_end(10)
            lines = folder.read_text().splitlines()
            forked = [line for line in lines if re.search(rf" (<\.\.\. )?({'|'.join(forks)})\b", line)]
            children = {line.rsplit("= ", 1)[-1] for line in forked}
            ends = [f"kill({child}, SIGKILL)" for child in children]  # an ELF worker has answered: it is to be gone
            calls = [line for line in lines if "(" in line and line not in forked and "execve" not in line]
            calls = [call for call in calls if "+++" not in call and "---" not in call]
            self.assertEqual([call for call in calls if not any(end in call for end in ends)], [])
            execs = [line for line in lines if "execve" in line]
            self.assertEqual(len(execs), 1, execs)  # strace's own
        finally:
            folder.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
