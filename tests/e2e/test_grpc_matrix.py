"""gRPC in every language: each implementation as server of a Go client and as client of a Go server, unary and streaming.

The client's word for each call is the truth; both ends must be told as it says, Go's without probes. Without settings the
rows that need no crate and no jar; ROWS=all is the whole matrix (`make test-matrix`), ROWS='tonic;grpc++' chooses.
"""
from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import unittest
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from grpc_targets import GO, PEERS, TONIC, WEB, Call, Peer, PeerClient, PeerServer
from go_programs import make_certificate
from harness import FULL, Agent, main, settle, wait_until
from observed import Metrics

ROWS = os.environ.get("ROWS", "")
NAMES = [name.strip() for name in ROWS.split(";")]
PASSES = 40 if FULL else 5
AT_ONCE = 50
UNIMPLEMENTED, CANCELLED, DEADLINE, UNAVAILABLE = 12, 1, 4, 14
SETTLE_SECONDS = 10
PROBED_SECONDS = 15
LOST = ("beyla_events_lost_total", "beyla_connection_gaps_total", "beyla_exchanges_unpaired_total")
INCOMPLETE = "beyla_exchanges_incomplete_total"
CLOCK_SECONDS = 0.002  # a timer of another clock may seem shorter by this


@dataclass(frozen=True)
class Step:
    """A kind of call, how it must end, and how long it takes at least."""

    call: Call
    code: int = 0
    seconds: float = 0.0


LOAD = (
    *[Step(Call("Unary", f"code={code}"), code) for code in (2, 3, 4, 5, 13, 14, 16)],
    *[Step(Call("Unary", "size=20"))] * 3,
    Step(Call("Unary", "size=1000000", bytes=1_000_000)),
    Step(Call("Unary", "size=3000", bytes=30_000, compress=True)),
    Step(Call("Unary", "size=20", metadata_bytes=7000)),
    Step(Call("Unary", "size=20", metadata_bytes=20_000)),  # with CONTINUATION
    Step(Call("Unary", "code=5&trailer=7000"), 5),
    Step(Call("Unary", "delay=150"), seconds=0.15),
    Step(Call("Absent", "n=1"), UNIMPLEMENTED),
    Step(Call("ServerStream", "count=3&interval=100&size=10"), seconds=0.3),
    Step(Call("ServerStream", "count=20&size=30000")),
    Step(Call("ServerStream", "code=14"), 14),
    Step(Call("ClientStream", "size=10", messages=5, bytes=40_000)),
    Step(Call("ClientStream", "delay=100", messages=3), seconds=0.3),
    Step(Call("ClientStream", "code=2", messages=2), 2),
    Step(Call("Bidirectional", "size=20000", messages=6)),
    Step(Call("Bidirectional", "delay=100&size=1", messages=3), seconds=0.3),
    Step(Call("Bidirectional", "code=13", messages=2), 13),
)
# Behind the load. A call's clock runs while it waits for its turn on the connection, before anyone can see it: these take half
# of their time at least, and the time is long enough that its end is known for what it is.
TIMED = (
    Step(Call("Unary", "delay=3000", timeout_ms=1000), DEADLINE, 0.5),
    Step(Call("Unary", "delay=900", cancel_ms=120), CANCELLED),
    Step(Call("ServerStream", "count=9&interval=100", cancel_ms=250), CANCELLED),
    Step(Call("ServerStream", "count=30&interval=100", timeout_ms=1000), DEADLINE, 0.5),
    Step(Call("Bidirectional", "delay=200&size=1", messages=4, cancel_ms=300), CANCELLED),
    Step(Call("Bidirectional", "delay=400&size=1", messages=6, timeout_ms=1000), DEADLINE, 0.5),
)
# Without streams of requests, which HTTP/1 does not have.
WEB_STEPS = (
    *[Step(Call("Unary", f"code={code}"), code) for code in (2, 4, 5, 13, 14)],
    *[Step(Call("Unary", "size=20"))] * 3,
    Step(Call("Unary", "size=900", bytes=30_000)),
    Step(Call("ServerStream", "count=3&interval=20&size=10"), seconds=0.06),
    Step(Call("ServerStream", "code=14"), 14),
    Step(Call("Unary", "code=12"), UNIMPLEMENTED),
)
OLD = (Step(Call("Unary", "delay=30"), seconds=0.03), Step(Call("ServerStream", "count=3&interval=40"), seconds=0.12))
OLD_AT_ONCE, MAX_AGE_MS = 5, "200"
KILLED, REFUSED = 11, 3
STEPS = LOAD * PASSES + TIMED * PASSES


