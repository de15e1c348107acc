"""Floods of HTTP/2 (CVE-2019-9511 to -9518, CVE-2023-44487, CVE-2024-27316, and tables as large as they may be): the
agent's memory does not grow with them, what another connection asks meanwhile is counted exactly, and what of the
flood is not counted is counted as such, by reason."""
from __future__ import annotations

import re
import subprocess
import threading
import time
import unittest
from typing import Callable

from c_targets import build_c_target
from harness import FULL, Agent, end_process, main, required_program, settle
from http2_client import LateClient
from observed import Metrics
from processes import cpu_seconds, memory_of
from targets import Server
from test_http2 import COUNT, EXCHANGES, Nghttpd, NginxOfFiles, write_bodies

SECONDS = 60 if FULL else 3
MEBIBYTE = 1 << 20
MORE_BYTES = 8 * MEBIBYTE
CLIENT_PAUSE_SECONDS = 0.005
WARM_REQUESTS = 300
INCOMPLETE = "beyla_exchanges_incomplete_total"
FLOODS = {  # connections of each
    "continuation": 4, "bomb": 4, "reset": 4, "settings": 4, "ping": 4, "window": 4, "data": 4,
    "streams": 50, "tables": 300,
}


class GenerousNghttpd(Nghttpd):
    """It lets clients open many streams and keep large tables."""

    def command(self) -> list[str]:
        write_bodies(self.folder)
        return [required_program("nghttpd"), "--no-tls", "--max-concurrent-streams=10000", "--header-table-size=65536",
                f"--htdocs={self.folder}", str(self.port)]


class SteadyClient:
    """Asks for one file on one connection, time after time; a thread of its own inside the block."""

    def __init__(self, port: int) -> None:
        self._client = LateClient(port)
        self._thread = threading.Thread(target=self._run)
        self._ends = threading.Event()
        self._error: Exception | None = None
        self.answered = 0

    def __enter__(self) -> SteadyClient:
        self._thread.start()
        return self

    def __exit__(self, error_type: object, *_: object) -> None:
        self._ends.set()
        self._thread.join()
        self._client.close()
        if self._error and not error_type:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._ends.wait(CLIENT_PAUSE_SECONDS):
                self._client.get("/small")
                self.answered += 1
        except Exception as error:  # told by the block's end
            self._error = error


def flood(port: int, kind: str, connections: int, look: Callable[[], None]) -> dict[str, int]:
    """What was sent. Calls look() now and then."""
    program = build_c_target("http2_flood")
    command = [str(program), str(port), kind, str(SECONDS), str(connections)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        settle(lambda: (look(), process.poll() is not None)[1], SECONDS + 20)
    finally:
        end_process(process)
    if process.returncode != 0:
        raise AssertionError(f"the flood ended with {process.returncode}")
    output = process.stdout.read().decode()
    process.stdout.close()
    return {name: int(count) for name, count in re.findall(r"(\w+) (\d+)", output)}


def memory(agent: Agent) -> int:
    """Not "Pss": that grows when another program ends with which the agent shares its pages, as those of other tests."""
    return sum(memory_of(pid)["Rss"] for pid in agent.pids)


class Http2FloodsTest(unittest.TestCase):
    def check(self, target: type[Server], *arguments: str) -> None:
        for kind, connections in FLOODS.items():
            with self.subTest(kind), target(*arguments) as server:
                with Agent({"OPEN_PORT": str(server.port)}, print_traces=False) as agent:
                    self.check_flood(agent, server, kind, connections)

    def check_flood(self, agent: Agent, server: Server, kind: str, connections: int) -> None:
        with SteadyClient(server.port) as client:
            settle(lambda: client.answered >= WARM_REQUESTS, 20)
            sizes = [memory(agent)]
            cpu, begun = cpu_seconds(*agent.pids), time.monotonic()
            sent = flood(server.port, kind, connections, lambda: sizes.append(memory(agent)))
            busy = (cpu_seconds(*agent.pids) - cpu) / (time.monotonic() - begun)
            sizes.append(memory(agent))
            before = client.answered
            settle(lambda: client.answered > before + 1, 20)
        settle(lambda: agent.scrape().total(COUNT, http_status_code="200") == client.answered, 10)
        metrics = agent.quiet_metrics()
        reasons = {key[0]: int(count) for key, count in metrics.by(INCOMPLETE, "reason").items() if count}
        print(f"{server.name} {kind}: {sent}, steady {client.answered}, +{(max(sizes) - sizes[0]) / MEBIBYTE:.1f} MiB, "
              f"{100 * busy:.0f} % of a CPU, incomplete {reasons}, "
              f"events lost {int(metrics.total('beyla_events_lost_total'))}", flush=True)
        missing = client.answered - metrics.total(COUNT, http_status_code="200")
        # An answer to each of very many streams is a short record: those fill the ring to its end.
        most = metrics.total("beyla_events_lost_total") if kind == "streams" else 0
        self.assertTrue(0 <= missing <= most, f"{missing} requests are missing")
        self.assertLessEqual(max(sizes) - sizes[0], MORE_BYTES)
        self.check_books(metrics, client.answered + sent["requests"])

    def check_books(self, metrics: Metrics, most: int) -> None:
        """Nothing was invented, no event is nowhere."""
        told = metrics.total(EXCHANGES) + metrics.total(INCOMPLETE)
        self.assertLessEqual(told, most)

    def test_nghttpd(self) -> None:
        self.check(GenerousNghttpd)

    def test_nginx(self) -> None:
        self.check(NginxOfFiles, "on")


if __name__ == "__main__":
    main()
