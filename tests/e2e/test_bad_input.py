"""Bad input: one clear line on stderr, nothing on stdout, exit code 2."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from typing import Mapping, Sequence

from harness import BEYLA_BINARY, clean_environment, end_process, free_port, main, required_program, wait_until
from targets import PROGRAMS

NOBODY = 65534
TIMEOUT_SECONDS = 10
PATIENCE_SECONDS = 6.5  # 5 for a file that does not answer, and some to say so
DEBIAN_PYTHON = "/usr/bin/python3"  # the one that has python3-fusepy


class BadInputTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-bad-input-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.good = {"OPEN_PORT": "8080", "BEYLA_PROMETHEUS_PORT": str(free_port())}

    def refuse(self, environment: Mapping[str, str], *mentions: str, command: Sequence[str] = (BEYLA_BINARY,)) -> str:
        """Runs the agent, checks that it refuses and that its one line has all of `mentions`; returns the line."""
        done = subprocess.run(
            [str(word) for word in command], env=clean_environment(environment), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
        )
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for mention in mentions:
            self.assertIn(mention, lines[0])
        return lines[0]

    def refuse_yaml(self, text: str, *mentions: str) -> str:
        file = self.folder / "beyla.yml"
        file.write_text(text)
        environment = {"BEYLA_PROMETHEUS_PORT": self.good["BEYLA_PROMETHEUS_PORT"]}
        return self.refuse(environment, *mentions, command=(BEYLA_BINARY, "--config", file))

    def test_no_selector(self) -> None:
        self.refuse({"BEYLA_PROMETHEUS_PORT": str(free_port())}, "OPEN_PORT", "EXECUTABLE_NAME")

    def test_no_exporter(self) -> None:
        self.refuse({"OPEN_PORT": "8080"}, "BEYLA_PROMETHEUS_PORT", "PRINT_TRACES")

    def test_nonsense_in_open_port(self) -> None:
        for text in ("abc", "0", "65536", "80,", "-1", "9000-8000", "80-", "80 81", "8e1", "99999999999999999999"):
            with self.subTest(text):
                self.refuse(self.good | {"OPEN_PORT": text}, "OPEN_PORT", text)

    def test_nonsense_in_prometheus_port(self) -> None:
        for text in ("abc", "65536", "-1", "80-90"):
            with self.subTest(text):
                self.refuse(self.good | {"BEYLA_PROMETHEUS_PORT": text}, "BEYLA_PROMETHEUS_PORT", text)

    def test_nonsense_in_print_traces(self) -> None:
        self.refuse(self.good | {"PRINT_TRACES": "perhaps"}, "PRINT_TRACES", "perhaps")

    def test_port_in_use(self) -> None:
        with socket.create_server(("", 0)) as taken:
            port = str(taken.getsockname()[1])
            self.refuse(self.good | {"BEYLA_PROMETHEUS_PORT": port}, port, "in use")

    def test_two_spellings_that_differ(self) -> None:
        line = self.refuse(self.good | {"OPEN_PORT": "80", "BEYLA_OPEN_PORT": "81"}, "BEYLA_OPEN_PORT")
        self.assertRegex(line, r"(?<!BEYLA_)OPEN_PORT")

    def test_unknown_yaml_key(self) -> None:
        self.refuse_yaml("open_port: 80\nprint_traces: true\nopen_prot: 81\n", "beyla.yml:3:1", "open_prot")

    def test_unknown_yaml_key_inside_a_section(self) -> None:
        self.refuse_yaml("open_port: 80\nprometheus_export:\n  prot: 81\n", "beyla.yml:3:3", "prot")

    def test_wrong_type_in_yaml(self) -> None:
        self.refuse_yaml("open_port: 80\nprint_traces: [1, 2]\n", "beyla.yml:2:", "print_traces")
        self.refuse_yaml("open_port: 80\nprometheus_export: 8999\n", "beyla.yml:2:", "prometheus_export")

    def test_yaml_that_is_none(self) -> None:
        self.refuse_yaml("open_port: [80\n", "beyla.yml:")

    def test_missing_file(self) -> None:
        missing = self.folder / "nowhere.yml"
        self.refuse(self.good, str(missing), command=(BEYLA_BINARY, "--config", missing))
        self.refuse(self.good, str(missing), command=(BEYLA_BINARY, "-config", missing))
        self.refuse(self.good | {"BEYLA_CONFIG_PATH": str(missing)}, str(missing))

    def test_unreadable_file(self) -> None:
        self.refuse(self.good, str(self.folder), command=(BEYLA_BINARY, "--config", self.folder))

    def test_file_that_never_answers(self) -> None:
        """Its file system takes the request to open or to read it, and that was the last of it."""
        for where in ("open", "read"):
            with self.subTest(where):
                self.hang_at(where)

    def hang_at(self, where: str) -> None:
        folder = self.folder / where
        folder.mkdir()
        program = str(PROGRAMS / "hanging_fuse.py")
        command = [required_program("unshare"), "--mount", DEBIAN_PYTHON, program, str(folder), where]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            mounts = Path(f"/proc/{server.pid}/mountinfo")
            wait_until(lambda: f" {folder} " in mounts.read_text(), 10, "it is mounted")
            file = f"/proc/{server.pid}/root{folder}/beyla.yml"  # seen from outside of its namespace
            began = time.monotonic()
            self.refuse(self.good, "nothing answers", command=(BEYLA_BINARY, "--config", file))
            self.assertLess(time.monotonic() - began, PATIENCE_SECONDS)
        finally:
            end_process(server, signal.SIGKILL)  # which fails whoever still waits

    def test_pipe_that_nobody_writes(self) -> None:
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        began = time.monotonic()
        self.refuse(self.good, str(pipe), command=(BEYLA_BINARY, "--config", pipe))
        self.assertLess(time.monotonic() - began, PATIENCE_SECONDS)

    def test_ugly_names(self) -> None:
        """What a message quotes cannot write a second line, nor speak to the terminal."""
        for name in ("two\nlines", "..\x1b[2J", "back\rspace\x08", "bell\x07\u2028\u202e", "../" * 80 + "x\n" * 80):
            with self.subTest(name):
                line = self.refuse(self.good, "config",
                                   command=(BEYLA_BINARY, "--config", self.folder / name))
                self.assertTrue(line.isprintable(), line)
                line = self.refuse(self.good | {"OPEN_PORT": name}, "OPEN_PORT")
                self.assertTrue(line.isprintable(), line)

    def test_unknown_argument(self) -> None:
        self.refuse(self.good, "--fast", command=(BEYLA_BINARY, "--fast"))

    def test_recordings(self) -> None:
        for command in ("record", "replay"):
            self.refuse(self.good, command, "--help", command=(BEYLA_BINARY, command))
        other = self.folder / "other"
        other.write_text("no recording")
        self.refuse({}, f"{other}: not a beyla recording", command=(BEYLA_BINARY, "replay", other))
        self.refuse({}, "No such file", command=(BEYLA_BINARY, "replay", self.folder / "missing"))
        self.refuse({}, "Is a directory", command=(BEYLA_BINARY, "replay", self.folder))

    def test_not_root(self) -> None:
        binary = self.folder / "beyla"  # where another user may read it
        shutil.copy(BEYLA_BINARY, binary)
        os.chmod(self.folder, 0o755)
        os.chmod(binary, 0o755)
        as_nobody = [required_program("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        line = self.refuse(self.good, command=(*as_nobody, binary))
        self.assertRegex(line, r"root|CAP_")


if __name__ == "__main__":
    main()