def chosen() -> list[Peer]:
    unknown = set(NAMES) - {peer.name for peer in PEERS} - {"", "all"}
    if unknown:
        raise AssertionError(f"no row is called {unknown}")
    return [peer for peer in PEERS if ROWS == "all" or peer.name in NAMES or (not ROWS and peer.in_ci)]


def told_method(method: str, code: int, role: str) -> str:
    """What a server does not know may be called anything by its clients."""
    return "_OTHER" if role == "server" and code == UNIMPLEMENTED else f"/targets.Calls/{method}"


def may_end_as(step: Step, row: Row) -> tuple[int, ...]:
    """By its client's word."""
    if not step.call.timeout_ms:
        return (step.code,)
    return (*row.client.peer.codes_of_deadline, *row.server.peer.answers_of_deadline)


def must_be_told_as(step: Step, code: int, row: Row) -> int:
    """An answer is an answer; but where a client was only reset, it is not asked what it made of that."""
    return code if step.call.timeout_ms and code in row.server.peer.answers_of_deadline else step.code


def counted(metrics: Metrics, role: str) -> Counter[tuple[str, int]]:
    by = metrics.by(f"rpc_{role}_duration_seconds_count", "rpc_method", "rpc_grpc_status_code")
    return Counter({(method, int(code)): int(count) for (method, code), count in by.items()})


def sent_again(metrics: Metrics) -> Counter[tuple[str, int]]:
    """What a connection that says goodbye left undone, and its client asks again on the next, is an attempt without answer."""
    return Counter({key: count for key, count in counted(metrics, "client").items() if key[1] == UNAVAILABLE})


def differences(what: str, agent: Counter, truth: Counter) -> list[str]:
    return [f"{what} {key}: agent {agent[key]}, truth {truth[key]}"
            for key in sorted(agent.keys() | truth.keys()) if agent[key] != truth[key]]


def wrong_durations(lines: Sequence[dict], kind: str, least: dict[tuple[str, int], list[float]]) -> list[str]:
    """Of the calls of a method with a code the longest took at least as long as the longest must, and so on."""
    wrong = []
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for line in lines:
        if line.get("kind") == kind:
            found[line["rpc.method"], line["rpc.grpc.status_code"]].append(line["duration_ns"] / 1e9)
    for key, seconds in sorted(least.items()):
        pairs = zip(sorted(found[key], reverse=True), sorted(seconds, reverse=True))
        short = [pair for pair in pairs if pair[0] < pair[1] - CLOCK_SECONDS]
        if short or len(found[key]) != len(seconds):
            wrong.append(f"{kind} {key}: {len(found[key])} lines of {len(seconds)} calls; too short: {short[:3]}")
    return wrong


class Row:
    """A server and a client beside the agent that watches both, with TLS the one that it can look into."""

    roles = ("server", "client")

    def __init__(self, server: Peer, client: Peer, at_once: int = AT_ONCE, **environment: str) -> None:
        self.server = PeerServer(server, environment)
        self.client = PeerClient(client, {key: value for key, value in environment.items() if key.startswith("TLS_")})
        self.at_once = at_once
        self.grows_old = "MAX_AGE_MS" in environment
        self.name = f"{client.name} calls {server.name}"

    @contextlib.contextmanager
    def running(self):
        ports = f"{self.server.port},{self.client.port}"
        environment = {"OPEN_PORT": ports, "BEYLA_SKIP_GO_SPECIFIC_TRACERS": "true", "BEYLA_TRACE_PRINTER": "json"}
        self.client.start(self.server.port, self.at_once)
        try:
            with Agent(environment, print_traces=False) as agent, self.server:
                self.wait_probed(agent)
                yield agent
        finally:
            self.client.stop()


    def wait_probed(self, agent: Agent) -> None:
        pass


class TlsRow(Row):
    def __init__(self, server: Peer, client: Peer, certificate: Path, key: Path) -> None:
        super().__init__(server, client, TLS_CERTIFICATE=str(certificate), TLS_KEY=str(key))
        self.roles = ("client",) if server is GO else ("server",)
        self.name += ", TLS"

    def wait_probed(self, agent: Agent) -> None:
        process = self.client.process if self.roles == ("client",) else self.server.process
        probed = f"TLS probes in pid={process.pid} "
        wait_until(lambda: probed in agent.stderr(), PROBED_SECONDS, probed)


