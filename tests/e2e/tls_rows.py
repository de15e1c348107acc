"""Runs one row of the TLS matrix: a server under a load, or a client against a server, with the agent beside it."""
from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator, Sequence

import workshop
from harness import FULL, Agent, required_program, settle, wait_until
from processes import family
from servers import RunningServer, Runtime
from tls_client import RunningClient
from tls_judge import everything_wrong, told_counts
from tls_load import HUGE, LARGE, SMALL, Ask, Told, run_tls_load
from tls_targets import TLS, TlsClient, TlsServer, certificate, script

REQUESTS = 600
ALL_REQUESTS = 10_000 if FULL else REQUESTS  # with the agent last: which came first matters to the probes only
PROBES_SECONDS = 20
LOG_LINES = 20  # of the agent's log that are shown
TLS_LIBRARIES = ("libssl", "libgnutls", "libnetty_tcnative")


@dataclass
class Outcome:
    """One line of the table."""

    name: str
    sent: int = 0
    connections: int = 0
    resumed: int = 0
    told: dict[str, int] = field(default_factory=dict)  # by kind
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


TABLE_HEAD = f"{'row':<46} {'sent':>6} {'connections':>11} {'resumed':>7} {'server':>6} {'client':>6} {'seconds':>7}"


def table_line(outcome: Outcome) -> str:
    server, client = (outcome.told.get(kind, 0) for kind in ("SERVER", "CLIENT"))
    return (
        f"{outcome.name:<46} {outcome.sent:>6} {outcome.connections:>11} {outcome.resumed:>7} {server:>6} {client:>6} "
        f"{outcome.seconds:>7.1f}{'  WRONG' if outcome.wrong else ''}"
    )


def needs_probes(pid: int) -> bool:
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        return any(name in maps for name in TLS_LIBRARIES) or holds_openssl(pid)
    except OSError:
        return False


def holds_openssl(pid: int) -> bool:
    """Node as nodejs.org and nodesource build it; Debian's has libnode beside it."""
    name = Path(os.readlink(f"/proc/{pid}/exe")).name
    return name in ("node", "witness") and "libnode" not in Path(f"/proc/{pid}/maps").read_text()


def has_probes(agent: Agent, pid: int, library: str, within: bool) -> bool:
    wanted = f"TLS probes in pid={pid} library={library}"
    # A library that is only armed is not what the executable itself holds.
    return any(wanted in line and not (within and "should it be" in line) for line in agent.stderr().splitlines())


def wait_for_probes(agent: Agent, pids: Sequence[int], library: str = "openssl") -> None:
    for pid in pids:
        wait_until(
            lambda: has_probes(agent, pid, library, holds_openssl(pid)), PROBES_SECONDS, f"TLS probes in process {pid}")


def wrong_with_log(agent: Agent, expected: Counter[Told]) -> list[str]:
    wrong = everything_wrong(agent, expected)
    return [*wrong, *agent.stderr().splitlines()[-LOG_LINES:]] if wrong else []


def watched(server: RunningServer) -> list[int]:
    return [pid for part in server.chain() for pid in family(part.pid) if needs_probes(pid)]


def wait_until_all_run(server: RunningServer) -> None:
    """Workers that are still being started get probes, too."""
    def steady() -> bool:
        before = watched(server)
        time.sleep(0.5)
        return bool(before) and before == watched(server)

    wait_until(steady, PROBES_SECONDS, "all workers run")


@contextlib.contextmanager
def in_order(first: contextlib.AbstractContextManager, second: contextlib.AbstractContextManager) -> Iterator[None]:
    with first, second:
        yield


def json_agent(**environment: str) -> Agent:
    return Agent({"BEYLA_TRACE_PRINTER": "json", **environment}, print_traces=False)


def order(agent_first: bool) -> str:
    return "agent first" if agent_first else "agent last"


def requests(agent_first: bool) -> int:
    return REQUESTS if agent_first else ALL_REQUESTS


