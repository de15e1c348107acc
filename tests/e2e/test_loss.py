"""Loss on purpose: the agent is stopped under load until its ring is full. The books balance to the unit, each lost
record costs at most one request, nothing is paired wrongly, and afterwards every request counts again."""
import os
import signal
import subprocess
import threading
import time
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from harness import FULL, Agent, main, required_program, settle, wait_until
from http_client import Request, run_load, send_once
from judge import agrees, seen_of
from kernel_books import counts_map_id, read_counts
from observed import Metrics
from raw_http import Seen
from targets import Nginx, PythonServer

CONNECTIONS = 32  # of each of the two loads
LOST_RECORDS = 10_000  # so many lost: the ring was full for a while
STOPPED_SECONDS = 5 if FULL else 0  # at least; the ring's size decides otherwise
OVERFLOW_SECONDS = 60
ROUNDS = 5 if FULL else 2  # each has two edges, where halves of exchanges are lost
PIPELINED = 4  # so few that no budget of copied bytes ends in their answers
RECOVERY_REQUESTS = 500
STATUSES = (200, 201, 404, 409, 500, 503)
BODY_SIZES = (0, 1, 50, 300)
QUIET_INTERVAL_SECONDS = 0.1

# Each path says what its answer's status and its request's method and body are: a wrong pair shows in its own line.
WRK_SCRIPT = """
local requests, next_one = {{}}, 0
init = function()
  for _, status in ipairs({{{statuses}}}) do
    for _, size in ipairs({{{sizes}}}) do
      local method = size == 0 and "GET" or "POST"
      local path = string.format("/status/%d/%s/%d", status, method, size)
      local headers = {{}}
      if {close} then headers["Connection"] = "close" end
      table.insert(requests, wrk.format(method, path, headers, string.rep("b", size)))
    end
  end
end
request = function()
  local batch = {{}}
  for position = 1, {depth} do
    next_one = next_one % #requests + 1
    batch[position] = requests[next_one]
  end
  return table.concat(batch)
end
"""


@dataclass(frozen=True)
class Kind:
    """Of a load: a connection for each request, or so many requests before the first answer."""

    close: bool = False
    depth: int = 1


def expected_of(path: str) -> Seen:
    _, _, status, method, size = path.split("/")
    return Seen(method, path, int(status), int(size))


class StatusNginx(Nginx):
    """Answers /status/CODE/… with that status, after reading the body."""

    def command(self) -> list[str]:
        command = super().command()
        configuration = Path(command[-1])
        locations = "".join(f'    location /status/{code}/ {{ return {code} "{code}\\n"; }}\n' for code in STATUSES)
        text = configuration.read_text()
        configuration.write_text(text.replace("    location / {", f"{locations}    location / {{"))
        return command