class GrpcMatrixTest(unittest.TestCase):
    def settled(self, row: Row, agent: Agent, calls: int) -> Metrics:
        def all_told() -> bool:
            metrics = agent.scrape()
            return all(counted(metrics, role).total() >= calls for role in row.roles)

        settle(all_told, SETTLE_SECONDS)
        return agent.quiet_metrics()

    def wrong(self, row: Row, agent: Agent, steps: Sequence[Step], codes: Sequence[int]) -> list[str]:
        unsent = row.client.peer.code_of_unsent
        pairs = [(step, code) for step, code in zip(steps, codes) if code == step.code or code != unsent or step.call.timeout_ms]
        steps, codes = [step for step, _ in pairs], [code for _, code in pairs]
        wrong = [f"{step.call} ended with {code}" for step, code in zip(steps, codes)
                 if code not in may_end_as(step, row)]
        metrics = self.settled(row, agent, len(steps))
        lines = [json.loads(line) for line in agent.lines()]
        again = {"server": Counter(), "client": sent_again(metrics) if row.grows_old else Counter()}
        for role in row.roles:
            truth: Counter[tuple[str, int]] = Counter()
            least: dict[tuple[str, int], list[float]] = defaultdict(list)
            for step, code in zip(steps, codes):
                told = must_be_told_as(step, code, row)
                key = told_method(step.call.method, told, role), told
                truth[key] += 1
                least[key].append(step.seconds)
            wrong += differences(role, counted(metrics, role) - again[role], truth)
            told = [line for line in lines if not (row.grows_old and line["rpc.grpc.status_code"] == UNAVAILABLE)]
            wrong += wrong_durations(told, role.upper(), least)
        for name, expected in (*((name, 0) for name in LOST), (INCOMPLETE, again["client"].total())):
            if metrics.total(name) != expected:
                wrong.append(f"{name}: {metrics.select(name)}, not {expected}")
        return wrong

    def check(self, row: Row, steps: Sequence[Step]) -> None:
        begun = time.monotonic()
        with self.subTest(row.name), row.running() as agent:
            codes = row.client.make([step.call for step in steps])
            wrong = self.wrong(row, agent, steps, codes)
            print(f"{row.name:<30} {len(steps):>6} calls {time.monotonic() - begun:>6.1f} s  "
                  f"{'WRONG' if wrong else 'exact'}", flush=True)
            if wrong:
                self.fail("\n".join([row.name, *wrong]))

    def test_servers(self) -> None:
        for peer in chosen():
            self.check(Row(peer, GO), STEPS)

    def test_clients(self) -> None:
        for peer in chosen():
            self.check(Row(GO, peer), STEPS)

    def test_tls(self) -> None:
        with tempfile.TemporaryDirectory(prefix="beyla-grpc-") as folder:
            certificate, key = make_certificate(Path(folder))
            for peer in chosen():
                if peer.visible_tls:
                    self.check(TlsRow(peer, GO, certificate, key), STEPS)
                    self.check(TlsRow(GO, peer, certificate, key), STEPS)

    def test_web(self) -> None:
        if TONIC not in chosen():
            self.skipTest("tonic is not chosen, the one server that knows gRPC-Web")
        self.check(Row(TONIC, WEB), WEB_STEPS * PASSES)

    def test_connections_grow_old(self) -> None:
        for peer in chosen():
            for server, client in ((peer, GO), (GO, peer)):
                self.check(Row(server, client, OLD_AT_ONCE, MAX_AGE_MS=MAX_AGE_MS), OLD * 10 * PASSES)

    def check_killed(self, row: Row) -> None:
        """Calls that wait when their server ends were begun and never answered; those that find nobody are seen by nobody."""
        waiting = [Call("Unary", "delay=50000")] * (KILLED - 1)
        last = Call("Unary", "delay=300&exit=1")
        with self.subTest(row.name), row.running() as agent:
            codes = row.client.make([*waiting, last, *[Call("Unary", "size=1")] * REFUSED])
            self.assertEqual(codes, [row.client.peer.code_of_broken] * (KILLED + REFUSED))
            settle(lambda: counted(agent.scrape(), "client").total() >= KILLED, SETTLE_SECONDS)
            metrics = agent.quiet_metrics()
            told = counted(metrics, "client")
            self.assertEqual(set(told), {("/targets.Calls/Unary", UNAVAILABLE)})
            # Some may still have been sent, to nobody.
            self.assertIn(told.total(), range(KILLED, KILLED + REFUSED + 1))
            self.assertEqual(counted(metrics, "server"), {})
            self.assertEqual(metrics.total(INCOMPLETE, role="server", reason="no_answer"), KILLED)
            self.assertEqual(metrics.total(INCOMPLETE), KILLED)

    def test_servers_that_end(self) -> None:
        for peer in chosen():
            for server, client in ((peer, GO), (GO, peer)):
                self.check_killed(Row(server, client, KILLED))


if __name__ == "__main__":
    main()