def run_server_row(row: TlsServer, agent_first: bool) -> Outcome:
    started = time.monotonic()
    outcome = Outcome(f"{row.name}, {order(agent_first)}")
    server = RunningServer(row.runtime)
    ports = [part.port for part in server.chain()]
    agent = json_agent(OPEN_PORT=",".join(map(str, ports)))
    with in_order(agent, server) if agent_first else in_order(server, agent):
        wait_until_all_run(server)
        wait_for_probes(agent, watched(server))
        sent = run_tls_load(server.port, requests(agent_first), row.abilities, certificate()[0])
        outcome.sent, outcome.connections, outcome.resumed = sent.told.total(), sent.connections, sent.resumed
        outcome.wrong += sent.errors[:5]
        told = sent.told
        if server.behind:
            told = told + told_behind(server, told)
        outcome.wrong += wrong_with_log(agent, told)
        outcome.told = dict(told_counts(agent))
    outcome.seconds = time.monotonic() - started
    return outcome


def told_behind(server: RunningServer, told: Counter[Told]) -> Counter[Told]:
    """What the server behind says it was asked: by the one before it, as its client."""
    settle(lambda: len(logged(server.behind, "SERVER")) >= told.total(), 5)
    return Counter(logged(server.behind, "SERVER") + logged(server.behind, "CLIENT"))


def logged(server: RunningServer, kind: str) -> list[Told]:
    """By the log of tls/server.js."""
    requests = []
    for line in server.place.log.read_text().splitlines():
        method, status, path, size, client_port = line.split()
        requests.append(Told(kind, method, path, int(status), int(size), int(client_port), server.port))
    return requests


def client_asks(row: TlsClient, agent_first: bool) -> list[Ask]:
    """Each path is asked once."""
    return [client_ask(index, row.speaks == "wget") for index in range(requests(agent_first))]


def shared_out(row: TlsClient, asks: Sequence[Ask]) -> list[tuple[bool, Sequence[Ask]]]:
    """Most on connections that are kept, and a tenth each on one of its own."""
    if row.speaks != "mix" or not row.keeps:
        return [(row.keeps, asks)]
    kept = len(asks) - len(asks) // 10
    return [(True, asks[:kept]), (False, asks[kept:])]


def client_ask(index: int, only_gets: bool) -> Ask:
    if only_gets:
        status = (200, 404, 200, 502)[index % 4]
        return Ask("GET", f"/status/{status}/{index}", status)
    if index % 100 == 99:
        return Ask("POST", f"/hello/{index}", size=HUGE if index % 500 == 499 else LARGE)
    return (
        Ask("GET", f"/hello/{index}"), Ask("POST", f"/hello/{index}", size=SMALL),
        Ask("GET", f"/status/404/{index}", 404), Ask("PUT", f"/hello/{index}", size=5_000), Ask("GET", f"/status/502/{index}", 502),
        Ask("DELETE", f"/hello/{index}"), Ask("GET", f"/status/204/{index}", 204),
    )[index % 7]


WITNESS_SCRIPT = script(TLS / "server.js")


def run_client_row(row: TlsClient, agent_first: bool) -> Outcome:
    """The witness, which keeps the log, and the client run from one folder: the agent selects both by its name."""
    started = time.monotonic()
    outcome = Outcome(f"{row.name}, {order(agent_first)}")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beyla-tls-", dir=workshop.made_cache())))
        executable = row.settle_in(folder)
        witness_program = workshop.duplicate(
            Path(os.path.realpath(required_program("node"))), folder / "witness")
        witness = RunningServer(Runtime("witness", lambda: witness_program, WITNESS_SCRIPT))
        agent = json_agent(EXECUTABLE_NAME=folder.name)
        stack.enter_context(in_order(agent, witness) if agent_first else in_order(witness, agent))
        wait_for_probes(agent, [witness.pid])
        asks = client_asks(row, agent_first)
        for keeps, part in shared_out(row, asks):
            with RunningClient(row, executable, witness.port, part, keeps, folder) as client:
                wait_for_probes(agent, [client.process.pid], row.library)
                client.go()
        judge_client(outcome, agent, witness, asks)
    outcome.seconds = time.monotonic() - started
    return outcome


def judge_client(outcome: Outcome, agent: Agent, witness: RunningServer, asks: Sequence[Ask]) -> None:
    server = logged(witness, "SERVER")
    outcome.sent = len(server)
    outcome.connections = len({request.client_port for request in server})
    asked = Counter((ask.method, ask.path, ask.status, ask.size) for ask in asks)
    served = Counter((request.method, request.path, request.status, request.size) for request in server)
    if asked != served:
        outcome.wrong.append(f"{(asked - served).total()} not served, {(served - asked).total()} not asked")
    outcome.wrong += wrong_with_log(agent, Counter(server + logged(witness, "CLIENT")))
    outcome.told = dict(told_counts(agent))
