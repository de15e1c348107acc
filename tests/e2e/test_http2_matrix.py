"""Every stream of HTTP/2 is accounted for, by clients and servers of many makes, in clear text and behind TLS.

ROWS chooses rows by name, separated by semicolons; ROWS=all is the whole matrix (`make test-matrix`); without it some of
each kind. FULL=1 sends the acceptance numbers."""
from __future__ import annotations

import os
import signal
import tempfile
import unittest
from collections import Counter
from pathlib import Path
from typing import Mapping, Sequence

from go_targets import wait_probed
from harness import FULL, Agent, main, settle, wait_until
from http2_load import CLIENTS, Ask, Client, Curl, CurlUpgrade, H2load, Nghttp, Node, Truth
from http2_targets import SERVERS, GoHttp2, H2o, Http2Server, Nghttpd, NginxHttp2, NodeHttp2
from observed import Metrics
from processes import family
from workshop import duplicate

ROWS = os.environ.get("ROWS", "")
REQUESTS = 10_000 if FULL else 400
ATTACH_SECONDS = 15
EXCHANGES = "beyla_exchanges_total"
INCOMPLETE = "beyla_exchanges_incomplete_total"
NOTHING_OF = (
    "beyla_events_lost_total", "beyla_exchanges_unpaired_total", "beyla_connection_gaps_total",
    "beyla_exchanges_partly_unknown_total",
)
TLS_DOUBTS = ("tls_unbound", "tls_misfit", "tls_table_full")
SLICE = ("nghttpd tls", "nginx tls", "h2o clear", "h2o tls", "node clear", "node tls", "go tls",
         "h2load tls to nghttpd", "nghttp clear to nginx", "curl tls to h2o", "node tls to nghttpd")


def way(secure: bool) -> str:
    return "tls" if secure else "clear"


def is_chosen(name: str) -> bool:
    return ROWS == "all" or name in [row.strip() for row in ROWS.split(";")] or (not ROWS and name in SLICE)


def wait_for_tls(agent: Agent, pid: int) -> None:
    wait_until(
        lambda: any(f"TLS probes in pid={pid} " in line and "should it be" not in line for line in agent.stderr().splitlines()),
        ATTACH_SECONDS, "TLS probes",
    )


def line_of(line: str) -> Ask:
    """What a trace line says was asked and answered. Its size may be unknown: of a body whose end came after the answer."""
    status, method, path = line.split(") ", 1)[1].split(" ")[:3]
    return method, path, int(status)


class SlowH2load(H2load):
    paths = {"/slow": 200}  # a third of a second


def signal_all(server: Http2Server, number: signal.Signals) -> None:
    """Its workers, too."""
    for pid in family(server.process.pid):
        os.kill(pid, number)


