"""The processor, or the configuration worker, is the attacker's: every attack is refused, whatever it sends or
scribbles is bounded and named, no target notices, and the agent works on."""
from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from go_targets import wait_probed
from harness import Agent, clean_environment, main, wait_until
from http_client import BackgroundLoad, Request, send_once
from processes import PROCESSOR, cpu_seconds, named, status_of
from pwned import CAPABILITIES, NOBODY, PWNED_BINARY, SOMEBODY, VictimServer, as_user
from targets import GoServer, Server

ATTACKS = 60  # at least so many are made
# The agent does not touch these of a target, and neither may the attacker.
UNTOUCHED = ("TracerPid", "Uid", "Cpus_allowed", "SigPnd", "ShdPnd", "Seccomp", "NoNewPrivs")
MAX_BROKER_CPU = 0.2  # of one core, however fast it is asked
FLOOD_SECONDS = 4
LIE_SECONDS = 10
OUTCOMES = {"init": 1, "other_start": 2, "other_image": 2, "no_such_set": 3, "its_target": 0}  # abi/requests.h


def now_and_then(index: int) -> Request:
    """Some 200 requests a second of each connection."""
    time.sleep(0.005)
    return Request("GET", f"/busy/{index % 10}")


def fingerprint(pid: int) -> dict[str, str]:
    status = status_of(pid)
    found = {name: status[name] for name in UNTOUCHED}
    return found | {"limits": Path(f"/proc/{pid}/limits").read_text(), "nice": str(os.getpriority(os.PRIO_PROCESS, pid))}


class AttackTest(unittest.TestCase):
    """Both attackers, in both ways to start the agent; the victim has the attacker's uid."""

    def attack(self, who: str, uid: int, command: list[str]) -> None:
        with VictimServer(uid) as victim, socket.create_server(("127.0.0.1", 0)) as elsewhere:
            pid, load = victim.process.pid, BackgroundLoad(victim.port, 2, now_and_then)
            before = fingerprint(pid)
            environment = {
                "OPEN_PORT": str(victim.port), f"PWNED_{who}": "attack", "PWNED_VICTIM": str(pid),
                "PWNED_TCP_PORT": str(elsewhere.getsockname()[1]),
            }
            with load, Agent(environment, command) as agent:
                send_once(victim.port, Request("GET", "/afterwards"))
                agent.wait_for_line("200 GET /afterwards ")
                results = re.findall(r"^pwned \w+: (\S+) (\w+) \d+$", agent.stderr(), re.MULTILINE)
                self.assertEqual(agent.scrape().total("beyla_processor_restarts_total"), 0)
            answered = load.stop()
            self.assertGreaterEqual(len(results), ATTACKS)
            self.assertEqual([name for name, result in results if result != "refused"], [])
            self.assertEqual(answered.errors, [])
            self.assertEqual(set(answered.counts), {("GET", 200)})
            self.assertIsNone(victim.process.poll())
            self.assertEqual(fingerprint(pid), before)
            elsewhere.setblocking(False)
            self.assertRaises(BlockingIOError, elsewhere.accept)  # nobody has come

    def test_processor_of_root(self) -> None:
        self.attack("PROCESSOR", NOBODY, [str(PWNED_BINARY)])

    def test_worker_of_root(self) -> None:
        self.attack("CONFIG_WORKER", NOBODY, [str(PWNED_BINARY)])

    def test_processor_of_a_user(self) -> None:
        self.attack("PROCESSOR", SOMEBODY, as_user(SOMEBODY, CAPABILITIES) + [str(PWNED_BINARY)])

    def test_worker_of_a_user(self) -> None:
        self.attack("CONFIG_WORKER", SOMEBODY, as_user(SOMEBODY, CAPABILITIES) + [str(PWNED_BINARY)])


