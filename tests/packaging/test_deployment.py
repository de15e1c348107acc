"""The commands of docs/deployment.md, and the agent with what the systemd units let it do: it runs in full."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Mapping, Sequence

from unit_files import BROKERS, DEPLOYMENT, REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests" / "e2e"))
from harness import (  # noqa: E402
    BEYLA_BINARY, Agent, clean_environment, end_process, free_port, is_listening, main, required_program, wait_until,
)
from targets import build_go_server  # noqa: E402

NOBODY = 65534
TARGETS_USER = 33  # neither root nor who runs the agent
# linux/capability.h: CHECKPOINT_RESTORE, BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH
POWERS = 1 << 40 | 1 << 39 | 1 << 38 | 1 << 19 | 1 << 2
ANYBODYS_PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable  # not one in /root
AS_UNIT = Path(__file__).with_name("as_unit.py")


def tested_commands() -> list[str]:
    return re.findall(r"<!-- tested -->\n```\n(.*?)```\n", DEPLOYMENT.read_text(), re.DOTALL)


def command_with(*words: str) -> str:
    """The one tested command that has all these words in it."""
    found = [command for command in tested_commands() if all(word in command for word in words)]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} commands with {words}")
    return found[0]


class DeploymentTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-deployment-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)
        self.binary = self.folder / "beyla"  # where another user may read it
        shutil.copy(BEYLA_BINARY, self.binary)
        self.binary.chmod(0o755)
        sudo = self.folder / "sudo"  # we are root already; like the real one: variables first, then the command
        sudo.write_text('#!/bin/sh\nexec env "$@"\n')
        sudo.chmod(0o755)
        self.ports = {"8080": str(free_port()), "8999": str(free_port())}

    def prepared(self, command: str) -> str:
        ports = re.sub("8080|8999", lambda port: self.ports[port[0]], command)
        return ports.replace("/usr/local/bin/beyla", str(self.binary))

    def shell(self, command: str, environment: Mapping[str, str] = {}) -> list[str]:
        path = f"{self.folder}:{os.environ['PATH']}:/usr/sbin:/sbin"
        variables = [f"{name}={text}" for name, text in ({"PATH": path} | dict(environment)).items()]
        # The shell becomes the last command, so that its pid is the agent's.
        lead, last = re.fullmatch(r"((?:.*[^\\]\n)*)(.+)", self.prepared(command).strip(), re.DOTALL).groups()
        return ["env", *variables, "sh", "-ec", f"{lead}exec {last}"]

    def check_in_full(self, command: Sequence[str], environment: Mapping[str, str] = {}) -> Mapping[str, str]:
        """Another user's server: matched by path, named by its variable, shown, counted. Returns /proc/PID/status."""
        place = self.folder / "place"
        place.mkdir(exist_ok=True)
        executable = place / "server"
        shutil.copy(build_go_server(), executable)
        port = int(self.ports["8080"])
        server = subprocess.Popen(
            [str(executable), str(port)], user=TARGETS_USER, group=TARGETS_USER, extra_groups=[],
            env=clean_environment({"OTEL_SERVICE_NAME": "shop"}), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd="/",
        )
        try:
            wait_until(lambda: is_listening(port), 10, "the server listens")
            settings = {"EXECUTABLE_NAME": f"{place.parent.name}/place/", "BEYLA_PROMETHEUS_PORT": self.ports["8999"]}
            with Agent(settings | dict(environment), command) as agent:
                text = Path(f"/proc/{agent.pid}/status").read_text()
                subprocess.run(["curl", "-sf", f"http://127.0.0.1:{port}/hello"], check=True, capture_output=True)
                agent.wait_for_line("GET /hello")
                self.assertIn('service_name="shop"', self.page())
        finally:
            end_process(server)
        return dict(re.findall(r"^(\w+):\t(.*)$", text, re.MULTILINE))

    def page(self) -> str:
        url = f"http://127.0.0.1:{self.ports['8999']}/metrics"
        return subprocess.run(["curl", "-sf", url], check=True, capture_output=True, text=True).stdout

    def assert_only_the_powers(self, status: Mapping[str, str]) -> None:
        for name in ("CapPrm", "CapEff"):
            self.assertEqual(int(status[name], 16) & ~POWERS, 0, name)
            self.assertEqual(int(status[name], 16), POWERS, name)


class CommandTest(DeploymentTest):
    def test_each_tested_command_has_its_test(self) -> None:
        self.assertEqual(len(tested_commands()), 4)

    def test_as_root(self) -> None:
        self.check_in_full(self.shell(command_with("sudo OPEN_PORT", "999 beyla")))

    def test_setpriv(self) -> None:
        status = self.check_in_full(self.shell(command_with("setpriv")))
        self.assert_only_the_powers(status)
        self.assertEqual(int(status["CapBnd"], 16), POWERS)
        self.assertEqual(set(status["Uid"].split()), {str(NOBODY)})
        self.assertEqual(status["NoNewPrivs"], "1")

    def test_capabilities_of_the_file(self) -> None:
        subprocess.run(self.shell(command_with("setcap")), check=True)
        user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]
        command = [required_program("setpriv"), *user, str(self.binary)]
        status = self.check_in_full(command, {"OPEN_PORT": self.ports["8080"]})
        self.assert_only_the_powers(status)
        with self.assertRaises(PermissionError, msg="others may not execute it"):
            subprocess.run([str(self.binary), "--version"], user=TARGETS_USER, group=TARGETS_USER, extra_groups=[])

    def test_systemd_analyze(self) -> None:
        subprocess.run(["sh", "-ec", command_with("systemd-analyze")], cwd=REPOSITORY, check=True, capture_output=True)


class UnitTest(DeploymentTest):
    def command(self, unit: str, *words: str) -> list[str]:
        return [required_program("unshare"), "-mui", sys.executable, str(AS_UNIT), unit, *words]

    def test_the_agent_runs_in_full(self) -> None:
        for unit in BROKERS:
            with self.subTest(unit):
                status = self.check_in_full(self.command(unit, str(self.binary)), {"OPEN_PORT": self.ports["8080"]})
                self.assert_only_the_powers(status)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Seccomp"], "2")

    def test_what_the_units_refuse(self) -> None:
        """That the emulation bites; an agent that runs under it proves nothing otherwise."""
        attempts = {
            "a packet socket": "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
            "a file": "open('/tmp/beyla-must-not-write', 'w')",
            "root again": "import os; os.setuid(0)",
            "code": "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)",
        }
        refused = re.compile(r"(PermissionError|OSError): \[Errno (1|13|30|97)\]")  # EPERM, EACCES, EROFS, EAFNOSUPPORT
        for unit in (*BROKERS, "beyla-processor.service"):
            for what, code in attempts.items():
                with self.subTest(unit=unit, what=what):
                    self.assertRegex(self.run_python(unit, code).stderr.splitlines()[-1], refused)
            harmless = self.run_python(unit, "print()")
            self.assertEqual((harmless.returncode, harmless.stderr), (0, ""))

    def run_python(self, unit: str, code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(unit, ANYBODYS_PYTHON, "-c", code), capture_output=True, text=True)


if __name__ == "__main__":
    main()
