"""Probes in Go programs, from the selection to the end: analysed once per file, attached with five capabilities, and
gone with the process, with the agent, and with an agent that is killed."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import unittest
from pathlib import Path

from harness import Agent, main, settle, wait_until
from http_client import Request, send_once
from kernel_objects import bpf_ids_left, bpf_ids_of, changed_text
from targets import GoServer, build_go_server
from test_powers import as_somebody

GONE_SECONDS = 10.0  # some 60 ms for each process, on a machine that is busy with other tests


def links_of(pid: int) -> set[int]:
    return bpf_ids_of(pid)["link"]


class GoProbesTest(unittest.TestCase):
    def check_answers(self, server: GoServer, count: int = 20) -> None:
        for _ in range(count):
            self.assertEqual(send_once(server.port, Request("GET", "/asked?status=200")), 200)

    def wait_for_probes(self, agent: Agent, processes: int) -> None:
        wait_until(lambda: agent.scrape().total("beyla_go_processes") == processes, 20, f"{processes} have probes")

    def test_they_come_and_go_with_their_process(self) -> None:
        with GoServer() as first, GoServer() as second, Agent({"OPEN_PORT": f"{first.port},{second.port}"}) as agent:
            self.wait_for_probes(agent, 2)
            with_both = links_of(agent.pid)
            self.assertTrue(changed_text(first.process.pid))
            self.check_answers(first)
            self.check_answers(second)
            metrics = agent.scrape()
            self.assertEqual(metrics.total("beyla_binaries_analyzed_total", outcome="go"), 1)
            self.assertEqual(metrics.total("beyla_binaries_analyzed_total"), 1)
            points = metrics.total("beyla_probes_attached")
            self.assertGreater(points, 2)
            self.assertEqual(metrics.total("beyla_probes_skipped_total"), 0)
            second.process.kill()
            second.process.wait()
            self.wait_for_probes(agent, 1)
            # It registers no patterns, so that there is none for ServeMux.
            settle(lambda: len(links_of(agent.pid)) == len(with_both) - 1, GONE_SECONDS)
            self.assertEqual(len(links_of(agent.pid)), len(with_both) - 1)
            self.assertEqual(agent.scrape().total("beyla_probes_attached"), points / 2)
            self.check_answers(first)

    def test_nothing_is_left_in_a_target_by_an_agent_that_ends_or_is_killed(self) -> None:
        with GoServer() as server:
            for signal_number in (signal.SIGTERM, signal.SIGKILL):
                with self.subTest(signal=signal_number), Agent({"OPEN_PORT": str(server.port)}) as agent:
                    self.wait_for_probes(agent, 1)
                    self.assertTrue(changed_text(server.process.pid))
                    held = bpf_ids_of(agent.pid)
                    agent.stop(signal_number)
                    settle(lambda: not changed_text(server.process.pid) and not bpf_ids_left(held), GONE_SECONDS)
                    self.assertEqual(changed_text(server.process.pid), [])
                    self.assertEqual(bpf_ids_left(held), {})
                    self.check_answers(server)

    def test_five_capabilities_are_enough(self) -> None:
        with GoServer() as server, Agent({"OPEN_PORT": str(server.port)}, command=as_somebody()) as agent:
            self.wait_for_probes(agent, 1)
            self.check_answers(server)

    def test_the_operator_can_leave_go_programs_alone(self) -> None:
        settings = {"BEYLA_SKIP_GO_SPECIFIC_TRACERS": "true"}
        with GoServer() as server, Agent(settings | {"OPEN_PORT": str(server.port)}) as agent:
            self.check_answers(server)
            agent.wait_for_requests({("/asked", 200): 20})
            self.assertEqual(changed_text(server.process.pid), [])
            # Its file was looked at all the same: it might have held a TLS library.
            self.assertEqual(agent.scrape().total("beyla_go_processes"), 0)
            self.assertEqual(agent.scrape().total("beyla_probes_attached"), 0)

    def test_a_file_that_is_replaced_is_another_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            program = Path(folder, "served")
            shutil.copy(build_go_server(), program)
            first = stack.enter_context(GoServer(executable=program))
            second_file = Path(folder, "new")
            shutil.copy(build_go_server(), second_file)
            os.replace(second_file, program)
            second = stack.enter_context(GoServer(executable=program))
            agent = stack.enter_context(Agent({"OPEN_PORT": f"{first.port},{second.port}"}))
            self.wait_for_probes(agent, 2)
            self.assertEqual(agent.scrape().total("beyla_binaries_analyzed_total", outcome="go"), 2)
            self.check_answers(first)
            self.check_answers(second)


if __name__ == "__main__":
    main()
