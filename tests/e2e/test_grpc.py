"""gRPC as a bystander reads it, without probes in the process: calls of grpcio, 50 at once on one connection, with messages
of several frames, to grpcio and to grpc-go, which writes up to 32 KiB in one call. Each is counted once, with its code."""
import json
import subprocess
import unittest
from collections import Counter
from pathlib import Path

from go_targets import GoTarget
from go_builds import Cell
from harness import Agent, main, settle
from targets import PROGRAMS, Server
from workshop import python_packages

PROGRAM = PROGRAMS / "grpcio_calls" / "calls.py"
METHOD = "/targets.Calls/"
CALLS = 650  # 50 of each step
CODES_OF_THE_CLIENT = {1, 4}  # its deadline: it may be told of the end by the server's reset before its own clock
INCOMPLETE = "beyla_exchanges_incomplete_total"


def python() -> Path:
    return python_packages() / "python"


class GrpcioServer(Server):
    name = "grpcio"

    def command(self) -> list[str]:
        return [str(python()), str(PROGRAM), "serve", str(self.port)]


def call(port: int, calls: int) -> Counter[tuple[str, str]]:
    """How often each method ended with each code; both codes of a deadline are one."""
    output = subprocess.run(
        [python(), PROGRAM, "call", str(port), str(calls)], check=True, capture_output=True, text=True, timeout=120
    ).stdout
    return folded({(METHOD + method, str(code)): count for method, code, count in json.loads(output)})


def folded(counts: dict[tuple[str, str], float]) -> Counter[tuple[str, str]]:
    result: Counter[tuple[str, str]] = Counter()
    for (method, code), count in counts.items():
        result[method, "deadline" if int(code) in CODES_OF_THE_CLIENT else code] += int(count)
    return result


class GrpcTest(unittest.TestCase):
    def check(self, server: Server) -> None:
        environment = {"OPEN_PORT": str(server.port), "BEYLA_SKIP_GO_SPECIFIC_TRACERS": "true"}
        with server, Agent(environment, print_traces=False) as agent:
            truth = call(server.port, CALLS)
            settle(lambda: agent.scrape().total("beyla_exchanges_total") == CALLS, 10)
            metrics = agent.quiet_metrics()
            seen = metrics.by("rpc_server_duration_seconds_count", "rpc_method", "rpc_grpc_status_code")
            self.assertEqual(folded(seen), truth)
            for name in ("beyla_events_lost_total", INCOMPLETE, "beyla_connection_gaps_total"):
                self.assertEqual(metrics.total(name), 0, name)

    def test_grpc_go(self) -> None:
        self.check(GoTarget(Cell("1.26", "default", "grpc")))

    def test_grpcio(self) -> None:
        self.check(GrpcioServer())


if __name__ == "__main__":
    main()
