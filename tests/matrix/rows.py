"""Runs one row of the matrix: a server under a load, or a client against a server, with the agent beside it."""
from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

import workshop
from books import SIZES_UNKNOWN, Truth, everything_wrong, requests_of, wrong_log
from clients import GO as GO_CLIENT
from clients import Call, ClientRuntime, run_client
from harness import FULL, QUIET_SECONDS, Agent, settle, wait_until
from mix import CHUNKED_STEPS, STEPS, Counts, Mix, Step, counts_in_log, counts_of
from observed import Metrics
from servers import GO as GO_SERVER
from servers import RunningServer, Runtime

KEEP_ALIVE_REQUESTS, SINGLE_REQUESTS = (10_000, 1_000) if FULL else (300, 50)
CONNECTIONS = 8
KEEP_ALIVE_SEED, SINGLE_SEED = 0, 5
SETTLE_SECONDS = 15.0


@dataclass
class Outcome:
    """One line of the table."""

    name: str
    sent: int
    client: int = 0
    server: int = 0
    agent: dict[str, int] = field(default_factory=dict)  # by role and service
    lost: int = 0
    unknown: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def take(self, metrics: Metrics, truths: Sequence[Truth], alone: bool = True) -> None:
        for role in {truth.role for truth in truths}:
            for service, counts in requests_of(metrics, role).items():
                self.agent[f"{role} {service}"] = counts.total()
        self.lost += int(metrics.total("beyla_events_lost_total"))
        self.unknown += int(metrics.total(SIZES_UNKNOWN))
        self.wrong += everything_wrong(metrics, truths, alone)


TABLE_HEAD = f"{'row':<42} {'sent':>6} {'client':>6} {'server':>6} {'lost':>5} {'unknown':>7} {'seconds':>7}  agent"


def table_line(outcome: Outcome) -> str:
    agent = ", ".join(f"{who} {count}" for who, count in sorted(outcome.agent.items()))
    verdict = "" if not outcome.wrong else "  WRONG"
    return (
        f"{outcome.name:<42} {outcome.sent:>6} {outcome.client:>6} {outcome.server:>6} {outcome.lost:>5} "
        f"{outcome.unknown:>7} {outcome.seconds:>7.1f}  {agent or 'nothing'}{verdict}"
    )


def send_loads(client: ClientRuntime, executable: Path, port: int, mix: Mix, folder: Path) -> Counts:
    """Both loads; what the client counted."""
    file = folder / "mix"
    mix.write(file)
    kept = Call(port, KEEP_ALIVE_REQUESTS, True, file, KEEP_ALIVE_SEED, CONNECTIONS)
    single = Call(port, SINGLE_REQUESTS, False, file, SINGLE_SEED, CONNECTIONS)
    return run_client(client, executable, kept) + run_client(client, executable, single)


def steps_of_loads(mix: Mix) -> list[Step]:
    return [*mix.sent(KEEP_ALIVE_REQUESTS, KEEP_ALIVE_SEED), *mix.sent(SINGLE_REQUESTS, SINGLE_SEED)]


def settled_metrics(agent: Agent, truths: Sequence[Truth], alone: bool = True) -> Metrics:
    """Once everything is counted, or after the deadline; and again when all is quiet: something may be invented."""
    settle(lambda: not everything_wrong(agent.scrape(), truths, alone), SETTLE_SECONDS)
    return agent.quiet_metrics() if alone else quiet_requests(agent, truths)


def quiet_requests(agent: Agent, truths: Sequence[Truth]) -> Metrics:
    """The metrics once no more requests are counted, whatever other processes of the machine do."""

    def settled() -> Metrics | None:
        before = agent.scrape()
        time.sleep(QUIET_SECONDS)
        after = agent.scrape()
        unchanged = all(requests_of(before, truth.role) == requests_of(after, truth.role) for truth in truths)
        return after if unchanged else None

    return wait_until(settled, SETTLE_SECONDS, "no more requests are counted")


def truths_of(server: RunningServer, steps: Sequence[Step]) -> list[Truth]:
    """What is true of each HTTP server of a chain; and of nginx as the client of the one behind it."""
    truths = []
    for part in server.chain():
        if not part.runtime.speaks_http:
            continue
        unknown = sum(step.chunked for step in steps) if part.runtime.answers_early else 0
        truths.append(Truth("server", part.service, steps, unknown))
        if part.behind and part.behind.runtime.speaks_http:
            truths.append(Truth("client", part.service, steps))
    return truths


def check_logs(outcome: Outcome, server: RunningServer, counted: Counts, steps: Sequence[Step]) -> None:
    expected = counts_of(steps)
    outcome.client = counted.total()
    outcome.wrong += wrong_log("client", counted, expected)
    for part in server.chain():
        settle(lambda: counts_in_log(part.place.log) == expected, SETTLE_SECONDS)
        logged = counts_in_log(part.place.log)
        outcome.wrong += wrong_log(f"log of {part.runtime.name}", logged, expected)
    outcome.server = counts_in_log(server.place.log).total()


@contextlib.contextmanager
def in_order(first: contextlib.AbstractContextManager, second: contextlib.AbstractContextManager):
    with first, second:
        yield


def run_server_row(runtime: Runtime, agent_first: bool) -> Outcome:
    mix = Mix(STEPS + CHUNKED_STEPS if runtime.chunked_requests else STEPS)
    steps = steps_of_loads(mix)
    started = time.monotonic()
    outcome = Outcome(f"{runtime.name}, {'agent' if agent_first else 'server'} first", len(steps))
    server = RunningServer(runtime)
    agent = Agent({"OPEN_PORT": ",".join(str(part.port) for part in server.chain())}, print_traces=False)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beyla-matrix-")))
        stack.enter_context(in_order(agent, server) if agent_first else in_order(server, agent))
        load = workshop.go_program("go_client", "clients/go")
        counted = send_loads(GO_CLIENT, load, server.port, mix, folder)
        check_logs(outcome, server, counted, steps)
        truths = truths_of(server, steps)
        outcome.take(settled_metrics(agent, truths), truths)
    outcome.seconds = time.monotonic() - started
    return outcome


def run_client_row(client: ClientRuntime) -> Outcome:
    mix = Mix(STEPS + CHUNKED_STEPS)
    steps = steps_of_loads(mix)
    started = time.monotonic()
    outcome = Outcome(client.name, len(steps))
    with contextlib.ExitStack() as stack:
        # The folder's name is the only thing of the client's path that no other process has.
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="beyla-client-", dir=workshop.made_cache()))
        )
        executable = client.settle_in(folder)
        server = stack.enter_context(RunningServer(GO_SERVER))
        by_port = stack.enter_context(Agent({"OPEN_PORT": str(server.port)}, print_traces=False))
        by_name = stack.enter_context(Agent({"EXECUTABLE_NAME": folder.name}, print_traces=False))
        agents = [
            (by_port, truths_of(server, steps)),
            (by_name, [Truth("client", executable.name, steps)]),
        ]
        counted = send_loads(client, executable, server.port, mix, folder)
        check_logs(outcome, server, counted, steps)
        for agent, truths in agents:
            alone = agent is by_port
            outcome.take(settled_metrics(agent, truths, alone), truths, alone)
    outcome.seconds = time.monotonic() - started
    return outcome
