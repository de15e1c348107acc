"""beyla doctor: what it says of kernel, privileges, settings and processes; and that the agent then does as it said."""
import os
import pty
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Mapping, Sequence

from harness import (
    BEYLA_BINARY, READY, clean_environment, end_process, free_port, is_listening, main, required_program, wait_until,
)
from targets import GoServer, PythonServer, Server, build_go_server

NOBODY = 65534
TIMEOUT_SECONDS = 30
ROW = re.compile(r"  (?P<name>\S.*?)  +(?P<status>ok|limited|missing|unknown|not built)  +(?P<finding>\S.*)")
FIX = re.compile(r" +fix: (.*)")
CANDIDATE = re.compile(r"  pid (?P<pid>\d+) +(?P<executable>\S+) +(?:service=(?P<service>\S+) +)?(?P<reason>.+)")


@dataclass
class Report:
    """A run of the doctor, parsed."""

    exit_code: int
    text: str
    errors: str
    status: dict[str, str] = field(default_factory=dict)
    finding: dict[str, str] = field(default_factory=dict)
    fix: dict[str, str] = field(default_factory=dict)
    lists: dict[str, dict[int, re.Match[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        title = name = ""
        for line in self.text.splitlines():
            if match := CANDIDATE.fullmatch(line):
                self.lists.setdefault(title, {})[int(match["pid"])] = match
            elif match := ROW.fullmatch(line):
                name = match["name"]
                self.status[name], self.finding[name] = match["status"], match["finding"]
            elif match := FIX.fullmatch(line):
                self.fix[name] = match[1]
            elif line and not line.startswith(" "):
                title = line

    def missing(self) -> set[str]:
        return {name for name, status in self.status.items() if status == "missing"}

    def listed(self, words: str) -> dict[int, re.Match[str]]:
        return next((rows for title, rows in self.lists.items() if words in title), {})

    def selected(self) -> dict[int, re.Match[str]]:
        return self.listed("would be selected")


class DoctorTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-doctor-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)
        self.binary = self.folder / "beyla"  # where another user may read it
        shutil.copy(BEYLA_BINARY, self.binary)
        self.binary.chmod(0o755)
        self.good = {"OPEN_PORT": str(free_port()), "BEYLA_PROMETHEUS_PORT": str(free_port())}

    def doctor(self, environment: Mapping[str, str], prefix: Sequence[str] = (), *arguments: str) -> Report:
        done = subprocess.run(
            [*prefix, str(self.binary), "doctor", *arguments], env=clean_environment(environment),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
        )
        return Report(done.returncode, done.stdout, done.stderr)

    def agent_runs(self, environment: Mapping[str, str], prefix: Sequence[str]) -> bool:
        """Whether the agent itself gets ready; if not, it must have refused with exit code 2."""
        with tempfile.TemporaryFile("w+") as stderr:
            process = subprocess.Popen(
                [*prefix, str(self.binary)], env=clean_environment(environment), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=stderr,
            )

            def text() -> str:
                stderr.seek(0)
                return stderr.read()

            wait_until(lambda: READY in text() or process.poll() is not None, 20, "the agent is ready or ends")
            if process.poll() is None:
                end_process(process)
                return True
            self.assertEqual(process.returncode, 2, text())
            return False

    def check(self, prefix: Sequence[str], missing: set[str], environment: Mapping[str, str] | None = None) -> Report:
        """Runs doctor and agent the same way; fails unless these rows are missing and both agree."""
        environment = environment or self.good
        report = self.doctor(environment, prefix)
        self.assertEqual(report.missing(), missing, report.text)
        self.assertEqual(report.exit_code, 2 if missing else 0, report.text + report.errors)
        self.assertEqual(report.errors, "")
        self.assertEqual(self.agent_runs(environment, prefix), not missing, report.text)
        return report

    def without(self, *capabilities: str) -> list[str]:
        dropped = ",".join(f"-{name}" for name in capabilities)
        return [required_program("setpriv"), f"--bounding-set={dropped}", f"--inh-caps={dropped}"]


class PrivilegeTest(DoctorTest):
    def as_nobody(self) -> list[str]:
        return [required_program("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def test_root(self) -> None:
        report = self.check([], set())
        self.assertEqual(report.status["load and attach"], "ok")
        self.assertEqual(report.status["loopback exchange"], "ok")
        self.assertEqual(report.status["socket hook fentry"], "not built")
        self.assertTrue(report.text.endswith("result: beyla would run with these settings\n"))
        self.assertNotIn("\x1b", report.text)

    def test_nobody(self) -> None:
        with PythonServer() as server:
            report = self.check(self.as_nobody(), {"CAP_BPF", "CAP_PERFMON"}, self.good | {"OPEN_PORT": str(server.port)})
        self.assertEqual(report.status["load and attach"], "unknown")
        self.assertIn("sudo -E beyla", report.fix["CAP_BPF"])
        self.assertEqual(report.status["socket hook tp_btf"], "ok")  # type information is for everybody
        self.assertEqual(report.selected(), {})
        self.assertIn(f"port {server.port} (network namespace of the agent) is listened on by a process", report.text)

    def test_nobody_sees_own_processes(self) -> None:
        port = free_port()
        with closing(RunAs(NOBODY, self.folder, port)) as server:
            report = self.doctor(self.good | {"OPEN_PORT": str(port)}, self.as_nobody())
            self.assertIn(server.process.pid, report.selected(), report.text)

    def test_one_of_the_loading_capabilities(self) -> None:
        for name in ("bpf", "perfmon"):
            row = f"CAP_{name.upper()}"
            with self.subTest(row):
                report = self.check(self.without(name), set())
                self.assertIn("CAP_SYS_ADMIN includes it", report.finding[row])
                self.check(self.without(name, "sys_admin"), {row})

    def test_without_ptrace_others_are_not_matched_by_name(self) -> None:
        port = free_port()
        with closing(RunAs(NOBODY, self.folder, port)) as server:
            environment = self.good | {"OPEN_PORT": str(port), "EXECUTABLE_NAME": server.executable.name}
            pid = server.process.pid
            self.assertIn(pid, self.doctor(environment).selected())
            report = self.check(self.without("sys_ptrace"), set(), environment)
        self.assertEqual(report.status["CAP_SYS_PTRACE"], "limited")
        self.assertEqual(report.status["other processes in /proc"], "limited")
        self.assertNotIn(pid, report.selected())

    def test_bare_minimum(self) -> None:
        report = self.check(
            [required_program("setpriv"), "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all"], set()
        )
        for row in ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"):
            self.assertEqual(report.status[row], "limited")
        self.assertEqual(report.status["loopback exchange"], "ok")

    def test_few_open_files(self) -> None:
        prlimit = [required_program("prlimit"), "--nofile=128:128"]
        self.assertEqual(self.doctor(self.good, prlimit).status["open files limit"], "limited")


class RunAs:
    """A Go server that runs as another user, from a copy with a name of its own."""

    def __init__(self, uid: int, folder: Path, port: int) -> None:
        self.executable = folder / f"server-{folder.name}"
        shutil.copy(build_go_server(), self.executable)
        self.executable.chmod(0o755)
        self.process = subprocess.Popen(
            [str(self.executable), str(port)], user=uid, group=uid, extra_groups=[], env=clean_environment({}),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )
        wait_until(lambda: is_listening(port), 10, "the server listens")

    def close(self) -> None:
        end_process(self.process)


class EnvironmentTest(DoctorTest):
    def shell(self, unshare: Sequence[str], first: str = ":") -> list[str]:
        return [required_program("unshare"), *unshare, "sh", "-c", f'{first} && exec "$@"', "sh"]

    def test_type_information_masked(self) -> None:
        prefix = self.shell(["-m"], "mount -t tmpfs none /sys/kernel/btf")
        report = self.check(prefix, {"kernel type information", "load and attach"})
        self.assertIn("CONFIG_DEBUG_INFO_BTF", report.fix["kernel type information"])
        self.assertEqual(report.status["socket hook tp_btf"], "unknown")

    def test_child_pid_namespace(self) -> None:
        report = self.check(self.shell(["-p", "-f", "--mount-proc", "--kill-child"]), set())
        self.assertEqual(report.status["pid namespace"], "limited")
        self.assertIn("--pid=host", report.fix["pid namespace"])
        self.assertEqual(report.status["loopback exchange"], "ok")

    def test_user_namespace(self) -> None:
        self.check(self.shell(["-U", "-r"]), {"user namespace"})

    def test_loopback_down(self) -> None:
        report = self.doctor(self.good, self.shell(["-n"]))
        self.assertEqual(report.status["loopback exchange"], "unknown")
        self.assertEqual(report.exit_code, 0)

    def test_hidepid(self) -> None:
        prefix = self.shell(["-m"], "mount -t proc -o hidepid=2 proc /proc")
        nobody = [required_program("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.assertIn("hidepid", self.doctor(self.good, [*prefix, *nobody]).finding["other processes in /proc"])

    def test_colours_on_a_terminal(self) -> None:
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [str(self.binary), "doctor"], env=clean_environment(self.good), stdin=subprocess.DEVNULL, stdout=terminal,
            stderr=subprocess.DEVNULL,
        )
        os.close(terminal)
        text = b""
        try:
            while chunk := os.read(controller, 65536):
                text += chunk
        except OSError:  # how Linux says that nobody holds the terminal any more
            pass
        os.close(controller)
        self.assertEqual(process.wait(TIMEOUT_SECONDS), 0)
        self.assertIn(b"\x1b[32mok", text)


class SettingsTest(DoctorTest):
    def test_scrape_port_taken(self) -> None:
        with socket.create_server(("", 0)) as taken:
            port = str(taken.getsockname()[1])
            report = self.check([], {"scrape port"}, self.good | {"BEYLA_PROMETHEUS_PORT": port})
        self.assertIn(f"taken by pid {os.getpid()} ", report.finding["scrape port"])
        self.assertIn(port, report.finding["scrape port"])

    def test_no_selector_lists_candidates(self) -> None:
        with PythonServer() as server:
            report = self.check([], {"settings", "selectors"}, {"BEYLA_PROMETHEUS_PORT": str(free_port())})
            listed = report.listed("nothing would be selected")
            self.assertEqual(listed[server.process.pid]["reason"], f"listens on {server.port}")

    def test_no_exporter_still_shows_who_is_selected(self) -> None:
        with PythonServer() as server:
            report = self.check([], {"settings"}, {"OPEN_PORT": str(server.port)})
            self.assertIn(server.process.pid, report.selected())

    def test_nonsense(self) -> None:
        report = self.check([], {"settings", "selectors"}, {"OPEN_PORT": "http"})
        self.assertIn("OPEN_PORT", report.finding["settings"])

    def test_config_file(self) -> None:
        file = self.folder / "beyla.yml"
        with PythonServer() as server:
            file.write_text(f"open_port: {server.port}\nprint_traces: true\n")
            report = self.doctor({}, (), "--config", str(file))
            self.assertEqual(report.exit_code, 0, report.text)
            self.assertIn(server.process.pid, report.selected())

    def test_bad_arguments_stay_one_line(self) -> None:
        report = self.doctor(self.good, (), "--fast")
        self.assertEqual((report.exit_code, report.text, len(report.errors.splitlines())), (2, "", 1))


class SelectionTest(DoctorTest):
    def expect_selected(self, environment: Mapping[str, str], server: Server, service: str, reason: str) -> None:
        report = self.doctor(environment)
        self.assertEqual(set(report.selected()), {server.process.pid}, report.text)
        found = report.selected()[server.process.pid]
        self.assertEqual(found["service"], service)
        self.assertIn(reason, found["reason"])

    def test_by_port(self) -> None:
        with PythonServer(environment={"OTEL_SERVICE_NAME": "front"}) as server:
            self.expect_selected(
                self.good | {"OPEN_PORT": str(server.port)}, server, "front", f"listens on port {server.port} (fd "
            )

    def test_multipath_listener(self) -> None:
        with GoServer(environment={"GODEBUG": "multipathtcp=1"}) as server:
            self.expect_selected(
                self.good | {"OPEN_PORT": str(server.port)}, server, "testserver", f"listens on port {server.port}"
            )

    def test_by_name_and_nearly(self) -> None:
        executable = self.folder / f"shop-{self.folder.name}"
        shutil.copy(build_go_server(), executable)
        with GoServer(executable=executable) as server, GoServer(executable=executable) as other:
            settings = {"BEYLA_PROMETHEUS_PORT": self.good["BEYLA_PROMETHEUS_PORT"], "EXECUTABLE_NAME": executable.name}
            report = self.doctor(settings)
            self.assertEqual(set(report.selected()), {server.process.pid, other.process.pid}, report.text)
            report = self.doctor(settings | {"OPEN_PORT": str(server.port)})
            self.assertEqual(set(report.selected()), {server.process.pid}, report.text)
            nearly = report.listed("match one selector only")
            self.assertEqual(set(nearly), {other.process.pid}, report.text)
            self.assertIn(f"it listens on {other.port} only", nearly[other.process.pid]["reason"])

    def test_other_network_namespace(self) -> None:
        port = free_port()
        server = subprocess.Popen(
            [required_program("unshare"), "-n", str(build_go_server()), str(port)], env=clean_environment({}),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            environment = self.good | {"OPEN_PORT": str(port)}
            found = wait_until(lambda: self.doctor(environment).selected(), 10, "the doctor sees the server")
            own = os.stat("/proc/self/ns/net").st_ino
            reason = found[server.pid]["reason"]
            self.assertRegex(reason, rf"listens on port {port} \(fd \d+, network namespace \d+\)")
            self.assertNotIn(str(own), reason)
        finally:
            end_process(server)


if __name__ == "__main__":
    main()