class MatrixTest(unittest.TestCase):
    def judge(self, agent: Agent, truth: Truth, side: str) -> None:
        settle(lambda: agent.scrape().total(EXCHANGES, role=side) >= truth.answered.total(), 20)
        settle(lambda: len(agent.lines()) >= truth.answered.total(), 10)
        metrics = agent.quiet_metrics()
        asked: Counter[tuple[str, ...]] = Counter()
        for (method, _, status), count in truth.answered.items():
            asked[method, str(status)] += count
        seen = metrics.by(f"http_{side}_duration_seconds_count", "http_method", "http_status_code")
        self.assertEqual(seen, asked, self.doubts(metrics))
        incomplete = {reason: count for (reason,), count in metrics.by(INCOMPLETE, "reason").items() if count}
        incomplete.pop("undecided", None)  # of whatever else was started meanwhile: is it the client that is looked for
        self.assertEqual(incomplete, {"no_answer": truth.unanswered} if truth.unanswered else {})
        for name in NOTHING_OF:
            self.assertEqual(metrics.total(name), 0, name)
        for reason in TLS_DOUBTS:
            self.assertEqual(metrics.total("beyla_capture_degraded_total", reason=reason), 0, reason)
        if side == "server":  # lines are of requests that were served
            self.assertEqual(Counter(map(line_of, agent.lines())), truth.answered)

    def doubts(self, metrics: Metrics) -> str:
        names = (INCOMPLETE, *NOTHING_OF, "beyla_capture_degraded_total")
        return "\n".join(f"{name} {dict(key)} {value}" for name in names for key, value in metrics.select(name).items() if value)

    def check_server(self, server: Http2Server, clients: Sequence[type[Client]], environment: Mapping[str, str] = {}) -> None:
        with server, Agent({"OPEN_PORT": str(server.port), **environment}) as agent:
            if isinstance(server, GoHttp2) and not environment:
                wait_probed(agent, server.process.pid)
            elif server.secure:
                wait_for_tls(agent, server.process.pid)
            truth = Truth()
            for client in clients:
                truth.add(client(server, REQUESTS).run())
            self.judge(agent, truth, "server")
            print(f"{server.name} {way(server.secure)}: {truth.requests} requests", flush=True)

    def test_servers(self) -> None:
        for make in SERVERS:
            for secure in (False, True):
                name = f"{make.name} {way(secure)}"
                clients = [*CLIENTS, CurlUpgrade] if make.upgrades and not secure else CLIENTS
                sockets_only = {"BEYLA_SKIP_GO_SPECIFIC_TRACERS": "true"} if make is GoHttp2 and not secure else {}
                if is_chosen(name):
                    with self.subTest(name):
                        self.check_server(make(secure), clients, sockets_only)

    def check_client(self, client: type[Client], server: Http2Server) -> None:
        with server, tempfile.TemporaryDirectory(prefix="beyla-http2-") as folder:
            run = client(server, REQUESTS)
            program = duplicate(Path(run.program()), Path(folder) / f"{client.name}-{server.port}")
            with Agent({"EXECUTABLE_NAME": program.name}) as agent:
                def once_started(pid: int) -> None:
                    if server.secure:
                        wait_for_tls(agent, pid)
                    else:
                        wait_until(lambda: f"pid={pid} " in agent.stderr(), ATTACH_SECONDS, "the client is selected")
                    signal_all(server, signal.SIGCONT)

                signal_all(server, signal.SIGSTOP)  # the client waits until its probes are there
                try:
                    truth = run.run(program, once_started)
                finally:
                    signal_all(server, signal.SIGCONT)
                self.judge(agent, truth, "client")
                print(f"{client.name} {way(server.secure)} to {server.name}: {truth.requests} requests", flush=True)

    def test_clients(self) -> None:
        for client in (H2load, Nghttp, Curl, Node):
            for make in (Nghttpd, NginxHttp2, H2o, NodeHttp2):
                for secure in (False, True):
                    name = f"{client.name} {way(secure)} to {make.name}"
                    if is_chosen(name):
                        with self.subTest(name):
                            self.check_client(client, make(secure))

    def test_a_go_server_that_is_asked_before_its_probes_are_in(self) -> None:
        """What its sockets told until then, the probes tell from then on, with 100 requests open: none twice, none lost."""
        with Agent({"OPEN_PORT": str((server := GoHttp2(False)).port)}) as agent, server:
            truth = SlowH2load(server, 1000).run()
            wait_probed(agent, server.process.pid)
            settle(lambda: len(agent.lines()) >= truth.requests, 10)
            self.assertEqual(Counter(map(line_of, agent.lines())), truth.answered)
            metrics = agent.quiet_metrics()
            self.assertEqual(metrics.total(EXCHANGES), truth.requests)
            self.assertEqual(metrics.total(INCOMPLETE), 0)

    def test_rows_of_the_slice(self) -> None:
        servers = {f"{make.name} {way(secure)}" for make in SERVERS for secure in (False, True)}
        for name in SLICE:
            self.assertTrue(name in servers or name.split(" to ")[-1] in {make.name for make in SERVERS}, name)


if __name__ == "__main__":
    main()