class HostileProcessorTest(unittest.TestCase):
    def setUp(self) -> None:
        self.server = GoServer()
        self.server.start()
        self.addCleanup(self.server.stop)

    def agent(self, order: str, lives: int = 1, spared: int = 0) -> Agent:
        return Agent(
            {
                "OPEN_PORT": str(self.server.port), "PWNED_PROCESSOR": order, "PWNED_LIVES": str(lives),
                "PWNED_SPARED": str(spared),
            },
            [str(PWNED_BINARY)],
        )

    def check_it_works(self, agent: Agent, server: Server, path: str = "/afterwards") -> None:
        def traced() -> bool:  # not what was sent while the hostile one had the ring
            send_once(server.port, Request("GET", path))
            return any(path in line for line in agent.lines())

        wait_until(traced, 20, "a request is traced")

    def check_restarted(self, agent: Agent, why: str, restarts: int = 1) -> None:
        wait_until(lambda: why in agent.stderr(), 10, why)
        self.check_it_works(agent, self.server)
        self.assertEqual(agent.scrape().total("beyla_processor_restarts_total"), restarts)
        said = [line for line in agent.stderr().splitlines() if "the processor ended" in line]
        self.assertEqual(len(said), 1, agent.stderr())
        self.assertIn(why, said[0])

    def requests(self, agent: Agent) -> dict[str, float]:
        counted = agent.scrape().by("beyla_requests_total", "outcome")
        return {outcome: value for (outcome,), value in counted.items() if value}

    def test_it_sends_what_is_no_request(self) -> None:
        for order in ("garbage", "empty", "oversized"):
            with self.subTest(order), self.agent(order) as agent:
                self.check_restarted(agent, "(it sent what no processor sends)")
                self.assertEqual(self.requests(agent), {"malformed": 16})

    def held(self, agent: Agent) -> int:
        """Descriptors of the broker, with the link of the server's probes and without the channel of who read its file."""
        wait_probed(agent, self.server.process.pid)
        return len(list(Path(f"/proc/{agent.pid}/fd").iterdir()))

    def test_it_sends_descriptors(self) -> None:
        with self.agent("descriptors") as agent:
            self.check_restarted(agent, "(exit code 0)")
            self.assertEqual(set(self.requests(agent)), {"not_target", "too_fast"})
            held = self.held(agent)
        with self.agent("exit_0") as agent:
            self.check_restarted(agent, "(exit code 0)")
            self.assertEqual(self.held(agent), held)

    def test_it_asks_for_what_it_may_not_have(self) -> None:
        with self.agent("others") as agent:
            self.check_restarted(agent, "(exit code 0)")
            answers = dict(re.findall(r"^pwned processor: (\w+) outcome (\d+)$", agent.stderr(), re.MULTILINE))
            self.assertEqual({what: int(outcome) for what, outcome in answers.items()}, OUTCOMES)
            expected = {"not_target": 1, "other_image": 2, "not_allowed": 1, "accepted": 1}
            self.assertEqual(self.requests(agent), expected)

    def test_it_floods(self) -> None:
        """As fast as it can, for as long as it is let, and so do the next two: it is slow work for the broker."""
        with self.agent("flood", lives=3) as agent:
            began, cpu = time.monotonic(), cpu_seconds(agent.pid)
            wait_until(lambda: time.monotonic() - began > FLOOD_SECONDS, 2 * FLOOD_SECONDS)
            share = (cpu_seconds(agent.pid) - cpu) / (time.monotonic() - began)
            print(f"the broker used {100 * share:.1f} % of a core", flush=True)
            self.assertLess(share, MAX_BROKER_CPU)
            self.assertIn("(it floods the broker with requests)", agent.stderr())
            self.check_it_works(agent, self.server)
            counted = self.requests(agent)
            self.assertGreaterEqual(counted["too_fast"], 30_000)
            self.assertLess(counted["not_target"], 100 * 3 * FLOOD_SECONDS)

    def test_it_floods_and_hears_no_answer(self) -> None:
        with self.agent("flood_unheard") as agent:
            self.check_restarted(agent, "(it has stopped reading)")

    def test_it_spoils_the_memory_of_the_next(self) -> None:
        """Which then counts anew, or goes on: it is never led astray."""
        for order in ("ledger", "ledger_content"):
            for spared in (0, 1):
                with self.subTest(order, spared=spared), self.agent(order, spared=spared) as agent:
                    if spared:
                        self.check_it_works(agent, self.server, "/before")
                        os.kill(agent.processor_pid, 9)
                    self.check_it_works(agent, self.server)
                    self.assertEqual(agent.scrape().total("beyla_processor_restarts_total"), 1 + spared)

    def test_it_would_change_the_files(self) -> None:
        with self.agent("ledger_file") as agent:
            self.check_restarted(agent, "(exit code 1)")
            results = re.findall(r"^pwned processor: (\w+) (\w+) \d+$", agent.stderr(), re.MULTILINE)
            self.assertGreaterEqual(len(results), 6)
            self.assertEqual([name for name, result in results if result != "refused"], [])

    def test_it_spoils_what_the_kernel_reads(self) -> None:
        for order in ("ring", "policies"):
            with self.subTest(order), BackgroundLoad(self.server.port, 2, now_and_then) as load:
                with self.agent(order) as agent:
                    self.check_restarted(agent, "(exit code 1)")
                self.assertEqual(load.stop().errors, [])

    def test_it_ends(self) -> None:
        for order, why in (
            ("close", "exit code 1"), ("crash", "killed by SIGILL"), ("exit_0", "exit code 0"),
            ("exit_1", "exit code 1"), ("exit_2", "exit code 2"), ("exit_121", "exit code 121"),
        ):
            with self.subTest(order), self.agent(order) as agent:
                self.check_restarted(agent, f"({why})")

    def test_it_always_ends(self) -> None:
        """It is started less and less often; the rest of the agent is as it was."""
        with self.agent("exit_2", lives=1_000_000) as agent:
            wait_until(lambda: "the next start is in 2 s" in agent.stderr(), 10, "it waits")
            self.assertIsNone(named(agent.pid, PROCESSOR))
            self.assertLess(len(agent.stderr().splitlines()), 12)
            self.assertEqual(send_once(self.server.port, Request("GET", "/")), 200)