class Load:
    """A wrk for each kind until stop(), which returns how many answers they counted."""

    def __init__(self, server: StatusNginx, kinds: Sequence[Kind] = (Kind(), Kind(close=True))) -> None:
        self._processes = [self._start(server, kind) for kind in kinds]

    def _start(self, server: StatusNginx, kind: Kind) -> subprocess.Popen[str]:
        script = server.folder / f"load-{kind.close}-{kind.depth}.lua"
        sizes, statuses = (", ".join(map(str, values)) for values in (BODY_SIZES, STATUSES))
        close = "true" if kind.close else "false"
        script.write_text(WRK_SCRIPT.format(statuses=statuses, sizes=sizes, close=close, depth=kind.depth))
        command = [
            required_program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{10 * OVERFLOW_SECONDS}s", "-s", str(script),
            f"http://127.0.0.1:{server.port}/",
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stop(self) -> int:
        for process in self._processes:
            process.send_signal(signal.SIGINT)
        outputs = [process.communicate(timeout=30)[0] for process in self._processes]
        return sum(int(line.split()[0]) for text in outputs for line in text.splitlines() if "requests in" in line)


class QuietClient:
    """Ten requests a second until stop(); remembers when each was sent."""

    def __init__(self, port: int) -> None:
        self.sent_at: list[float] = []
        self._port, self._stopping = port, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(QUIET_INTERVAL_SECONDS):
            self.sent_at.append(time.monotonic())
            send_once(self._port, Request("GET", f"/quiet/{len(self.sent_at)}"))

    def stop(self) -> list[float]:
        self._stopping.set()
        self._thread.join()
        return self.sent_at


def overflow(agent: Agent) -> tuple[float, float]:
    """Stops the processor until records are lost; returns when the ring was full and when the agent ran again."""
    counts_map = counts_map_id(agent.pid)
    began, lost_before = time.monotonic(), read_counts(counts_map)["data"].lost
    processor = agent.processor_pid
    os.kill(processor, signal.SIGSTOP)
    try:
        wait_until(lambda: read_counts(counts_map)["data"].lost > lost_before, OVERFLOW_SECONDS, "the ring is full")
        full = time.monotonic()
        wait_until(
            lambda: read_counts(counts_map)["data"].lost >= lost_before + LOST_RECORDS
            and time.monotonic() >= began + STOPPED_SECONDS,
            OVERFLOW_SECONDS, f"{LOST_RECORDS} records are lost",
        )
    finally:
        os.kill(processor, signal.SIGCONT)
    return full, time.monotonic()


class LossTest(unittest.TestCase):
    def test_a_reader_that_was_stopped(self) -> None:
        with StatusNginx() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            load, began = Load(server), time.monotonic()
            try:
                for _ in range(ROUNDS):
                    self.wait_for_more(agent)
                    overflow(agent)
                self.wait_for_more(agent)
            finally:
                answered = load.stop()
            rate = answered / (time.monotonic() - began)
            metrics = agent.quiet_metrics()
            self.check_books(metrics, answered, rate)
            self.check_pairs(agent, metrics)
            self.check_recovery(agent, server.port, metrics)

    def test_pipelined_connections(self) -> None:
        """What is lost on them may take all that follows with it; it is never paired wrongly."""
        with StatusNginx() as server, Agent({"OPEN_PORT": str(server.port)}) as agent:
            load = Load(server, [Kind(depth=PIPELINED)])
            try:
                self.wait_for_more(agent)
                overflow(agent)
            finally:
                answered = load.stop()
            metrics = agent.quiet_metrics()
            print(f"pipelined: answered {answered}, counted {metrics.requests().total()}", flush=True)
            self.assertLessEqual(metrics.requests().total(), answered + CONNECTIONS * PIPELINED)
            self.check_pairs(agent, metrics)
            self.check_recovery(agent, server.port, metrics)

    def wait_for_more(self, agent: Agent) -> None:
        """Under load: requests are counted, also after a loss."""
        counted = agent.scrape().requests().total()
        wait_until(lambda: agent.scrape().requests().total() > counted, 10, "requests count")

    def check_books(self, metrics: Metrics, answered: int, rate: float) -> None:
        """quiet_metrics() has compared generated with delivered + lost, for each kind."""
        lost = {kind: int(value) for (kind,), value in metrics.by("beyla_events_lost_total", "kind").items()}
        counted = metrics.requests().total()
        gap = metrics.total("beyla_exchanges_incomplete_total", reason="gap")
        unpaired = metrics.total("beyla_exchanges_unpaired_total")
        print(f"answered {answered} at {rate:.0f}/s, counted {counted}; records lost {lost}", flush=True)
        print(f"requests dropped for a gap {gap:.0f}, answers without request {unpaired:.0f}", flush=True)
        self.assertGreaterEqual(lost["data"], LOST_RECORDS)
        self.assertEqual(lost["process"], 0)
        self.assertLessEqual(counted, answered + 2 * CONNECTIONS)  # wrk doesn't count what it has not read
        self.assertGreaterEqual(counted, answered - sum(lost.values()))

    def check_pairs(self, agent: Agent, metrics: Metrics) -> None:
        dropped, counted = metrics.total("beyla_trace_lines_dropped_total"), metrics.requests().total()
        settle(lambda: len(agent.lines()) + dropped >= counted, 10)
        lines = agent.lines()
        self.assertEqual(len(lines) + dropped, counted)
        seen = {seen_of(line) for line in lines}
        self.assertEqual([one for one in seen if not agrees(one, expected_of(one.path))], [])
        self.assertEqual(len({one.path for one in seen}), len(STATUSES) * len(BODY_SIZES))

    def check_recovery(self, agent: Agent, port: int, before: Metrics) -> None:
        load = run_load(port, RECOVERY_REQUESTS, 4, lambda index: Request("GET", f"/after/{index}"))
        expected = before.requests() + load.counts
        after = agent.wait_for_requests(expected)
        self.assertEqual(after.requests(), expected)
        self.assertEqual(after.total("beyla_events_lost_total"), before.total("beyla_events_lost_total"))
        # Connections whose close record was lost are forgotten, too.
        settle(lambda: agent.scrape().total("beyla_connections") == 0, 10)
        self.assertEqual(agent.scrape().total("beyla_connections"), 0)

    def test_a_quiet_neighbour(self) -> None:
        """What a noisy target costs one with ten requests a second: measured, no share is promised."""
        with StatusNginx() as noisy, PythonServer() as quiet:
            ports = f"{noisy.port},{quiet.port}"
            with Agent({"OPEN_PORT": ports}, print_traces=False) as agent:
                client, load = QuietClient(quiet.port), Load(noisy)
                try:
                    wait_until(lambda: agent.scrape().services()["nginx"], 10, "the noisy target is counted")
                    full, running = overflow(agent)
                finally:
                    load.stop()
                    sent_at = client.stop()
                metrics = agent.quiet_metrics()
                counted = sum(count for name, count in metrics.services().items() if name.startswith("python"))
                in_overflow = sum(full <= moment <= running for moment in sent_at)
                lost = len(sent_at) - counted
                print(f"quiet: {len(sent_at)} requests, {in_overflow} while the ring was full; {lost} not counted")
                self.assertLessEqual(counted, len(sent_at))
                self.assertLessEqual(lost, in_overflow + 2)  # 2: those on the edges


if __name__ == "__main__":
    main()
