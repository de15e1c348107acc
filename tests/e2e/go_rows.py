"""Runs the cells of the Go matrix: a target under the driver, with the agent beside it."""
from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from go_targets import GoTarget, drive, run_json, wait_probed  # first: it puts tests/matrix into the path
import workshop
from go_builds import Cell, program_of
from go_judge import GoTruth, wrong_lines, wrong_losses, wrong_metrics, wrong_traces
from harness import FULL, Agent, required_program, settle

PASSES = 40 if FULL else 6
CONNECTIONS = 3
SETTLE_SECONDS = 10.0
UPGRADES, UPGRADED = 3, "/users/upgraded"
JSON_LINES = {"BEYLA_TRACE_PRINTER": "json"}

Load = Callable[[GoTarget], list[dict]]


@dataclass(frozen=True)
class Visit:
    """One way of starting the server of a cell, and what is sent to it."""

    name: str
    load: Load
    flags: tuple[str, ...] = ()


@dataclass
class Outcome:
    name: str
    sent: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name:<44} {self.sent:>6} {self.seconds:>6.1f}  {'WRONG' if self.wrong else 'exact'}"


def _http(target: GoTarget, protocol: str, *options: str | int, secure: bool = False) -> dict:
    return drive("http", "-url", target.url(secure), "-routes", target.spelling, "-protocol", protocol, *options)


def _calls(target: GoTarget, *options: str) -> dict:
    return drive("grpc", "-address", f"127.0.0.1:{target.port}", "-passes", PASSES, "-connections", CONNECTIONS, *options)


def plain_load(target: GoTarget) -> list[dict]:
    return [
        _http(target, "h1", "-passes", PASSES, "-connections", CONNECTIONS, "-pipelined", PASSES),
        _http(target, "h1", "-passes", 1, "-connections", CONNECTIONS, "-fresh", "-backend-tls"),
    ]


def tls_load(target: GoTarget) -> list[dict]:
    return [
        _http(target, "h1", "-passes", PASSES, "-connections", CONNECTIONS, "-pipelined", PASSES, secure=True),
        _http(target, "h2", "-passes", PASSES, "-connections", CONNECTIONS, "-backend-tls", secure=True),
    ]


def _upgraded(target: GoTarget) -> dict:
    """Requests that begin as HTTP/1 and are answered as HTTP/2 (RFC 7540 section 3.2): each is one."""
    for _ in range(UPGRADES):
        subprocess.run([required_program("curl"), "-sf", "--http2", "-o", "/dev/null", target.url() + UPGRADED], check=True)
    route = "/users/{id}" if target.spelling == "patterns" else ""
    return {"server": [{"method": "GET", "path": UPGRADED, "route": route, "status": 200, "count": UPGRADES,
                        "body_bytes": 0, "delay_seconds": 0}]}


def h2c_load(target: GoTarget) -> list[dict]:
    return [
        _upgraded(target),
        _http(target, "h2c", "-passes", PASSES, "-connections", CONNECTIONS),
        _http(target, "h1", "-passes", 1, "-connections", CONNECTIONS),
    ]


def grpc_load(target: GoTarget) -> list[dict]:
    return [_calls(target)]


def both_load(target: GoTarget) -> list[dict]:
    return [_calls(target), _http(target, "h2c", "-passes", PASSES), _http(target, "h1", "-passes", 1)]


def visits_of(cell: Cell) -> list[Visit]:
    loads = {"tls": tls_load, "h2c": h2c_load}
    if cell.framework != "grpc":
        return [Visit("", loads.get(cell.framework, plain_load))]
    visits = [Visit("native", grpc_load), Visit("both", both_load, ("-serve", "both"))]
    secure = Visit("native, TLS", lambda target: [_calls(target, "-tls")], ("-tls",))
    handler = Visit("handler, TLS", lambda target: [_calls(target, "-tls")], ("-tls", "-serve", "handler"))
    return [*visits, secure, handler] if FULL else visits


def lines_of(agent: Agent) -> list[dict]:
    return [json.loads(line) for line in agent.lines()]


def everything_wrong(agent: Agent, truth: GoTruth) -> list[str]:
    lines = lines_of(agent)
    return wrong_metrics(agent.scrape(), truth) + wrong_lines(lines, truth) + wrong_traces(lines, truth)


def judged(agent: Agent, truth: GoTruth) -> list[str]:
    """Once all is told, or after the deadline; and again when all is quiet: something may be invented."""
    settle(lambda: not everything_wrong(agent, truth), SETTLE_SECONDS)
    quiet = agent.quiet_metrics()
    return wrong_losses(quiet) + everything_wrong(agent, truth)


def run_visit(cell: Cell, visit: Visit, agent_first: bool) -> Outcome:
    started = time.monotonic()
    order = "agent" if agent_first else "server"
    outcome = Outcome(f"{cell}{' ' if visit.name else ''}{visit.name}, {order} first")
    target = GoTarget(cell, *visit.flags)
    agent = Agent({"OPEN_PORT": str(target.port)} | JSON_LINES, print_traces=False)
    truth = GoTruth()
    with contextlib.ExitStack() as stack:
        for each in (agent, target) if agent_first else (target, agent):
            stack.enter_context(each)
        wait_probed(agent, target.process.pid)
        for account in visit.load(target):
            truth.add(account)
        outcome.wrong = judged(agent, truth)
    outcome.sent, outcome.seconds = truth.sent, time.monotonic() - started
    return outcome


def run_grpc_client(cell: Cell, secure: bool) -> Outcome:
    """The cell's program as a client. The server is another process, which the agent isn't told of."""
    started = time.monotonic()
    outcome = Outcome(f"{cell} client{', TLS' if secure else ''}")
    truth = GoTruth()
    flags = ["-tls"] if secure else []
    with contextlib.ExitStack() as stack:
        # The folder's name is the only thing of the client's path that no other process has.
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="beyla-go-client-", dir=workshop.made_cache()))
        )
        client = workshop.duplicate(program_of(cell), folder / "caller")
        server = stack.enter_context(GoTarget(cell, *flags))
        agent = stack.enter_context(Agent({"EXECUTABLE_NAME": folder.name} | JSON_LINES, print_traces=False))
        account = run_json([
            client, "-call", f"127.0.0.1:{server.port}", *flags, "-passes", PASSES, "-connections", CONNECTIONS,
            "-refused", 2, "-hold",
        ], agent)
        outcome.wrong = list(account["wrong"])
        truth.rpc_client += account["rpc"]
        settle(lambda: not everything_wrong(agent, truth), SETTLE_SECONDS)
        outcome.wrong += everything_wrong(agent, truth)
    outcome.sent, outcome.seconds = truth.sent, time.monotonic() - started
    return outcome


def run_cell(cell: Cell, agent_first: bool) -> list[Outcome]:
    outcomes = [run_visit(cell, visit, agent_first) for visit in visits_of(cell)]
    if cell.framework == "grpc":
        outcomes += [run_grpc_client(cell, secure) for secure in ((False, True) if FULL else (False,))]
    return outcomes
