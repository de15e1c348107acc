"""The processor as a service of its own: another user without powers and without a network, started by socket
activation whenever the broker connects. Its end is no end of the series, and the broker's end is its own."""
from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import BEYLA_BINARY, Agent, clean_environment, end_process, main, required_program, wait_until
from http_client import Request, run_load, send_once
from observed import Metrics
from processes import family, status_of
from pwned import SOMEBODY, as_user
from targets import GoServer
from test_processor_restart import counters

KILLS = 3


class SocketUnit:
    """What a service manager does: listens, starts a processor for a connection, and listens again when it ended."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="beyla-lone-")
        os.chmod(self._folder.name, 0o755)
        self.path = Path(self._folder.name) / "processor.sock"
        self.exit_codes: list[int] = []
        self._stopping = False
        self._stdout = tempfile.NamedTemporaryFile(prefix="beyla-lone-stdout-")
        self._stderr = tempfile.NamedTemporaryFile(prefix="beyla-lone-stderr-")

    def __enter__(self) -> SocketUnit:
        self._start()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _start(self) -> None:
        activate = [required_program("systemd-socket-activate"), "--seqpacket", "-l", str(self.path)]
        confined = [required_program("unshare"), "--net", *as_user(SOMEBODY), str(BEYLA_BINARY), "processor"]
        self.path.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            activate + confined, env=clean_environment({}), stdin=subprocess.DEVNULL, stdout=self._stdout,
            stderr=self._stderr,
        )
        wait_until(lambda: self.path.exists() or self._stopping, 10, "the socket")
        if not self._stopping:
            self.path.chmod(0o666)  # the broker connects as nobody

    def _run(self) -> None:
        while True:
            self.exit_codes.append(self.process.wait())
            if self._stopping:
                return
            self._start()

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        while self._thread.is_alive():  # which may have started another one meanwhile
            end_process(self.process)
            self._thread.join(0.1)
        self._stdout.close()
        self._stderr.close()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """Of the processor, which was the process that listened; it has a name of its own then."""
        def running() -> int:
            command = Path(f"/proc/{self.process.pid}/cmdline").read_bytes().split(b"\0")
            return self.process.pid if command[0] == os.fsencode(BEYLA_BINARY) else 0

        return wait_until(running, 10, "a processor runs")

    def stdout(self) -> str:
        return Path(self._stdout.name).read_text()

    def stderr(self) -> str:
        return Path(self._stderr.name).read_text()


class LoneProcessorTest(unittest.TestCase):
    def setUp(self) -> None:
        self.unit = self.enterContext(SocketUnit())
        self.server = self.enterContext(GoServer())
        self.command = [str(BEYLA_BINARY), "--processor-socket", str(self.unit.path)]
        self.environment = {"OPEN_PORT": str(self.server.port)}

    def wait_for_line(self, text: str) -> None:
        wait_until(lambda: text in self.unit.stdout(), 10, f"a trace line with {text!r}")

    def check_powers(self, pid: int) -> None:
        status = status_of(pid)
        self.assertEqual(set(status["Uid"].split()), {str(SOMEBODY)})
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/net"), os.readlink("/proc/self/ns/net"))

    def test_serves_and_is_replaced(self) -> None:
        with Agent(self.environment, self.command) as agent:
            send_once(self.server.port, Request("GET", "/hello"))
            self.wait_for_line("200 GET /hello ")
            self.assertEqual(agent.lines(), [])  # all of it comes from the other unit
            self.assertNotIn(self.unit.pid, family(agent.pid))
            self.check_powers(self.unit.pid)
            expected = agent.scrape().requests()
            self.assertEqual(expected.total(), 1)
            for kill in range(KILLS):
                before, pid = self.series(agent.scrape()), self.unit.pid
                os.kill(pid, signal.SIGKILL)
                wait_until(lambda: self.unit.process.pid != pid, 10, "it is gone")
                expected += run_load(self.server.port, 30, 3, lambda index: Request("GET", f"/{kill}/{index}")).counts
                metrics = agent.wait_for_requests(expected)
                self.assertEqual(metrics.requests(), expected)
                after = self.series(metrics)
                self.assertEqual([(key, before[key], after.get(key)) for key in before if after.get(key, -1) < before[key]], [])
                self.assertNotEqual(self.unit.pid, pid)
            self.check_powers(self.unit.pid)
            self.assertEqual(agent.quiet_metrics().total("beyla_events_lost_total"), 0)
        self.check_ended()

    def series(self, metrics: Metrics) -> dict[tuple, float]:
        """All that may only grow, but for the CPU time: nobody keeps that of a service manager's dead children."""
        return {key: value for key, value in counters(metrics).items() if key[0] != "process_cpu_seconds_total"}

    def check_ended(self) -> None:
        """The last one has ended by itself, and listens again for the next broker."""
        settled = wait_until(lambda: [code for code in self.unit.exit_codes if code != -signal.SIGKILL], 10, "it ends")
        self.assertEqual(settled, [0], self.unit.stderr())

    def test_the_broker_is_killed(self) -> None:
        agent = Agent(self.environment, self.command)
        with agent:
            send_once(self.server.port, Request("GET", "/hello"))
            self.wait_for_line("200 GET /hello ")
            self.assertEqual(agent.stop(signal.SIGKILL), -signal.SIGKILL)
        self.check_ended()
        with Agent(self.environment, self.command) as another:
            send_once(self.server.port, Request("GET", "/another"))
            self.wait_for_line("200 GET /another ")
            self.assertEqual(another.scrape().requests().total(), 1)

    def test_nobody_listens(self) -> None:
        done = subprocess.run(
            [str(BEYLA_BINARY), "--processor-socket", str(self.unit.path) + ".none"],
            env=clean_environment(self.environment | {"PRINT_TRACES": "1"}), capture_output=True, text=True, timeout=10,
        )
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"^beyla: .*cannot reach a processor at [^\n]*\.none: No such file[^\n]*\n$")

    def test_not_socket_activated(self) -> None:
        done = subprocess.run(
            [str(BEYLA_BINARY), "processor"], env=clean_environment({}), capture_output=True, text=True, timeout=10
        )
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"^beyla: no socket was handed over[^\n]*\n$")


if __name__ == "__main__":
    main()
