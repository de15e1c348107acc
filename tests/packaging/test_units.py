"""The systemd units: what systemd says of them offline, and that they ask for what the documents say."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from unit_files import BROKERS, DEPLOYMENT, SECURITY, UNITS, directives, system_calls, value, values

BUILD = Path(os.environ["BEYLA_BUILD"]) if "BEYLA_BUILD" in os.environ else UNITS.parents[1] / "build" / "dev"
CMAKE = os.environ.get("CMAKE", "cmake")
# Scale of 0 to 10; the offline analysis prints one decimal.
MOST_EXPOSURE = {"beyla.service": 2.0, "beyla-broker.service": 2.0, "beyla-processor.service": 1.2}
ALL = (*MOST_EXPOSURE, "beyla-processor.socket")
HELD = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_CHECKPOINT_RESTORE"}
USED_ONCE = {"CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"}


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "warning", "SYSTEMD_PAGER": ""}
    return subprocess.run(["systemd-analyze", *map(str, arguments)], env=environment, capture_output=True, text=True)


class InstalledUnits(unittest.TestCase):
    """Under a prefix of the test's own, as a package would have them."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-units-")
        self.addCleanup(folder.cleanup)
        self.prefix = Path(folder.name) / "usr"
        subprocess.run(
            [CMAKE, "--install", str(BUILD), "--prefix", str(self.prefix), "--component", "systemd"],
            check=True, capture_output=True,
        )
        self.units = self.prefix / "lib" / "systemd" / "system"
        (self.prefix / "bin").mkdir()
        shutil.copy(shutil.which("true"), self.prefix / "bin" / "beyla")  # verify wants an executable file

    def test_all_are_there_and_start_what_was_installed(self) -> None:
        self.assertEqual({unit.name for unit in self.units.iterdir()}, set(ALL))
        self.assertTrue((self.prefix / "lib/sysusers.d/beyla.conf").is_file())
        for unit in MOST_EXPOSURE:
            text = (self.units / unit).read_text()
            self.assertEqual(text.replace(str(self.prefix / "bin/beyla"), "/usr/bin/beyla"), (UNITS / unit).read_text())
            self.assertIn(f"ExecStart={self.prefix}/bin/beyla", text)

    def test_systemd_understands_every_line(self) -> None:
        done = analyze("verify", "--man=no", *sorted(self.units.iterdir()))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_systemd_would_tell_of_a_line_it_does_not_know(self) -> None:
        unit = self.units / "beyla.service"
        unit.write_text(unit.read_text().replace("PrivateTmp=", "PrivateTemp="))
        self.assertIn("Unknown key 'PrivateTemp'", analyze("verify", "--man=no", unit).stderr)

    def test_exposure(self) -> None:
        for unit, most in MOST_EXPOSURE.items():
            with self.subTest(unit):
                done = analyze("security", "--offline=true", f"--threshold={round(most * 10)}", self.units / unit)
                self.assertEqual(done.returncode, 0, done.stdout)
                found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
                self.assertLessEqual(float(found[1]), most, done.stdout)
                stricter = analyze("security", "--offline=true", "--threshold=1", self.units / unit)
                self.assertNotEqual(stricter.returncode, 0, "the threshold decides")


class Powers(unittest.TestCase):
    def test_brokers_hold_the_four(self) -> None:
        for unit in BROKERS:
            self.assertEqual(set(values(unit, "CapabilityBoundingSet")), HELD, unit)
            self.assertEqual(set(values(unit, "AmbientCapabilities")), HELD, unit)
            self.assertEqual(value(unit, "User"), "beyla", unit)

    def test_processor_holds_none(self) -> None:
        for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
            self.assertEqual(value("beyla-processor.service", name), "", name)
        self.assertEqual(value("beyla-processor.service", "DynamicUser"), "yes")

    def test_brokers_differ_only_in_how_they_reach_the_processor(self) -> None:
        may_differ = {"Description", "ExecStart", "Conflicts", "Requires", "After", "DynamicUser", "Group", "OOMPolicy",
                      "RestrictAddressFamilies"}
        one, two = ([pair for pair in directives(unit) if pair[0] not in may_differ] for unit in BROKERS)
        self.assertEqual(one, two)

    def test_sockets_owner_is_the_broker(self) -> None:
        self.assertEqual(value("beyla-processor.socket", "SocketUser"), value("beyla-broker.service", "User"))
        self.assertEqual(value("beyla-processor.socket", "SocketMode"), "0600")
        path = value("beyla-processor.socket", "ListenSequentialPacket")
        self.assertTrue(value("beyla-broker.service", "ExecStart").endswith(f" --processor-socket {path}"))
        self.assertIn(f"u {value('beyla-broker.service', 'User')} ", (UNITS / "sysusers.d/beyla.conf").read_text())

    def test_what_is_hidden_in_proc_needs_sys_ptrace(self) -> None:
        for unit in BROKERS:
            self.assertNotEqual(value(unit, "ProcSubset"), "pid")
            if value(unit, "ProtectProc") not in (None, "default"):
                self.assertIn("CAP_SYS_PTRACE", values(unit, "CapabilityBoundingSet"), unit)

    def test_no_core_files(self) -> None:
        for unit in MOST_EXPOSURE:
            self.assertEqual(value(unit, "LimitCORE"), "0", unit)

    def test_system_calls(self) -> None:
        needed = {"bpf", "capset", "seccomp", "landlock_restrict_self", "execve", "clone3", "prlimit64", "memfd_create"}
        refused = {"ptrace", "process_vm_readv", "process_vm_writev", "mount", "open_by_handle_at", "init_module",
                   "kexec_load", "perf_event_open", "pidfd_getfd", "userfaultfd", "add_key", "setuid"}
        for unit in MOST_EXPOSURE:
            allowed = system_calls(unit)
            self.assertEqual((needed - allowed, refused & allowed), (set(), set()), unit)


class Documents(unittest.TestCase):
    """Every list of capabilities in a document is the one of the units."""

    def test_security_table(self) -> None:
        rows = dict(re.findall(r"^\| `(CAP_\w+)` \| (held|used once) \|", SECURITY.read_text(), re.MULTILINE))
        self.assertEqual({name for name, when in rows.items() if when == "held"}, HELD)
        self.assertEqual({name for name, when in rows.items() if when == "used once"}, USED_ONCE)

    def test_commands_of_deployment(self) -> None:
        text = DEPLOYMENT.read_text()
        lists = re.findall(r"--(?:inh-caps|ambient-caps|bounding-set)=-all,(\S+)", text)
        self.assertEqual(len(lists), 3)
        for found in lists:
            self.assertEqual({f"CAP_{name.upper().lstrip('+')}" for name in found.split(",")}, HELD)
        self.assertEqual([set(found.upper().split(",")) for found in re.findall(r"setcap (\S+)\+ep", text)], [HELD])

    def test_containers_start_as_root_and_change_the_user(self) -> None:
        text = DEPLOYMENT.read_text()
        self.assertEqual({f"CAP_{name}" for name in re.findall(r"--cap-add=(\w+)", text)}, HELD | USED_ONCE)
        added = re.search(r"add: \[([^]]+)\]", text)[1]
        self.assertEqual({f"CAP_{name.strip()}" for name in added.split(",")}, HELD | USED_ONCE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