class LyingWorkerTest(unittest.TestCase):
    LIES = (
        "old_version", "no_such_status", "any_bytes", "scrape_port_zero", "scrape_port_huge", "selects_nothing",
        "more_probes_than_exist", "ugly_service", "ugly_address", "ugly_metrics_path", "no_end_of_text", "ugly_reason",
        "reason_of_newlines", "short", "long", "empty", "crash", "exit_0", "exit_2", "take_all_memory", "say_nothing",
        "spin",
    )

    def refuse(self, lie: str) -> tuple[str, subprocess.CompletedProcess[str]]:
        done = subprocess.run(
            [str(PWNED_BINARY)], env=clean_environment({"OPEN_PORT": "1", "PRINT_TRACES": "1", "PWNED_CONFIG_WORKER": lie}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIE_SECONDS,
        )
        return lie, done

    def test_a_lie_ends_the_start(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            for lie, done in pool.map(self.refuse, self.LIES):
                with self.subTest(lie):
                    self.assertEqual(done.returncode, 2, done.stderr)
                    self.assertEqual(done.stdout, "")
                    lines = done.stderr.split("\n")
                    self.assertEqual(lines[1:], [""], done.stderr)
                    self.assertTrue(lines[0].isprintable(), lines[0])
                    self.assertRegex(lines[0], "^beyla: .")

    def test_what_does_no_harm(self) -> None:
        """Answers of the right form, and what comes besides them."""
        for order in ("twice", "descriptors", "fork", "ugly_executable", "ugly_warnings", "warnings_of_newlines"):
            with self.subTest(order), GoServer() as server:
                environment = {"OPEN_PORT": str(server.port), "PWNED_CONFIG_WORKER": order}
                with Agent(environment, [str(PWNED_BINARY)]) as agent:
                    if order != "ugly_executable":  # which selects nothing
                        send_once(server.port, Request("GET", "/hello"))
                        agent.wait_for_line("200 GET /hello ")
                    lines = agent.stderr().split("\n")
                    self.assertNotIn("pwned worker: fork done", agent.stderr())
                    self.assertEqual([line for line in lines if not line.isprintable()], [])
                    self.assertEqual([line for line in lines[:-1] if not line.startswith(("time=", "pwned "))], [])


if __name__ == "__main__":
    main()
