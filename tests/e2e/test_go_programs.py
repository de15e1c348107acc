"""Go programs that nobody here wrote: what the agent counts of them is what they count themselves.

Without settings those that Debian ships. PROGRAMS=all adds those that tests/matrix/go_modules.py builds
(`make test-matrix`), PROGRAMS='etcd;caddy' chooses by name. FULL=1 sends more.
"""
import contextlib
import os
import sys
import time
import unittest
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "matrix"))

from curl_client import Curl, by_method_and_status
from go_caddy import Caddy
from go_etcd import Etcd
from go_modern import Collector, Minio, ModernEtcd, ModernPrometheus, Nats
from go_programs import DockerRegistry, GoProgram, Prometheus, Rpcs
from go_relay import Relay
from harness import POLL_SECONDS, Agent, main, settle, wait_until
from observed import Metrics

SETTLE_SECONDS = 5
PROBED_SECONDS = 10
LATE_SECONDS = 3.0  # longer than kMaxSilence, kSettleTime and kKeepAfterExit of protocols/calls/call_table.h
DEBIAN = (Prometheus, DockerRegistry, Caddy, Etcd)
MODERN = (ModernPrometheus, Nats, Minio, Collector, Relay, ModernEtcd)
WITHOUT_TLS = (Nats, Minio, Relay)  # not set up here
PROGRAMS = os.environ.get("PROGRAMS", "")
NAMES = [name.strip() for name in PROGRAMS.split(";")]


def chosen() -> list[GoProgram]:
    everything = [*DEBIAN, *MODERN]
    unknown = set(NAMES) - {program.name for program in everything} - {"", "all"}
    if unknown:
        raise AssertionError(f"no program is called {unknown}")
    programs = DEBIAN if not PROGRAMS else [one for one in everything if PROGRAMS == "all" or one.name in NAMES]
    return [one(tls) for one in programs for tls in (False, True) if not tls or one not in WITHOUT_TLS]


def rpcs_of(metrics: Metrics, role: str) -> Rpcs:
    counted = metrics.by(f"rpc_{role}_duration_seconds_count", "rpc_method", "rpc_grpc_status_code")
    return Counter({(method, int(code)): int(count) for (method, code), count in counted.items()})


def requests_of(metrics: Metrics, role: str) -> Counter[tuple[str, int]]:
    counted = metrics.by(f"http_{role}_duration_seconds_count", "http_method", "http_status_code")
    return Counter({(method, int(status)): int(count) for (method, status), count in counted.items()})


def row_name(program: GoProgram, agent_first: bool) -> str:
    return f"{program.name}{', TLS' if program.tls else ''}{', agent first' if agent_first else ''}"


def everything_counted(metrics: Metrics) -> dict[str, Counter]:
    return {
        "requests": requests_of(metrics, "server"), "calls": rpcs_of(metrics, "server"),
        "own requests": requests_of(metrics, "client"), "own calls": rpcs_of(metrics, "client"),
    }


def counted_alike(program: GoProgram, counted: dict[str, Counter]) -> dict[str, Counter]:
    return counted | {"calls": program.rpcs_alike(counted["calls"])}


class GoProgramsTest(unittest.TestCase):
    maxDiff = None

    def truth(self, program: GoProgram) -> dict[str, Counter]:
        """Drives the program. What it says itself is what the clients say."""
        curl = Curl(program.port)
        program.drive(curl)
        settle(lambda: program.own_account(curl) == program.told_alike(curl.sent), 5)
        self.assertEqual(program.own_account(curl), program.told_alike(curl.sent))
        calls, own_calls = program.own_rpcs(curl), program.passed_on_rpcs(curl)
        return {
            "requests": by_method_and_status(curl.sent), "calls": calls,
            "own requests": program.passed_on(curl.sent), "own calls": own_calls,
        }

    def check(self, program: GoProgram, agent_first: bool) -> None:
        agent = Agent({"OPEN_PORT": str(program.port)}, print_traces=False)
        with contextlib.ExitStack() as running:
            for one in (agent, program) if agent_first else (program, agent):
                running.enter_context(one)
            program.wait_served()
            probed = f"Go probes in pid={program.process.pid} "
            wait_until(lambda: probed in agent.stderr(), PROBED_SECONDS, f"'{probed}' in the agent's log")
            truth = counted_alike(program, self.truth(program))
            counted = lambda: counted_alike(program, everything_counted(agent.scrape()))  # noqa: E731
            settle(lambda: counted() == truth, SETTLE_SECONDS)
            self.assertEqual(counted(), truth)
            self.assert_nothing_follows(counted, truth)
            metrics = agent.quiet_metrics()
            self.assertEqual(metrics.total("beyla_events_lost_total"), 0)
        counts = ", ".join(f"{counted.total()} {what}" for what, counted in truth.items() if counted)
        print(f"{row_name(program, agent_first)}: {counts}", flush=True)

    def assert_nothing_follows(self, counted: Callable[[], dict[str, Counter]], truth: dict[str, Counter]) -> None:
        """A call that waits in vain for the sockets' account of the same request is told late, as another one."""
        end = time.monotonic() + LATE_SECONDS
        while time.monotonic() < end:
            time.sleep(POLL_SECONDS)
            self.assertEqual(counted(), truth, "after the traffic")

    def test_counts_are_those_of_the_program(self) -> None:
        for agent_first in (False, True):
            for program in chosen():
                with self.subTest(row_name(program, agent_first)):
                    self.check(program, agent_first)


if __name__ == "__main__":
    main()
