"""The agent comes and goes: signals, kill -9, targets that die, what is selected and how it is named."""
import json
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BEYLA_BINARY, Agent, main, required_program, wait_until
from http_client import BackgroundLoad, Request, send_once
from targets import ExecServer, GoServer, Nginx, PythonServer, Server, build_go_server

CONNECTIONS = 4
OWN_METRICS = (
    "beyla_events_generated_total", "beyla_events_delivered_total", "beyla_events_lost_total", "beyla_exchanges_total",
    "beyla_exchanges_incomplete_total", "beyla_exchanges_unpaired_total", "beyla_connection_gaps_total",
    "beyla_targets", "beyla_probes_skipped_total", "beyla_build_info", "process_",
)


def get(server: Server, path: str = "/hello") -> None:
    status = send_once(server.port, Request("GET", path))
    if status != 200:
        raise AssertionError(f"{path} answered {status}")


def bpf_ids_of(pid: int) -> dict[str, set[int]]:
    """The kernel's ids of the BPF programs and maps that the process holds."""
    ids: dict[str, set[int]] = {"prog": set(), "map": set()}
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = info.read_text()
        except FileNotFoundError:  # closed meanwhile: an executable that was looked at
            continue
        for kind, number in re.findall(r"^(prog|map)_id:\s*(\d+)$", text, re.MULTILINE):
            ids[kind].add(int(number))
    return ids


def bpf_ids_in_kernel(kind: str) -> set[int]:
    listing = subprocess.run([required_program("bpftool"), "-j", kind, "list"], check=True, capture_output=True)
    return {entry["id"] for entry in json.loads(listing.stdout)}


class SignalTest(unittest.TestCase):
    def check_prompt_end(self, signal_number: int) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            with BackgroundLoad(server.port, CONNECTIONS, server.mix) as load:
                wait_until(lambda: load.answered() > 500, 10, "the load runs")
                started = time.monotonic()
                self.assertEqual(agent.stop(signal_number), 0)
                self.assertLess(time.monotonic() - started, 1.0)
                self.assertEqual(load.stop().errors, [])
            self.assertGreater(len(agent.traces()), 0)  # and each line is whole

    def test_sigterm_under_load(self) -> None:
        self.check_prompt_end(signal.SIGTERM)

    def test_sigint_under_load(self) -> None:
        self.check_prompt_end(signal.SIGINT)

    def test_sigterm_flushes_what_was_seen(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            for number in range(50):
                get(server, f"/flush/{number}")
            self.assertEqual(agent.stop(), 0)
            self.assertEqual([trace.path for trace in agent.traces()], [f"/flush/{number}" for number in range(50)])

    def test_kill_leaves_no_bpf_object_and_breaks_no_request(self) -> None:
        with Nginx() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            held = bpf_ids_of(agent.pid)
            self.assertTrue(held["prog"] and held["map"], held)
            with BackgroundLoad(server.port, CONNECTIONS, server.mix) as load:
                wait_until(lambda: load.answered() > 500, 10, "the load runs")
                agent.stop(signal.SIGKILL)
                before = load.answered()
                wait_until(lambda: load.answered() > before + 500, 10, "the load goes on")
                self.assertEqual(load.stop().errors, [])
            # By id and not by number: other tests load programs at the same time.
            for kind, ids in held.items():
                wait_until(lambda: not ids & bpf_ids_in_kernel(kind), 5, f"every {kind} of the agent is gone")


class TargetTest(unittest.TestCase):
    def test_a_target_that_dies_under_load(self) -> None:
        server = PythonServer()
        with server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            with BackgroundLoad(server.port, CONNECTIONS, server.mix) as load:
                wait_until(lambda: load.answered() > 200, 10, "the load runs")
                server.stop(signal.SIGKILL)
                load.stop()
            wait_until(lambda: agent.scrape().total("beyla_targets") == 0, 5, "the dead target is forgotten")
            server.start()
            get(server, "/second-life")
            agent.wait_for_line("200 GET /second-life ")

    def test_targets_that_die_while_they_are_selected(self) -> None:
        server = GoServer()
        with Agent({"OPEN_PORT": str(server.port)}) as agent:
            for _ in range(10):
                server.start(wait=False)
                server.stop(signal.SIGKILL)
            with server:
                get(server, "/survivor")
                agent.wait_for_line("200 GET /survivor ")
                wait_until(lambda: agent.scrape().total("beyla_targets") == 1, 5, "only the survivor is a target")


class ExecTest(unittest.TestCase):
    def test_a_listener_that_is_inherited_over_exec(self) -> None:
        server = ExecServer()
        with Agent({"OPEN_PORT": str(server.port)}) as agent, server:
            for index in range(3):
                get(server, f"/inherited/{index}")
                agent.wait_for_line(f"200 GET /inherited/{index} ")
            wait_until(lambda: agent.scrape().total("beyla_targets") == 1, 5, "the image before exec is forgotten")
            server.stop()
            wait_until(lambda: agent.scrape().total("beyla_targets") == 0, 5, "the process is forgotten")


class SelectionTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="beyla-selection-")
        self.addCleanup(folder.cleanup)
        # Names no other process has, whatever runs on this machine at the same time.
        self.shop, self.depot = (Path(folder.name) / f"{name}-{Path(folder.name).name}" for name in ("shop", "depot"))
        for executable in (self.shop, self.depot):
            shutil.copy(build_go_server(), executable)

    def test_executable_name_of_running_and_later_processes(self) -> None:
        running, later = GoServer(executable=self.shop), GoServer(executable=self.shop)
        other = GoServer(executable=self.depot)
        with running, other, Agent({"EXECUTABLE_NAME": self.shop.name}) as agent:
            get(other, "/other")
            get(running, "/running")
            with later:
                get(later, "/later")
                agent.wait_for_line("200 GET /later ")
            self.assertEqual([trace.path for trace in agent.traces()], ["/running", "/later"])
            self.assertEqual(agent.scrape().services(), {self.shop.name: 2})

    def test_both_selectors_must_match(self) -> None:
        both, name_only = GoServer(executable=self.shop), GoServer(executable=self.shop)
        port_only = GoServer(executable=self.depot)
        selectors = {"EXECUTABLE_NAME": self.shop.name, "OPEN_PORT": f"{both.port},{port_only.port}"}
        with both, name_only, port_only, Agent(selectors) as agent:
            get(name_only, "/name")
            get(port_only, "/port")
            get(both, "/both")
            agent.wait_for_line("200 GET /both ")
            self.assertEqual([trace.path for trace in agent.traces()], ["/both"])

    def test_port_ranges_and_lists(self) -> None:
        first, second = GoServer(executable=self.shop), GoServer(executable=self.depot)
        ports = f"{first.port},{second.port}-{second.port}"
        with first, second, Agent({"OPEN_PORT": ports}) as agent:
            get(first)
            get(second)
            wait_until(lambda: len(agent.lines()) == 2, 5, "one line for each server")
            self.assertEqual(agent.scrape().services(), {self.shop.name: 1, self.depot.name: 1})


class MultipathListenerTest(unittest.TestCase):
    """Go listens with MPTCP where go.mod says 1.24 or later; a plain client then has a plain TCP connection."""

    def server(self) -> GoServer:
        return GoServer(environment={"GODEBUG": "multipathtcp=1"})

    def test_a_running_server(self) -> None:
        with self.server() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            get(server)
            agent.wait_for_line("200 GET /hello ")

    def test_a_server_that_starts_later(self) -> None:
        server = self.server()
        with Agent({"OPEN_PORT": str(server.port)}) as agent, server:
            get(server)
            agent.wait_for_line("200 GET /hello ")


class ServiceNameTest(unittest.TestCase):
    def services(self, agent: Agent, server: Server) -> dict[str, int]:
        get(server)
        agent.wait_for_requests({("GET", 200): 1})
        return agent.scrape().services()

    def test_base_name_of_the_executable(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            self.assertEqual(self.services(agent, server), {"testserver": 1})

    def test_name_in_the_environment_of_the_target(self) -> None:
        with PythonServer(environment={"OTEL_SERVICE_NAME": "front"}) as server:
            with Agent({"OPEN_PORT": str(server.port)}) as agent:
                self.assertEqual(self.services(agent, server), {"front": 1})

    def test_name_in_the_environment_of_the_agent(self) -> None:
        with GoServer() as server:
            with Agent({"OPEN_PORT": str(server.port), "OTEL_SERVICE_NAME": "chosen"}) as agent:
                self.assertEqual(self.services(agent, server), {"chosen": 1})


class OutputTest(unittest.TestCase):
    def test_own_metrics_are_there_from_the_start(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            metrics = agent.scrape()
            for prefix in OWN_METRICS:
                self.assertTrue(metrics.has(prefix), prefix)
            self.assertEqual(metrics.total("beyla_targets"), 1)

    def test_no_traces_unless_told(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
            get(server)
            agent.wait_for_requests({("GET", 200): 1})
            self.assertEqual(agent.stop(), 0)
            self.assertEqual(agent.stdout(), "")

    def test_yaml_configures_it_too(self) -> None:
        with GoServer() as server, tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(f"open_port: {server.port}\nprint_traces: true\nlog_level: info\n")
            file.flush()
            with Agent({}, command=[str(BEYLA_BINARY), "--config", file.name], print_traces=False) as agent:
                get(server)
                agent.wait_for_line("200 GET /hello ")


if __name__ == "__main__":
    main()
